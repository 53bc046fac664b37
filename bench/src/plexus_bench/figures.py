"""What a measurement comes to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plexus_bench.probe import Memory, Probe
from plexus_bench.tally import Tally, percentile

PER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds; None where nothing was measured."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What else may have shaped the figures.

    Attributes:
        load_before: Load average of the last minute, before anything of this shape was started.
        cpus: How many this process may run on.
        at: When the measurement began, ISO 8601 in UTC.
    """

    load_before: float
    cpus: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One row of the report.

    Attributes:
        system: The loaded system's name.
        durability: What its acknowledgement means.
        shape: The shape's name.
        meaning: The shape in words.
        machine: Where and when.
        seconds: How long was measured, after the warm-up.
        messages_per_second: Acknowledged messages.
        deliveries_per_second: Messages put before a listener.
        acknowledgement: From due to acknowledged.
        delivery: From due to each delivery.
        cpu_per_thousand: CPU seconds per 1,000 deliveries of each server process.
        driver_cpu_per_thousand: The same of this process, which is in no sum.
        memory: Of each server process.
        failures: Messages that were not acknowledged, with what was said, in the whole run.
        violations: What the checker found; empty for a run that counts.
        facts: What only this shape has: a name with its unit, and the value.
        notes: Conditions of the system.
    """

    system: str
    durability: str
    shape: str
    meaning: str
    machine: Machine
    seconds: float
    messages_per_second: float | None = None
    deliveries_per_second: float | None = None
    acknowledgement: Latency = Latency(p50=None, p99=None)
    delivery: Latency = Latency(p50=None, p99=None)
    cpu_per_thousand: Mapping[str, float] = field(default_factory=dict)
    driver_cpu_per_thousand: float | None = None
    memory: Mapping[str, Memory] = field(default_factory=dict)
    failures: Sequence[str] = ()
    violations: Sequence[str] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def cpu_total(self) -> float | None:
        """CPU seconds of all server processes per 1,000 deliveries."""
        return sum(self.cpu_per_thousand.values()) if self.cpu_per_thousand else None


def latency(seconds: Sequence[float]) -> Latency:
    """Sum up how long something took."""
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    return Latency(p50=None if p50 is None else p50 * 1000, p99=None if p99 is None else p99 * 1000)


def per_thousand(probe: Probe, *, deliveries: int) -> Mapping[str, float]:
    """Share the CPU time out among deliveries; nothing when there were none."""
    if not deliveries:
        return {}
    return {name: seconds * PER / deliveries for name, seconds in probe.cpu.items()}


def driver_per_thousand(probe: Probe, *, deliveries: int) -> float | None:
    """Give the CPU seconds of this process per 1,000 deliveries."""
    return probe.driver_cpu * PER / deliveries if deliveries else None


def failures_of(tally: Tally) -> list[str]:
    """List what was not acknowledged, with what was said about it."""
    return [f"{ref}: {reason}" for ref, reason in tally.failures.items()]


def cpus() -> int:
    """Return how many processors this process may run on."""
    return len(os.sched_getaffinity(0))
