"""Presence with a time to live."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal

LASTS: Final = timedelta(seconds=90)
"""Time to live of a presence signal; clients repeat it every 60 seconds."""

LEAVING: Final = timedelta(seconds=10)
"""Grace period after the last stream ended in which a person can come back unnoticed."""


MAX_TYPED: Final = 3
"""Threads of a conversation, itself included, in which a person writes within one second."""


class TypingInTooManyThreads(Refusal):
    """A person types in more threads at once than people do."""

    kind = Kind.EXHAUSTED
    text = "You can type in {limit} threads of a conversation at once; try again in a second."


class State(enum.Enum):
    """Presence of a person, as signalled."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class LastSignal:
    """Last presence signal of a person.

    Attributes:
        state: the state it signals.
        at: the time of the signal.
        seen: the state before the person left, and the time it was last signalled; equal to the two
            above for a person who did not leave.
    """

    state: State
    at: datetime
    seen: tuple[State, datetime]

    @property
    def seen_at(self) -> datetime:
        """Time at which a device of the person last signalled presence."""
        return self.seen[1]


def receive(previous: LastSignal | None, *, state: State, at: datetime) -> LastSignal | None:
    """Apply a presence signal; None if it changes nothing.

    The end of the last stream is kept with the state before it, since a new stream may follow; if
    signalled twice, it counts from the first time.
    """
    if state is not State.OFFLINE:
        return LastSignal(state, at, (state, at))
    if previous is None or previous.state is State.OFFLINE:
        return None
    return LastSignal(state, at, previous.seen)


def state_of(last: LastSignal | None, *, now: datetime) -> State:
    """Return the current presence: offline 90 s after the last signal, or 10 s after leaving.

    In: the last signal, None for a person without one.
    """
    if last is None or now - last.seen_at >= LASTS:
        return State.OFFLINE
    if last.state is State.OFFLINE and now - last.at >= LEAVING:
        return State.OFFLINE
    return last.seen[0]
