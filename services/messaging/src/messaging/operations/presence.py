"""Who is there, as every process of messaging hears it from the topic of signals."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from messaging.domain.presence import LASTS, Heard, State, hear, state_of

MAX_PEOPLE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class UserPresence:
    """Whether one person is there; `seen_at` is None for somebody of whom nothing was heard."""

    person_id: str
    state: State
    seen_at: datetime | None


class Presences:
    """The last word on everybody of whom one came within 90 seconds.

    Each process hears all of them, so a list is the same whoever answers it, and nothing has to be
    stored or asked of another process. A gateway could not answer for who shares a conversation;
    messaging can, so the list is here.
    """

    def __init__(self) -> None:
        self._heard: OrderedDict[str, Heard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heard)

    def hear(self, person_id: str, *, state: State, at: datetime) -> None:
        """Take a word on a person, and forget those that are over."""
        heard = hear(self._heard.get(person_id), state=state, at=at)
        if heard is not None:
            self._heard[person_id] = heard
            self._heard.move_to_end(person_id)
        while self._heard:
            oldest = next(iter(self._heard.values()))
            if at - oldest.at < LASTS and len(self._heard) <= MAX_PEOPLE:
                return
            self._heard.popitem(last=False)

    def list(self, person_ids: Iterable[str], *, now: datetime) -> list[UserPresence]:
        """Tell of each person whether they are there, in the order given."""
        presences = []
        for person_id in person_ids:
            heard = self._heard.get(person_id)
            seen_at = None if heard is None else heard.seen_at
            presences.append(UserPresence(person_id, state_of(heard, now=now), seen_at))
        return presences
