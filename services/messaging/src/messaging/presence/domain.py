"""Whether somebody is there: true for a while after it was told, and no longer."""

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal

LASTS: Final = timedelta(seconds=90)
"""How long a person counts as there after the last word; clients repeat it every 60 seconds."""

LEAVING: Final = timedelta(seconds=10)
"""How long after its last stream ended somebody may come back without having been away."""


MAX_TYPED: Final = 3
"""Threads of a conversation, itself included, in which a person writes within one second."""


class TypingInTooManyThreads(Refusal):
    """Somebody writes in more threads at once than people do."""

    kind = Kind.EXHAUSTED
    text = "You can type in {limit} threads of a conversation at once; try again in a second."


class State(enum.Enum):
    """What is told of a person."""

    ONLINE = "online"
    AWAY = "away"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Heard:
    """The last word on a person.

    Attributes:
        state: what it says.
        at: when it was told.
        seen: what held before somebody left, and when that was told last; equal to the two above
            for who did not leave.
    """

    state: State
    at: datetime
    seen: tuple[State, datetime]

    @property
    def seen_at(self) -> datetime:
        """When a device of the person last told that they are there."""
        return self.seen[1]


def hear(previous: Heard | None, *, state: State, at: datetime) -> Heard | None:
    """Take a word on a person; None when it changes nothing.

    The end of the last stream is kept with what held before it, since a new stream may follow; told
    twice, it counts from the first time.
    """
    if state is not State.OFFLINE:
        return Heard(state, at, (state, at))
    if previous is None or previous.state is State.OFFLINE:
        return None
    return Heard(state, at, previous.seen)


def state_of(heard: Heard | None, *, now: datetime) -> State:
    """Tell whether somebody is there now: offline 90 s after the last word, or 10 s after leaving.

    In: the last word, None for nobody that was heard of.
    """
    if heard is None or now - heard.seen_at >= LASTS:
        return State.OFFLINE
    if heard.state is State.OFFLINE and now - heard.at >= LEAVING:
        return State.OFFLINE
    return heard.seen[0]
