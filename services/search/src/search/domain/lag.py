"""Lag of the index (SRC-4), from the latest progress of each indexer."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HEARTBEAT = timedelta(seconds=2)
"""Interval at which an indexer writes its progress."""

ALIVE = timedelta(seconds=12)
"""Time that a progress counts; after it its indexer has ended or lost the index.

Short enough that an indexer which ended while others continue does not look like lag (SRC-4).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Latest progress of one indexer in one consumer group.

    Attributes:
        group: the consumer group.
        instance: the indexer's process.
        written_at: time of this progress.
        lag_seconds: age of the oldest event that was not indexed at that time.
        dead_letters: number of records in the group's dead-letter topic.
    """

    group: str
    instance: str
    written_at: datetime
    lag_seconds: float
    dead_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """State of a group, as one indexer sees it.

    Attributes:
        caught_up_at: last time at which nothing was waiting; initially the indexer's start.
        reached: time of the oldest event of the last batch; initially the start.
    """

    caught_up_at: datetime
    reached: datetime

    def lag_seconds(self, *, waiting: int, now: datetime) -> float:
        """Return the maximum age in seconds of the oldest event not yet indexed.

        Waiting events are newer than the last time without any, and newer than the last batch.
        """
        if waiting == 0:
            return 0.0
        return max((now - max(self.caught_up_at, self.reached)).total_seconds(), 0.0)


def lag_seconds(written: Iterable[Progress], *, groups: Iterable[str], now: datetime) -> float:
    """Return the age of the oldest event not yet indexed of any group, in seconds.

    An indexer that is silent for longer than two heartbeats adds its silence. A group that no
    living indexer works on is behind since the last one wrote; of one that none ever worked on
    nothing is known, see `is_behind`.
    """
    latest = list(written)
    return max((_of_group(latest, group=group, now=now) for group in groups), default=0.0)


def is_behind(
    written: Iterable[Progress], *, groups: Iterable[str], threshold: timedelta, now: datetime
) -> bool:
    """Return whether results may be incomplete: a group lags more than that, or is unknown."""
    latest, every = list(written), set(groups)
    known = {each.group for each in latest}
    late = lag_seconds(latest, groups=every, now=now) > threshold.total_seconds()
    return late or not every <= known


def _of_group(written: list[Progress], *, group: str, now: datetime) -> float:
    own = [each for each in written if each.group == group]
    if not own:
        return 0.0
    newest = max(own, key=lambda each: each.written_at)
    counted = [each for each in own if now - each.written_at <= ALIVE] or [newest]
    return max(each.lag_seconds + _silence(each, now=now) for each in counted)


def _silence(progress: Progress, *, now: datetime) -> float:
    return max((now - progress.written_at - 2 * HEARTBEAT).total_seconds(), 0.0)


def dead_letters(written: Iterable[Progress]) -> int:
    """Return the number of dead letters in all groups, by the latest progress of each."""
    newest: dict[str, Progress] = {}
    for each in written:
        if each.group not in newest or each.written_at > newest[each.group].written_at:
            newest[each.group] = each
    return sum(each.dead_letters for each in newest.values())
