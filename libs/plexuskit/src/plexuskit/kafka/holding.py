"""Held partitions of one consumer: since when, at which record, why; shown as a check."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from plexuskit import metrics
from plexuskit.clock import Clock
from plexuskit.health import Health
from plexuskit.kafka.batches import Outcome, Partition

log = structlog.get_logger()

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Held:
    """The record at which a partition is held."""

    offset: int
    since: float
    at: datetime
    reason: str


class Holding:
    """Remembers which partitions do not move, and shows those that have not moved for long."""

    def __init__(self, *, group: str, health: Health, clock: Clock, degraded_after: float) -> None:
        """Begin without held partitions.

        Args:
            group: The catalogue's name of the group.
            health: Health with the check `consumer.<group>.held`.
            clock: The process's time.
            degraded_after: Seconds for which a partition is held until the check fails.
        """
        self._group = group
        self._health = health
        self._clock = clock
        self._degraded_after = degraded_after
        self._held: dict[Partition, Held] = {}

    @property
    def partitions(self) -> Collection[Partition]:
        """Return the partitions that are held now."""
        return self._held.keys()

    def forget(self) -> None:
        """Forget all of them: the partitions may belong to another process now."""
        self._held.clear()
        self.show()

    def note(self, outcome: Outcome) -> None:
        """Apply the outcome of a batch; a partition is held at its first unfinished record."""
        for partition in outcome.finished:
            self._held.pop(partition, None)
        for partition, offset in outcome.unfinished.items():
            hold = outcome.held.get(partition)
            reason = hold.reason if hold is not None else outcome.down
            if not reason:
                continue  # only not reached in this round
            previous = self._held.get(partition)
            same = previous is not None and previous.offset == offset
            self._held[partition] = Held(
                offset=offset,
                since=previous.since if same and previous else self._clock.monotonic(),
                at=previous.at if same and previous else self._clock.now(),
                reason=reason,
            )
            if not same:
                log.warning(
                    "consumer.partition_held",
                    group=self._group,
                    topic=partition[0],
                    partition=partition[1],
                    offset=offset,
                )
        self.show()

    def late(self) -> dict[Partition, tuple[int, str]]:
        """Return long holds: per partition the offset, and their time and reason."""
        now = self._clock.monotonic()
        return {
            partition: (
                held.offset,
                f"since {held.at.isoformat(timespec='seconds')}: {held.reason}",
            )
            for partition, held in self._held.items()
            if now - held.since >= self._degraded_after
        }

    def show(self) -> None:
        """Update metric and check."""
        now = self._clock.monotonic()
        longest = max((now - held.since for held in self._held.values()), default=0.0)
        metrics.CONSUMER_HELD_SECONDS.labels(self._group).set(longest)
        late = {
            partition: held
            for partition, held in self._held.items()
            if now - held.since >= self._degraded_after
        }
        self._health.set(
            f"consumer.{self._group}.held",
            not late,
            _words(late),
            required=False,
            remedy=_remedy(late),
        )


def _words(late: Mapping[Partition, Held]) -> str:
    shown = [
        f"{topic} {number} at offset {held.offset} since "
        f"{held.at.isoformat(timespec='seconds')}: {held.reason}"
        for (topic, number), held in sorted(late.items())[:_SHOWN]
    ]
    more = len(late) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _remedy(late: Mapping[Partition, Held]) -> str:
    if not late:
        return ""
    (topic, number), held = min(late.items())
    return (
        "Restore the dependency that the reason names. If the record itself is at fault: "
        f'plexus admin dlq skip {topic} {number} {held.offset} --reason "…".'
    )
