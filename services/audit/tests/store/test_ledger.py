"""The ledger on a real MongoDB: written once by any number, and every interference found."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from audit import queries
from audit.domain.entries import Occurrence
from audit.domain.reach import WHOLE
from audit.domain.refusals import LedgerDamaged
from audit.domain.verification import Flaw
from audit.operations import LedgerWriter
from audit.queries import Verification
from audit.store import EntryFilter, Store
from plexus_testkit.clock import FrozenClock
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Collection, Database
from plexuskit.paging import MAX_PAGE_BYTES

Happened = Callable[..., Occurrence]


async def verified(store: Store, *, tenant: str = "ten_a", **asked: Any) -> Verification:
    return await queries.verify_audit(
        store,
        tenant_id=tenant,
        **{"from_no": 0, "through_no": 0, "anchors": {}, "maximum": 1_000, **asked},
    )


async def exported(store: Store, **asked: Any) -> bytes:
    lines = queries.export_audit(
        store,
        tenant_id="ten_a",
        reach=WHOLE,
        **{"from_no": 0, "through_no": 0, "frame_bytes": 700, **asked},
    )
    return b"".join([each.content async for each in lines])


async def numbers(ledger: Collection, tenant: str = "ten_a") -> list[int]:
    return [each["no"] async for each in ledger.find({"tenant_id": tenant}, sort=[("_id", 1)])]


async def test_gw_07_numbers_are_dense_per_tenant_and_each_event_stands_once(
    ledger_writer: LedgerWriter, happened: Happened, ledger: Collection
) -> None:
    first = [happened(1), happened(2), happened(1, tenant="ten_b"), happened(2)]

    assert await ledger_writer.record(first) == 3
    assert await ledger_writer.record([happened(2), happened(3), happened(1), happened(4)]) == 2
    assert await numbers(ledger) == [1, 2, 3, 4]
    assert await numbers(ledger, "ten_b") == [1]


async def test_gw_07_many_writers_leave_one_whole_chain(
    store: Store, happened: Happened, ledger: Collection, clock: FrozenClock
) -> None:
    writers = [LedgerWriter(store, clock=clock) for _ in range(4)]

    async def write(writer: LedgerWriter, mine: int) -> None:
        # Every event is met by two writers, as it is when partitions move.
        for start in range(0, 30, 5):
            numbers = range(start, start + 5)
            await writer.record([happened(number + 30 * (mine // 2)) for number in numbers])

    await asyncio.gather(*(write(writer, mine) for mine, writer in enumerate(writers)))

    assert await numbers(ledger) == list(range(1, 61))
    found = await verified(store)
    assert (found.finding, found.verified, found.head.no) == (None, 60, 60)


async def test_gw_07_a_writer_goes_on_after_another_one(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, clock: FrozenClock
) -> None:
    await ledger_writer.record([happened(1)])
    await LedgerWriter(store, clock=clock).record([happened(2), happened(3)])
    await ledger_writer.record([happened(3), happened(4)])

    found = await verified(store)
    assert (found.finding, found.head.no) == (None, 4)


CHANGES: list[tuple[dict[str, Any], Flaw]] = [
    ({"$set": {"actor_id": "per_eve"}}, Flaw.ALTERED),
    ({"$set": {"details": []}}, Flaw.ALTERED),
    ({"$set": {"details": [["fields", "title"], ["fields", "title"]]}}, Flaw.ALTERED),
    ({"$set": {"version_after": 5.0}}, Flaw.ALTERED),
    ({"$set": {"hash": bytes(32)}}, Flaw.ALTERED),
    ({"$set": {"note": "nobody sees this"}}, Flaw.ALTERED),
    ({"$set": {"schema_version": 2}}, Flaw.ALTERED),
    ({"$unset": {"reason": ""}}, Flaw.ALTERED),
    ({"$set": {"no": 4}}, Flaw.REORDERED),
    ({"$set": {"tenant_id": "ten_b"}}, Flaw.REORDERED),
]


async def test_gw_07_a_document_changed_in_the_database_is_named(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, ledger: Collection
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 6)])
    third = {"_id": "ten_a:000000000003"}
    written = await ledger.find_one(third)
    assert written is not None

    for change, flaw in CHANGES:
        await ledger.update(third, change)
        found = await verified(store)
        assert found.finding is not None, change
        assert (found.finding.no, found.finding.flaw, found.verified) == (3, flaw, 2), change
        await ledger.replace(third, written)

    assert (await verified(store)).finding is None


async def test_gw_07_a_removed_document_is_named(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, ledger: Collection
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 6)])
    await ledger.delete({"_id": "ten_a:000000000002"})

    found = await verified(store)
    assert found.finding is not None
    assert (found.finding.no, found.finding.flaw) == (2, Flaw.REMOVED)
    with pytest.raises(LedgerDamaged) as refused:
        await exported(store)
    assert refused.value.metadata == {"no": "2"}


async def test_gw_07_documents_that_changed_places_are_named(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, ledger: Collection
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 6)])
    second = await ledger.find_one({"_id": "ten_a:000000000002"})
    fourth = await ledger.find_one({"_id": "ten_a:000000000004"})
    assert second is not None
    assert fourth is not None
    for each in (second, fourth):
        await ledger.delete({"_id": each["_id"]})
    await ledger.insert({**second, "_id": fourth["_id"]})
    await ledger.insert({**fourth, "_id": second["_id"]})

    found = await verified(store)
    assert found.finding is not None
    assert (found.finding.no, found.finding.flaw) == (2, Flaw.REORDERED)


async def test_gw_07_a_truncated_ledger_is_named_by_what_was_kept(
    store: Store,
    ledger_writer: LedgerWriter,
    happened: Happened,
    ledger: Collection,
    clock: FrozenClock,
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 6)])
    head = (await verified(store)).head
    await ledger.delete({"_id": "ten_a:000000000005"})
    await ledger.delete({"_id": "ten_a:000000000004"})

    assert (await verified(store)).finding is None
    found = await verified(store, anchors={head.no: head.hash})
    assert found.finding is not None
    assert (found.finding.no, found.finding.flaw) == (4, Flaw.REMOVED)

    # Written on after the cut by a process that began later: other hashes than were kept.
    await LedgerWriter(store, clock=clock).record([happened(number) for number in range(10, 15)])
    found = await verified(store, anchors={head.no: head.hash})
    assert found.finding is not None
    assert (found.finding.no, found.finding.flaw) == (5, Flaw.ANCHOR)


async def test_gw_07_a_long_ledger_is_verified_in_stretches(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, ledger: Collection
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 8)])

    first = await verified(store, maximum=3)
    anchors = {first.head.no: first.head.hash}
    second = await verified(store, from_no=4, maximum=3, anchors=anchors)
    third = await verified(store, from_no=7, maximum=3)

    assert [(each.head.no, each.more) for each in (first, second, third)] == [
        (3, True), (6, True), (7, False),
    ]  # fmt: skip
    assert (await verified(store, from_no=8)).finding is None

    await ledger.update({"_id": "ten_a:000000000003"}, {"$set": {"outcome": "x"}})
    found = await verified(store, from_no=4, anchors=anchors)
    assert found.finding is not None
    assert (found.finding.no, found.finding.flaw) == (3, Flaw.ALTERED)


async def test_gw_07_an_export_is_the_same_bytes_whole_or_in_parts(
    store: Store, ledger_writer: LedgerWriter, happened: Happened
) -> None:
    await ledger_writer.record([happened(number, reason="离职\n\u2028x") for number in range(1, 8)])

    whole = await exported(store)
    assert whole == await exported(store, frame_bytes=10_000)
    assert whole == await exported(store, through_no=3) + await exported(store, from_no=4)
    assert whole.count(b"\n") == 7
    assert await exported(store, from_no=8) == b""


async def test_numbers_that_make_no_stretch_are_refused(store: Store) -> None:
    for asked in ({"from_no": -1}, {"through_no": -1}, {"from_no": 3, "through_no": 2}):
        with pytest.raises(InvalidArgument):
            await verified(store, **asked)
    with pytest.raises(InvalidArgument):
        await verified(store, anchors={1: b"short"})


async def test_gw_07_entries_are_listed_newest_first_by_every_filter(
    store: Store, ledger_writer: LedgerWriter, happened: Happened, clock: FrozenClock
) -> None:
    made = []
    for number in range(1, 8):
        clock.advance(timedelta(minutes=1))
        made.append(
            happened(
                number,
                occurred_at=clock.now(),
                actor_id="per_ann" if number % 2 else "per_bo",
                object=f"person:per_{number % 3}",
            )
        )
    await ledger_writer.record(made)
    await ledger_writer.record([happened(1, tenant="ten_b")])

    async def listed(**wanted: Any) -> list[int]:
        token, found = "", []
        while True:
            page = await queries.list_audit_entries(
                store,
                wanted=EntryFilter(tenant_id="ten_a", **wanted),
                page_size=2,
                page_token=token,
            )
            found += [entry.no for entry in page.items]
            if not (token := page.next_page_token):
                return found

    assert await listed() == [7, 6, 5, 4, 3, 2, 1]
    assert await listed(actor_id="per_bo") == [6, 4, 2]
    assert await listed(object="person:per_1") == [7, 4, 1]
    assert await listed(action="Nothing") == []
    assert await listed(since=made[2].occurred_at, until=made[5].occurred_at) == [5, 4, 3]


@pytest.mark.rule("MSG-21")
async def test_a_page_of_large_entries_ends_below_two_mebibytes(
    store: Store, ledger_writer: LedgerWriter, happened: Happened
) -> None:
    await ledger_writer.record(
        [happened(number, details={"fields": "x" * 300_000}) for number in range(1, 16)]
    )
    token, pages = "", []
    while token or not pages:
        page = await queries.list_audit_entries(
            store, wanted=EntryFilter(tenant_id="ten_a"), page_size=1_000, page_token=token
        )
        pages.append([entry.no for entry in page.items])
        token = page.next_page_token

    assert [number for page in pages for number in page] == list(range(15, 0, -1))
    assert max(map(len, pages)) == MAX_PAGE_BYTES // 300_000


async def test_every_listing_is_read_from_an_index(
    ledger_writer: LedgerWriter, happened: Happened, db: Database
) -> None:
    await ledger_writer.record([happened(number) for number in range(1, 4)])

    stages = set()
    for name in ("actor_id", "object", "action", "decision"):
        query = {"tenant_id": "ten_a", name: "x"}
        order = {"occurred_at": -1, "no": -1}
        plan = await db._database.command(
            {"explain": {"find": "ledger", "filter": query, "sort": order}}
        )
        stages |= {
            part.split("'")[0]
            for part in str(plan["queryPlanner"]["winningPlan"]).split("'stage': '")[1:]
        }

    assert stages == {"FETCH", "IXSCAN"}
