"""Evidence that one record, and no dependency, is at fault; pure decisions in monotonic seconds.

A record whose handling fails for an unknown reason is tried alone. Each attempt counts only if the
consumer's probe of its dependencies succeeded right after the failure. After enough attempts over
enough time the record is set aside, at most one per partition and interval.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from plexuskit.config import KafkaSection

Probe = Callable[[], Awaitable[None]]
"""Exercises every dependency of a handler; raises the error of a broken one."""

_ATTEMPT_SHARE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Thresholds of evidence, from the settings.

    Attributes:
        attempts: number of attempts that must fail while the probe succeeds.
        over: minimum seconds between the first and the last of them.
        spacing: minimum seconds between two records set aside in one partition.
        degraded_after: seconds for which a partition is held until the process reports it as
            degraded.
    """

    attempts: int
    over: float
    spacing: float
    degraded_after: float

    @classmethod
    def of(cls, section: KafkaSection) -> "Patience":
        """Return the patience that the settings ask for."""
        return cls(
            attempts=section.evidence_attempts,
            over=section.evidence_seconds,
            spacing=section.set_aside_every_seconds,
            degraded_after=section.held_degraded_seconds,
        )

    @property
    def max_pause(self) -> float:
        """The longest wait in seconds between two attempts, so that enough of them fit."""
        return self.over / _ATTEMPT_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A process's state of one partition, from which another process can continue.

    Attributes:
        offset: offset of the record at which the partition is held, or of the last one set aside.
        attempts: as of a Hold; 0 restarts the evidence.
        proving_since: time at which the first of the attempts failed, None without any.
        set_aside_at: time at which the partition's last record was set aside, None for never.
    """

    offset: int
    attempts: int = 0
    proving_since: float | None = None
    set_aside_at: float | None = None


@dataclass(slots=True)
class Hold:
    """One held record: the first unfinished one of its partition.

    Attributes:
        offset: the record's.
        reason: its last failure.
        tries: failed attempts, those without evidence included.
        attempts: failed attempts in a row in which the probe succeeded.
        proving_since: when the first of those failed.
        again_at: when the record is tried next.
    """

    offset: int
    reason: str = ""
    tries: int = 0
    attempts: int = 0
    proving_since: float = 0.0
    again_at: float = 0.0

    def failed_alone(self, *, reason: str, now: float) -> None:
        """Count a failure during which every dependency worked."""
        if self.attempts == 0:
            self.proving_since = now
        self.attempts += 1
        self.reason = reason

    def proves_nothing(self, *, reason: str) -> None:
        """Restart the evidence, because a dependency failed too."""
        self.attempts = 0
        self.reason = reason

    def is_proved(self, patience: Patience, *, last_set_aside: float | None, now: float) -> bool:
        """Decide whether the record is set aside now.

        Args:
            patience: required evidence.
            last_set_aside: time at which the partition's last record was set aside, None for never.
            now: monotonic seconds.
        """
        spaced = last_set_aside is None or now - last_set_aside >= patience.spacing
        lasted = now - self.proving_since >= patience.over
        return self.attempts >= patience.attempts and lasted and spaced
