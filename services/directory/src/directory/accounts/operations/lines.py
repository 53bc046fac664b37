"""The line before password checks: fair turns by source, known ones first (GW-13)."""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from directory.accounts.domain.refusals import PasswordChecksBusy

# After this many turns of known sources an unknown one runs, so that neither blocks the other.
_KNOWN_IN_A_ROW: Final = 3
_RETRY: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Source:
    """A source of password checks, which takes its turns among the others.

    Attributes:
        key: a network, a device, or a signed-in person.
        known: a device of an earlier sign-in, a company network, or a signed-in person.
        company: a company network, whose people share one address.
    """

    key: str
    known: bool = False
    company: bool = False


def signed_in(person_id: str) -> Source:
    """Return the source of a person who is signed in."""
    return Source(f"person:{person_id}", known=True)


@dataclass(slots=True, eq=False)
class Place:
    """A caller's place in the line; `turn` is done when it is their turn, or they are refused."""

    source: Source
    turn: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Line:
    """Places of those who wait, each source in an order of its own."""

    def __init__(self, *, maximum: int, max_of_source: int) -> None:
        """Set the bounds.

        Args:
            maximum: places of all sources together.
            max_of_source: places of one source that is no company network.
        """
        self._maximum = maximum
        self._max_of_source = max_of_source
        self._count = 0
        self._known: OrderedDict[str, deque[Place]] = OrderedDict()
        self._strangers: OrderedDict[str, deque[Place]] = OrderedDict()
        self._known_in_a_row = 0

    def __len__(self) -> int:
        return self._count

    def join(self, source: Source) -> Place:
        """Return a new place at the end of a source's own order.

        In a full line the source with most places loses its last one: a stranger's to a known
        source, otherwise to a source that has at least two fewer.

        Raises:
            PasswordChecksBusy: the source has as many as it may, or the line is full.
        """
        lane = self._lane(source)
        own = len(lane.get(source.key, ()))
        maximum = self._maximum if source.company else self._max_of_source
        if own >= maximum or (self._count >= self._maximum and not self._room(source)):
            raise PasswordChecksBusy(retry_after=_RETRY)
        place = Place(source)
        lane.setdefault(source.key, deque()).append(place)
        self._count += 1
        return place

    def leave(self, place: Place) -> None:
        """Drop a place still in line, because its caller has gone."""
        lane = self._lane(place.source)
        places = lane.get(place.source.key)
        if places is not None and place in places:
            places.remove(place)
            self._taken(lane, place.source.key)

    def next(self) -> Place | None:
        """Remove and return the next place in line; None if the line is empty."""
        of_strangers = self._strangers and (
            not self._known or self._known_in_a_row >= _KNOWN_IN_A_ROW
        )
        lane = self._strangers if of_strangers else self._known
        if not lane:
            return None
        self._known_in_a_row = 0 if of_strangers else self._known_in_a_row + 1
        key = next(iter(lane))
        place = lane[key].popleft()
        lane.move_to_end(key)
        self._taken(lane, key)
        return place

    def _room(self, source: Source) -> bool:
        """Make room in a full line for a source; False when it has none to give."""
        own = len(self._lane(source).get(source.key, ()))
        lane = self._strangers or self._known
        if not source.known and not self._strangers:
            return False
        key = max(lane, key=lambda each: len(lane[each]))
        displaces = source.known and lane is self._strangers
        if not displaces and len(lane[key]) < own + 2:
            return False
        last = lane[key].pop()
        self._taken(lane, key)
        if not last.turn.done():
            last.turn.set_exception(PasswordChecksBusy(retry_after=_RETRY))
        return True

    def _lane(self, source: Source) -> OrderedDict[str, deque[Place]]:
        return self._known if source.known else self._strangers

    def _taken(self, lane: OrderedDict[str, deque[Place]], key: str) -> None:
        self._count -= 1
        if not lane[key]:
            del lane[key]
