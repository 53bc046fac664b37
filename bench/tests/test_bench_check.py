"""The checker of the benchmarks detects every kind of violation."""

import pytest
from plexus_bench.check import differences, violations
from plexus_bench.system import Conversation, StoredLog, body_of, ref_of
from plexus_bench.tally import Tally, percentile

ROOM = Conversation(id="room", members=("ann", "bob"), echoes=True)
REFS = ["0-1", "1-2", "0-3"]


def tally(*, heard: list[tuple[str, int]], acknowledged: list[str]) -> Tally:
    made = Tally()
    made.acknowledged["room"] = set(acknowledged)
    made.heard["bob", "room"] = heard
    return made


def found(heard, *, acknowledged=REFS, stored=REFS, problems=(), room=ROOM) -> list[str]:
    log = StoredLog(refs=list(stored), problems=problems)
    run = tally(heard=heard, acknowledged=acknowledged)
    return violations(run, room, log, senders={"bob": "1-"})


WHOLE = [("0-1", 1), ("1-2", 2), ("0-3", 3)]


def test_a_run_in_which_everything_arrived_passes() -> None:
    assert found(WHOLE) == []


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (WHOLE[:2], "1 stored and not delivered: 0-3"),
        ([*WHOLE, WHOLE[2]], "1 delivered more than once: 0-3"),
        ([WHOLE[1], WHOLE[0], WHOLE[2]], "delivered 1-2 where 0-1 should be, at 1"),
        ([*WHOLE, ("9-9", 4)], "1 delivered and not stored: 9-9"),
        ([("0-1", 1), ("1-2", 2), ("0-3", 4)], "number 4 where 3 should be"),
        ([("0-1", 2), ("1-2", 3), ("0-3", 4)], "number 2 where 1 should be"),
    ],
    ids=["missing", "repeat", "order", "stranger", "hole", "not-from-1"],
)
def test_a_delivery_that_is_not_exactly_the_log_is_a_violation(heard, words) -> None:
    assert found(heard) == [f"room: bob: {words}"]


def test_what_is_acknowledged_and_not_stored_is_a_violation() -> None:
    assert found(WHOLE, acknowledged=[*REFS, "1-4"]) == ["room: 1 acknowledged and not stored: 1-4"]


def test_what_is_stored_without_an_acknowledgement_is_a_violation_unless_a_failure_was_told() -> (
    None
):
    run = tally(heard=WHOLE, acknowledged=REFS[:2])
    log = StoredLog(refs=REFS)
    assert violations(run, ROOM, log, senders={}) == ["room: 1 stored and never acknowledged: 0-3"]

    run.failures["0-3"] = "no answer within 30 s"
    assert violations(run, ROOM, log, senders={}) == []


def test_what_the_store_says_of_itself_is_a_violation() -> None:
    assert found(WHOLE, problems=("the chain breaks at room:2",)) == [
        "room: store: the chain breaks at room:2"
    ]


def test_own_messages_are_not_asked_for_where_the_system_does_not_echo_them() -> None:
    silent = Conversation(id="room", members=("ann", "bob"), echoes=False)
    assert found([("0-1", 0), ("0-3", 0)], room=silent) == []
    assert found([("0-1", 0)], room=silent) == ["room: bob: 1 stored and not delivered: 0-3"]


def test_many_refs_are_counted_and_few_are_named() -> None:
    assert differences([], [f"0-{number}" for number in range(9)]) == [
        "9 stored and not delivered: 0-0, 0-1, 0-2 …"
    ]


def test_a_body_has_200_bytes_and_begins_with_its_ref() -> None:
    body = body_of("17-4242")
    assert len(body.encode()) == 200
    assert ref_of(body) == "17-4242"


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, None), ([3.0, 1.0, 2.0], 0.5, 2.0), (list(range(100)), 0.99, 99), ([7.0], 0.99, 7)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, expected) -> None:
    assert percentile(values, share) == expected
