"""The class of an exception that a handler raised: pure decisions, no Kafka."""

import enum
from collections.abc import Iterator
from typing import Final

from plexuskit.backoff import WITHIN, pause
from plexuskit.errors import DocumentRefused, Kind, Refusal
from plexuskit.kafka.records import InvalidRecord

_FIRST_BACK_OFF = 0.5
_MAX_BACK_OFF = 30.0

# An owner that refuses for these reasons would refuse any record now.
_OF_DEPENDENCIES: Final = frozenset({Kind.UNAVAILABLE, Kind.EXHAUSTED, Kind.UNAUTHENTICATED})


class Verdict(enum.Enum):
    """The three classes of consumer errors."""

    RECORD = "record"
    """Known to be the record's fault: it moves to the dead letters, with the reason."""

    DEPENDENCY = "dependency"
    """A dependency is broken: keep the offset, back off, try again. Never a dead letter."""

    UNKNOWN = "unknown"
    """Anything else: hold the partition and gather evidence before the record is set aside."""


def verdict(error: BaseException) -> Verdict:
    """Return the class of a handler's exception; in a group a dependency outweighs a record.

    Record is a closed list: `InvalidRecord` (cannot be decoded, violates its schema, mapping error)
    and `DocumentRefused` (the store can never hold that document). Dependency is a refusal that any
    record would meet, and an `OSError` of the system. A deadline of the handler's own
    (`asyncio.timeout`) is neither.
    """
    leaves = list(_leaves(error))
    if any(_is_dependency(leaf) for leaf in leaves):
        return Verdict.DEPENDENCY
    if any(isinstance(leaf, InvalidRecord | DocumentRefused) for leaf in leaves):
        return Verdict.RECORD
    return Verdict.UNKNOWN


def invalid_records(error: BaseException) -> list[InvalidRecord]:
    """Return every invalid record that the exception names."""
    return [leaf for leaf in _leaves(error) if isinstance(leaf, InvalidRecord)]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _is_dependency(error: BaseException) -> bool:
    if isinstance(error, TimeoutError):
        return error.errno is not None  # ETIMEDOUT of a socket has one, asyncio's own has none
    if isinstance(error, Refusal):
        return error.kind in _OF_DEPENDENCIES
    return isinstance(error, OSError)


def back_off(failures_in_a_row: int, *, max_pause: float = _MAX_BACK_OFF) -> float:
    """Return the seconds to wait before the next attempt, with jitter.

    Args:
        failures_in_a_row: from 1; 0.5 s doubles with each.
        max_pause: the longest wait in seconds, 30 s unless settings compress time.
    """
    return pause(failures_in_a_row - 1, (_FIRST_BACK_OFF, max_pause), spread=WITHIN)
