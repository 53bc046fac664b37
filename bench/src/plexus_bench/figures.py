"""Figures of a measurement."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plexus_bench.probe import Memory, Probe
from plexus_bench.tally import Tally, percentile

PER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds; None without a measurement."""

    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Conditions of the machine that may affect the figures.

    Attributes:
        load_before: Load average of the minute before this shape was started.
        cpus: Number of processors that this process may use.
        at: Start of the measurement, ISO 8601 in UTC.
    """

    load_before: float
    cpus: int
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One row of the report.

    Attributes:
        system: Name of the measured system.
        durability: Guarantee of its acknowledgement.
        shape: Name of the shape.
        meaning: Description of the shape.
        machine: Conditions of the machine.
        seconds: Duration of the measurement, after the warm-up.
        messages_per_second: Acknowledged messages per second.
        deliveries_per_second: Deliveries to listeners per second.
        acknowledgement: Latency from due time to acknowledgement.
        delivery: Latency from due time to each delivery.
        cpu_per_thousand: CPU seconds per 1,000 deliveries of each server process.
        driver_cpu_per_thousand: The same for this process, which is not part of sums.
        memory: Memory of each server process.
        failures: Unacknowledged messages of the whole run, with their errors.
        violations: Findings of the checker; empty for a valid run.
        facts: Figures of this shape only: a name with its unit, and the value.
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
    """Summarise durations."""
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    return Latency(p50=None if p50 is None else p50 * 1000, p99=None if p99 is None else p99 * 1000)


def per_thousand(probe: Probe, *, deliveries: int) -> Mapping[str, float]:
    """Divide the CPU time by deliveries; return an empty result without deliveries."""
    if not deliveries:
        return {}
    return {name: seconds * PER / deliveries for name, seconds in probe.cpu.items()}


def driver_per_thousand(probe: Probe, *, deliveries: int) -> float | None:
    """Return the CPU seconds of this process per 1,000 deliveries."""
    return probe.driver_cpu * PER / deliveries if deliveries else None


def failures_of(tally: Tally) -> list[str]:
    """Return the unacknowledged messages with their errors."""
    return [f"{ref}: {reason}" for ref, reason in tally.failures.items()]


def cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))
