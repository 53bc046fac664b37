from datetime import UTC, datetime

from audit.domain.entries import (
    EMPTY,
    GENESIS,
    Decision,
    LedgerHead,
    Occurrence,
    append,
    entry_id,
    hash_of,
    line,
    number_of,
)

AT = datetime(2026, 3, 2, 1, 2, 3, 456_000, tzinfo=UTC)

# Golden: a kept export must stay verifiable for ever, so these bytes never change.
LINE = (
    b'{"access_version":7,"action":"DirectoryService/DeactivatePerson","actor_id":"per_ann",'
    b'"api_token_id":"","decision":"ALLOWED","details":{"effect":"change","permission":"people.manage"},'
    b'"event_id":"evt_1","hash":"b5aaba362170c216a9db7578c6930c7edd66102872e49c7f01a3938d48a5832d",'
    b'"no":1,"object":"person:per_bo","occurred_at":"2026-03-02T01:02:03.456Z","outcome":"OK",'
    b'"previous":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"reason":"\xe7\xa6\xbb\xe8\x81\x8c \\"B\\"","recorded_at":"2026-03-02T01:02:03.456Z",'
    b'"rule":"role:admin@tenant:ten_a","session_id":"ses_1","tenant_id":"ten_a",'
    b'"trace_id":"0af7651916cd43dd8448eb211c80319c","version_after":5,"version_before":4}\n'
)


def decided() -> Occurrence:
    return Occurrence(
        tenant_id="ten_a", occurred_at=AT, event_id="evt_1",
        action="DirectoryService/DeactivatePerson", actor_id="per_ann", session_id="ses_1",
        object="person:per_bo", decision=Decision.ALLOWED, outcome="OK",
        rule="role:admin@tenant:ten_a", access_version=7, reason='离职 "B"', version_before=4,
        version_after=5, trace_id="0af7651916cd43dd8448eb211c80319c",
        details={"permission": "people.manage", "effect": "change"},
    )  # fmt: skip


def test_gw_07_a_line_has_one_form_for_ever() -> None:
    assert line(append(EMPTY, decided(), now=AT)) == LINE


def test_gw_07_the_first_entry_follows_nothing_and_each_other_the_one_before() -> None:
    first = append(EMPTY, decided(), now=AT)
    second = append(LedgerHead(first.no, first.hash), decided(), now=AT)

    assert (first.no, first.previous) == (1, GENESIS)
    assert (second.no, second.previous) == (2, first.hash)
    assert hash_of(second) == second.hash != first.hash


def test_gw_07_names_of_entries_sort_by_number() -> None:
    names = [entry_id("ten_a", no) for no in (1, 9, 10, 1_000_000)]

    assert names == sorted(names)
    assert [number_of(name) for name in names] == [1, 9, 10, 1_000_000]
