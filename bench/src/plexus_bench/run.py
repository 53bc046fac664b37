"""Run of one shape on one system: assemble, warm up, measure, stop, check."""

import asyncio
from dataclasses import dataclass
from typing import Final

from plexuskit.clock import SystemClock

from plexus_bench.check import violations
from plexus_bench.figures import (
    Figures,
    Machine,
    cpus,
    driver_per_thousand,
    failures_of,
    latency,
    per_thousand,
)
from plexus_bench.probe import Probe, load_average
from plexus_bench.shapes import Company, Load, Shape, assembled
from plexus_bench.system import Conversation, System
from plexus_bench.tally import Tally
from plexus_bench.together import gathered

READ_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Durations of a shape's warm-up and measurement, in seconds."""

    warm_up: float = 3.0
    measured: float = 10.0


def machine() -> Machine:
    """Return the state of this machine."""
    return Machine(
        load_before=load_average(),
        cpus=cpus(),
        at=SystemClock().now().isoformat(timespec="seconds"),
    )


async def measure(system: System, shape: Shape, timing: Timing) -> Figures:
    """Run a shape on a running system and return its row of the report."""
    previous, tally = machine(), Tally()
    async with assembled(system, shape, tally) as company:
        load, probe = Load(company, rate=shape.rate), Probe(system.processes())
        load.start()
        await asyncio.sleep(timing.warm_up)
        probe.begin()
        tally.window.open()
        await asyncio.sleep(timing.measured)
        tally.window.close()
        probe.end()
        memory = probe.memory()
        await load.stop()
        found = await checked(system, company)
    deliveries, seconds = len(tally.delivery_seconds), tally.window.seconds
    return Figures(
        system=system.name,
        durability=system.durability,
        shape=shape.name,
        meaning=shape.meaning,
        machine=previous,
        seconds=seconds,
        messages_per_second=tally.acknowledgements / seconds,
        deliveries_per_second=deliveries / seconds,
        acknowledgement=latency(tally.ack_seconds),
        delivery=latency(tally.delivery_seconds),
        cpu_per_thousand=per_thousand(probe, deliveries=deliveries),
        driver_cpu_per_thousand=driver_per_thousand(probe, deliveries=deliveries),
        memory=memory,
        failures=failures_of(tally),
        violations=found,
        notes=system.notes,
    )


async def checked(system: System, company: Company) -> list[str]:
    """Compare every conversation of a company with its store; return the violations."""

    async def of(conversation: Conversation) -> list[str]:
        stored = await system.stored(conversation)
        return violations(company.tally, conversation, stored, senders=company.prefixes)

    found = await gathered(of, company.conversations, at_once=READ_AT_ONCE)
    return [violation for each in found for violation in each]
