"""Objects that a person may read, from their owners (SRC-1): nothing else is ever found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Interval:
    """Positions that are readable, first and last included; `last` 0 is still open (MSG-14)."""

    first: int
    last: int

    @property
    def is_everything(self) -> bool:
        """Return whether all positions are inside."""
        return self.first <= 1 and self.last == 0


@dataclass(frozen=True, slots=True)
class Readable:
    """Containers by the names that documents carry (`domain.documents.container`).

    Attributes:
        whole: readable with all they hold.
        partly: readable in these intervals only.
    """

    whole: frozenset[str]
    partly: Mapping[str, tuple[Interval, ...]]


NOTHING = Readable(whole=frozenset(), partly=MappingProxyType({}))


def readable(containers: Iterable[tuple[str, tuple[Interval, ...]]]) -> Readable:
    """Sort containers, each with its intervals; none means everything in it.

    An interval that ends before it begins holds nothing. Of a container named twice the narrower
    word counts: deny is stronger than allow.
    """
    whole: set[str] = set()
    partly: dict[str, tuple[Interval, ...]] = {}
    for name, intervals in containers:
        if not intervals or any(interval.is_everything for interval in intervals):
            whole.add(name)
        else:
            partly[name] = tuple(each for each in intervals if _holds(each))
    return Readable(whole=frozenset(whole - partly.keys()), partly=MappingProxyType(partly))


def together(parts: Iterable[Readable]) -> Readable:
    """Return the combined containers of several owners; no two of them own the same container."""
    whole: set[str] = set()
    partly: dict[str, tuple[Interval, ...]] = {}
    for part in parts:
        whole |= part.whole
        partly |= part.partly
    return Readable(whole=frozenset(whole), partly=MappingProxyType(partly))


def _holds(interval: Interval) -> bool:
    return interval.last == 0 or interval.first <= interval.last
