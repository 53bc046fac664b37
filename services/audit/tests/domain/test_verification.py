"""The law of the chain: for any change of a ledger, its first altered number is found."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from audit.domain.entries import EMPTY, Decision, Entry, LedgerHead, Occurrence, append, hash_of
from audit.domain.verification import Finding, Flaw, Placed, Walk
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
TENANT = "ten_a"


def chain(length: int) -> list[Entry]:
    head, entries = EMPTY, []
    for number in range(1, length + 1):
        what = Occurrence(
            tenant_id=TENANT, occurred_at=AT, event_id=f"evt_{number}", action="PersonChanged",
            actor_id="per_ann", object="person:per_bo", version_after=number,
            details={"fields": "title"},
        )  # fmt: skip
        entries.append(append(head, what, now=AT))
        head = LedgerHead(number, entries[-1].hash)
    return entries


def placed(entries: list[Entry | None]) -> list[Placed]:
    """Documents in their places; None is one that can no longer be read."""
    return [
        Placed(no=no, tenant_id=TENANT, entry=entry) for no, entry in enumerate(entries, start=1)
    ]


def found(documents: list[Placed], *, anchors: dict[int, bytes] | None = None) -> Finding | None:
    walk = Walk(previous=EMPTY, anchors=anchors or {})
    for document in documents:
        if finding := walk.take(document):
            return finding
    return walk.finish(through=0)


def other(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case Decision():
            return Decision.REFUSED
        case datetime():
            return value + timedelta(milliseconds=1)
        case bool() | int():
            return value + 1
        case bytes():
            return bytes([value[0] ^ 1, *value[1:]])
        case str():
            return f"{value}x"
        case _:
            return {**value, "fields": "title email"} if value else ("dep_x",)


ENTRY_FIELDS = [field.name for field in fields(Entry) if field.name not in {"what", "no"}]
# `about` is not written down.
WHAT_FIELDS = [
    field.name for field in fields(Occurrence) if field.name not in {"tenant_id", "about"}
]
LENGTHS = st.integers(min_value=3, max_value=12)


@given(data=st.data(), length=LENGTHS)
def test_gw_07_any_changed_field_is_found_at_its_number(data: st.DataObject, length: int) -> None:
    entries = chain(length)
    no = data.draw(st.integers(min_value=1, max_value=length))
    name = data.draw(st.sampled_from(ENTRY_FIELDS + WHAT_FIELDS))
    entry = entries[no - 1]
    if name in ENTRY_FIELDS:
        changed = replace(entry, **{name: other(getattr(entry, name))})
    else:
        what = replace(entry.what, **{name: other(getattr(entry.what, name))})
        changed = replace(entry, what=what)

    finding = found(placed([*entries[: no - 1], changed, *entries[no:]]))

    assert finding is not None
    assert (finding.no, finding.flaw) == (no, Flaw.ALTERED)


@given(data=st.data(), length=LENGTHS)
def test_gw_07_an_entry_that_was_written_anew_with_its_hash_is_found(
    data: st.DataObject, length: int
) -> None:
    entries = chain(length)
    no = data.draw(st.integers(min_value=1, max_value=length - 1))
    entry = entries[no - 1]
    forged = replace(entry, what=replace(entry.what, actor_id="per_eve"))
    entries[no - 1] = replace(forged, hash=hash_of(forged))

    finding = found(placed(entries))

    assert finding is not None
    assert (finding.no, finding.flaw) == (no, Flaw.ALTERED)


@given(data=st.data(), length=LENGTHS)
def test_gw_07_a_removed_entry_is_found(data: st.DataObject, length: int) -> None:
    documents = placed(list(chain(length)))
    no = data.draw(st.integers(min_value=1, max_value=length - 1))
    del documents[no - 1]

    finding = found(documents)

    assert finding is not None
    assert (finding.no, finding.flaw) == (no, Flaw.REMOVED)


@given(data=st.data(), length=LENGTHS)
def test_gw_07_entries_that_changed_places_are_found_at_the_first(
    data: st.DataObject, length: int
) -> None:
    entries: list[Entry | None] = list(chain(length))
    first = data.draw(st.integers(min_value=0, max_value=length - 2))
    second = data.draw(st.integers(min_value=first + 1, max_value=length - 1))
    entries[first], entries[second] = entries[second], entries[first]

    finding = found(placed(entries))

    assert finding is not None
    assert (finding.no, finding.flaw) == (first + 1, Flaw.REORDERED)


@given(data=st.data(), length=LENGTHS)
def test_gw_07_a_cut_off_end_is_found_by_what_was_kept(data: st.DataObject, length: int) -> None:
    entries = chain(length)
    left = data.draw(st.integers(min_value=0, max_value=length - 1))
    documents = placed(list(entries[:left]))

    assert found(documents) is None
    finding = found(documents, anchors={length: entries[-1].hash})
    assert finding is not None
    assert (finding.no, finding.flaw) == (left + 1, Flaw.REMOVED)


def test_gw_07_a_chain_that_was_written_anew_is_found_by_what_was_kept() -> None:
    kept, head = chain(5), EMPTY
    forged = []
    for entry in kept:
        what = replace(entry.what, actor_id="per_eve") if entry.no == 3 else entry.what
        forged.append(append(head, what, now=AT))
        head = LedgerHead(entry.no, forged[-1].hash)

    assert found(placed(forged)) is None
    finding = found(placed(forged), anchors={2: kept[1].hash, 4: kept[3].hash})
    assert finding is not None
    assert (finding.no, finding.flaw) == (4, Flaw.ANCHOR)


def test_gw_07_what_can_no_longer_be_read_is_found() -> None:
    entries: list[Entry | None] = list(chain(3))
    entries[1] = None

    finding = found(placed(entries))

    assert finding is not None
    assert (finding.no, finding.flaw) == (2, Flaw.ALTERED)


def test_gw_07_an_untouched_ledger_has_no_finding_and_ends_where_it_ends() -> None:
    entries = chain(4)
    walk = Walk(previous=EMPTY, anchors={4: entries[-1].hash})

    assert [walk.take(each) for each in placed(list(entries))] == [None] * 4
    assert walk.finish(through=4) is None
    assert (walk.verified, walk.head) == (4, LedgerHead(4, entries[-1].hash))
