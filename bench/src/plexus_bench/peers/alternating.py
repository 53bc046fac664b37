"""Alternating runs of the same shapes on several systems: A B C, A B C, and so on."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Final

from plexus_bench.figures import Figures
from plexus_bench.peers.catalogue import Peer
from plexus_bench.peers.ratios import Round
from plexus_bench.probe import Probe
from plexus_bench.run import Timing, measure
from plexus_bench.shapes import Shape
from plexus_bench.system import System

ROWS_READ: Final = "rows of its tables compared"
IDLE_SECONDS: Final = 3.0


@asynccontextmanager
async def started(systems: Sequence[System]) -> AsyncIterator[None]:
    """Start the systems one after the other; stop all of them at the end in reverse order.

    The remains of a failed start are stopped too.
    """
    async with AsyncExitStack() as stack:
        for system in systems:
            stack.push_async_callback(system.stop)
            await system.start()
        yield


async def settled(systems: Sequence[System], shape: Shape, *, seconds: float) -> None:
    """Load each fresh system for a while to warm up its caches; 0 seconds: skip this."""
    if seconds:
        for system in systems:
            await measure(system, shape, Timing(warm_up=0.0, measured=seconds))


async def idling(systems: Sequence[System]) -> Mapping[str, float]:
    """Return the number of processors that each system uses without load.

    While one is loaded the others are idle beside it, so this is their influence on each other.
    """
    probes = {system.name: Probe(system.processes()) for system in systems}
    for probe in probes.values():
        probe.begin()
    await asyncio.sleep(IDLE_SECONDS)
    for probe in probes.values():
        probe.end()
    return {name: sum(probe.cpu.values()) / probe.seconds for name, probe in probes.items()}


async def one_round(
    ours: System, theirs: Sequence[Peer], shape: Shape, timing: Timing
) -> AsyncIterator[Figures]:
    """Measure a shape on each system in turn; yield each row as soon as it is measured."""
    yield await measure(ours, shape, timing)
    for peer in theirs:
        previous = peer.rows_read
        row = await measure(peer, shape, timing)
        yield replace(row, facts={**row.facts, ROWS_READ: peer.rows_read - previous})


def as_round(rows: Sequence[Figures]) -> Round:
    """Return the rows of one round, the first of which is that of Plexus."""
    ours, *theirs = rows
    return Round(shape=ours.shape, ours=ours, theirs={row.system: row for row in theirs})
