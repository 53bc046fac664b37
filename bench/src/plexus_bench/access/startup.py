"""Start of a gateway with all memberships of a company: its time and its memory."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from time import perf_counter
from typing import Any, Final

from plexus_testkit.process import Proc

from plexus_bench.access.company import Company
from plexus_bench.access.facts import TOPICS, directory_frames, roster_frames
from plexus_bench.access.owners import owners
from plexus_bench.platform.system import PlexusSystem
from plexus_bench.probe import Probe, resident

LOADED_WITHIN: Final = 120.0
ASKED_EVERY: Final = 0.1
MEMBERSHIPS: Final = "plexus_gateway_memberships "
LATENESS: Final = "plexus_loop_lag_seconds_bucket{"


async def startup(system: PlexusSystem, company: Company, *, now: datetime) -> Mapping[str, float]:
    """Start one more gateway whose owners serve this company.

    It is ready when it has directory's snapshot, and queries the owner about conversations until it
    has messaging's. The owners answer from memory, so this is the gateway's own time.
    """
    platform = system.platform
    told = {topic: list(directory_frames(company, topic=topic, now=now)) for topic in TOPICS}
    rosters = {"": list(roster_frames(company))}
    async with owners(
        directory=told, messaging=rosters, behind=platform.address_of("directory")
    ) as addresses:
        peers: dict[str, Any] = {
            f"GATEWAY_PEERS__{name.upper()}": address for name, address in addresses.items()
        }
        began = perf_counter()
        async with platform.another("gateway", **peers) as gateway:
            ready = perf_counter() - began
            probe = Probe({"gateway": gateway.pid})
            if not await _loaded(gateway, company.memberships):
                raise RuntimeError(f"not loaded within {LOADED_WITHIN:.0f} s:\n{gateway.tail()}")
            loaded = perf_counter() - began
            memory = probe.memory()["gateway"]
            pause = await asyncio.to_thread(_pause, gateway)
    return {
        "memberships": float(company.memberships),
        "seconds to ready": ready,
        "seconds to all memberships": loaded,
        "its loop was late by its own histogram, s at most": pause,
        "gateway MiB": memory.after,
        "gateway MiB at most": memory.peak,
        "another gateway MiB, without a company": resident(platform["gateway"].pid),
    }


async def _loaded(gateway: Proc, memberships: int) -> bool:
    """Wait until a gateway has the complete state; the owners answer on this event loop."""
    deadline = perf_counter() + LOADED_WITHIN
    while not await asyncio.to_thread(_holds, gateway, memberships):
        if perf_counter() > deadline:
            return False
        await asyncio.sleep(ASKED_EVERY)
    return True


def _holds(gateway: Proc, memberships: int) -> bool:
    _, page = gateway.get("/metrics")
    held = [float(line.split()[-1]) for line in page.splitlines() if line.startswith(MEMBERSHIPS)]
    return bool(held) and held[0] >= memberships


def _pause(gateway: Proc) -> float:
    """Return the bound of the histogram in seconds that its loop's lateness never exceeded.

    The loop is sampled every 0.25 s, so shorter delays show in part or not at all. Infinite if the
    loop was late by more than the largest bound.
    """
    _, page = gateway.get("/metrics")
    counts = {
        line.split('"')[1]: float(line.split()[-1])
        for line in page.splitlines()
        if line.startswith(LATENESS)
    }
    every = counts.pop("+Inf")
    bounds = (float(bound) for bound, count in counts.items() if count == every)
    return min(bounds, default=float("inf"))
