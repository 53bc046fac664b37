"""What an exception of a handler says about its records: pure decisions, no Kafka."""

import enum
import random
from collections.abc import Iterator
from dataclasses import dataclass

from plexuskit.errors import DependencyDown
from plexuskit.kafka.records import InvalidRecord

_FIRST_BACK_OFF = 0.5
_LONGEST_BACK_OFF = 30.0
_FIRST_HOLD = 1.0
_LONGEST_HOLD = 30.0
_FIRST_RETRY = 0.05
_LONGEST_RETRY = 2.0


class Verdict(enum.Enum):
    """The three destinies of a record that could not be handled."""

    INVALID = "invalid"
    """It can never be handled: to the dead letters, with the reason."""

    DOWN = "down"
    """Something that it needs is away: keep the offset, wait, come back. Never a dead letter."""

    FAILED = "failed"
    """It failed by itself: try it alone; after enough attempts, to the dead letters."""


def verdict(error: BaseException) -> Verdict:
    """Judge a handler's exception; in a group the gravest member decides, a dependency first.

    A dependency is down by `DependencyDown` and by an `OSError` of the system. A deadline of the
    handler's own (`asyncio.timeout`) is no such sign: it is a failure of the record.
    """
    leaves = list(_leaves(error))
    if any(_is_down(leaf) for leaf in leaves):
        return Verdict.DOWN
    if any(isinstance(leaf, InvalidRecord) for leaf in leaves):
        return Verdict.INVALID
    return Verdict.FAILED


def invalid_records(error: BaseException) -> list[InvalidRecord]:
    """Return every invalid record that the exception names."""
    return [leaf for leaf in _leaves(error) if isinstance(leaf, InvalidRecord)]


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _is_down(error: BaseException) -> bool:
    if isinstance(error, TimeoutError):
        return error.errno is not None  # ETIMEDOUT of a socket has one, asyncio's own has none
    return isinstance(error, DependencyDown | OSError)


@dataclass(slots=True)
class Failures:
    """How often one record failed alone, and since when (seconds of the event loop's clock)."""

    count: int
    since: float


def is_dead(failures: Failures, *, attempts: int, deaths_in_a_row: int, now: float) -> bool:
    """Decide whether a record that fails alone becomes a dead letter now.

    "While others succeed" cannot be seen on a quiet topic, so one record may die without it. From
    the second on with no success in between, each is held longer, up to 30 s: when every record
    fails it is the handler that is broken, and a topic must not drain into its dead letters.
    """
    if deaths_in_a_row == 0:
        hold = 0.0
    else:
        hold = min(_FIRST_HOLD * 2.0 ** (deaths_in_a_row - 1), _LONGEST_HOLD)
    return failures.count >= attempts and now - failures.since >= hold


def back_off(failures_in_a_row: int) -> float:
    """Return how many seconds to wait for a dependency: 0.5 s doubling to 30 s, with jitter."""
    return _jittered(_FIRST_BACK_OFF, failures_in_a_row - 1, _LONGEST_BACK_OFF)


def retry_pause(round_: int) -> float:
    """Return how many seconds to wait between attempts on single records: 50 ms doubling to 2 s."""
    return _jittered(_FIRST_RETRY, round_, _LONGEST_RETRY)


def _jittered(first: float, doublings: int, longest: float) -> float:
    whole = min(first * 2.0 ** min(doublings, 16), longest)
    return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, no secret
