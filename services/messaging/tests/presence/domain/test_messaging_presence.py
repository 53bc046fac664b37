from datetime import UTC, datetime, timedelta

import pytest
from messaging.presence.domain import LastSignal, State, receive, state_of
from messaging.presence.operations.presence import Presences

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def told(*words: tuple[State, float]) -> LastSignal | None:
    last: LastSignal | None = None
    for state, at in words:
        last = receive(last, state=state, at=after(at)) or last
    return last


@pytest.mark.parametrize(
    ("words", "at", "state"),
    [
        ((), 0, State.OFFLINE),
        (((State.ONLINE, 0),), 89.9, State.ONLINE),
        (((State.ONLINE, 0),), 90, State.OFFLINE),
        (((State.ONLINE, 0), (State.ONLINE, 60)), 149, State.ONLINE),
        (((State.ONLINE, 0), (State.AWAY, 5)), 6, State.AWAY),
        (((State.ONLINE, 0), (State.OFFLINE, 5)), 14.9, State.ONLINE),
        (((State.ONLINE, 0), (State.OFFLINE, 5)), 15, State.OFFLINE),
        (((State.AWAY, 0), (State.OFFLINE, 5), (State.ONLINE, 14)), 16, State.ONLINE),
        (((State.ONLINE, 0), (State.OFFLINE, 5), (State.OFFLINE, 14)), 15, State.OFFLINE),
        (((State.ONLINE, 0), (State.OFFLINE, 85)), 90, State.OFFLINE),
        (((State.OFFLINE, 0),), 1, State.OFFLINE),
    ],
)
def test_presence_holds_ninety_seconds_and_a_reconnect_within_ten_is_no_absence(
    words: tuple[tuple[State, float], ...], at: float, state: State
) -> None:
    assert state_of(told(*words), now=after(at)) is state


def test_what_was_seen_last_stays_when_somebody_leaves() -> None:
    last = told((State.ONLINE, 3), (State.OFFLINE, 5))
    assert last is not None
    assert last.seen_at == after(3)


def test_presence_of_who_is_not_heard_of_any_more_takes_no_memory() -> None:
    presences = Presences()
    for number in range(1000):
        presences.receive(f"per_{number}", state=State.ONLINE, at=after(number / 10))

    presences.receive("per_late", state=State.ONLINE, at=after(185))

    assert len(presences) == 50
    (gone, there) = presences.list(["per_0", "per_late"], now=after(186))
    assert (gone.state, gone.seen_at) == (State.OFFLINE, None)
    assert (there.state, there.seen_at) == (State.ONLINE, after(185))
