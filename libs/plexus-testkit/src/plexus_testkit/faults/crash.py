"""The crash cycles: processes die by plan under load, and every promise is checked."""

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from plexus_testkit.faults.ledger import Violation
from plexus_testkit.faults.plan import PAUSE_SECONDS, Block, Strike, make_plan
from plexus_testkit.faults.points import GATEWAYS
from plexus_testkit.faults.world import World, world
from plexus_testkit.process import Proc, until

log = structlog.get_logger()

# A point that is not passed so often by then is struck by kill -9 instead, and not counted.
STRIKES_WITHIN: Final = 25.0
TURN_SECONDS: Final = 2.0
# After this many blocks conversations are verified completely and new ones begun.
ERA: Final = 6
RELAY_LEASE: Final = "messaging"


@dataclass
class Report:
    """Totals of a run; `str` formats them in one line."""

    seed: int
    cycles: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    changes: int = 0
    messages: int = 0
    retries: int = 0
    streams: int = 0
    resyncs: int = 0
    healed: int = 0
    holes: int = 0

    def __str__(self) -> str:
        """Return the summary."""
        return (
            f"seed {self.seed}: {self.cycles} cycles in {self.seconds:.0f} s "
            f"({self.seconds / max(self.cycles, 1):.2f} s each), "
            f"{len(self.struck)} kinds of strike, {len(self.missed)} not reached; "
            f"{self.messages} messages in {self.changes} changes, {self.retries} retries, "
            f"{self.streams} streams, {self.resyncs} resyncs, {self.healed} by heartbeat; "
            f"0 lost, 0 duplicated, 0 reordered, {self.holes} gaps"
        )


async def run_cycles(directory: Path, *, cycles: int, seed: int) -> Report:
    """Run a number of cycles on a separate platform.

    Raises:
        Violation: a promise is broken.
        ToolMissing: A server's program is absent.
    """
    async with world(directory, seed=str(seed)) as whole:
        return await Cycles(whole, seed=seed).run(make_plan(cycles=cycles, seed=seed))


class Cycles:
    """One run of a plan."""

    def __init__(self, whole: World, *, seed: int) -> None:
        self._world = whole
        self._platform = whole.platform
        self._report = Report(seed)

    async def run(self, plan: Sequence[Block]) -> Report:
        """Run block after block; return the totals.

        Raises:
            Violation: a promise is broken.
        """
        began = time.monotonic()
        for number, block in enumerate(plan):
            if number and number % ERA == 0:
                await self._world.end()
                await self._world.begin()
            victim = self._platform[block.process]
            async with self._world.working():
                for strike in block.strikes:
                    await self._cycle(victim, strike)
                await self._begin(victim)
            await self._world.check()
            log.info("faults.block", number=number, process=block.process)
        await self._world.end()
        self._report.seconds = time.monotonic() - began
        return self._finished()

    async def _cycle(self, victim: Proc, strike: Strike) -> None:
        """Strike once; the process is dead afterwards unless it was only paused."""
        log.info("faults.cycle", process=victim.name, strike=str(strike))
        if strike.pause:
            await self._pause(victim, strike)
        elif strike.place is None:
            await self._begin(victim)
            await asyncio.sleep(strike.after)
            victim.kill()
            self._report.struck[f"kill -9 {victim.name}"] += 1
        else:
            await self._strike_at_point(victim, strike)
        self._report.cycles += 1
        await self._world.check_logs()
        self._check_the_others(victim)

    async def _strike_at_point(self, victim: Proc, strike: Strike) -> None:
        if victim.running:
            victim.kill()
        if strike.place and strike.place.history_lost:
            lost = {"$set": {"token": None, "complete_to": None, "replaying": True}}
            await self._world.leases.update({"_id": RELAY_LEASE}, lost)
        written = len(victim.log_text())
        victim.start(PLEXUS_FAULT=strike.fault)
        with contextlib.suppress(AssertionError):
            if victim.name in GATEWAYS:
                await self._move_in(victim)
            await victim.died(within=STRIKES_WITHIN)
        if victim.running:
            victim.kill()
            self._report.missed.append(f"{strike.fault} of {victim.name}")
        elif "fault: killed at" not in victim.log_text()[written:]:
            raise Violation(f"{victim.name} has ended by itself:\n{victim.tail()}")
        elif strike.place:
            self._report.struck[strike.place.name] += 1

    async def _move_in(self, gateway: Proc) -> None:
        """Let people reconnect to a gateway that serves again: their streams are elsewhere."""
        serves = asyncio.create_task(until(gateway.ready, within=STRIKES_WITHIN))
        dies = asyncio.create_task(gateway.died(within=STRIKES_WITHIN))
        await asyncio.wait([serves, dies], return_when=asyncio.FIRST_COMPLETED)
        for task in (serves, dies):
            task.cancel()
        await asyncio.gather(serves, dies, return_exceptions=True)
        # Not all turns lead there, so they are taken until enough have.
        deadline = time.monotonic() + STRIKES_WITHIN
        while gateway.running and time.monotonic() < deadline:
            for device in self._world.company.devices:
                device.roam()
            with contextlib.suppress(AssertionError):
                await gateway.died(within=TURN_SECONDS)

    async def _pause(self, victim: Proc, strike: Strike) -> None:
        """Stop a process for longer than a lease lives; another relay may lead meanwhile."""
        await self._begin(victim)
        await asyncio.sleep(strike.after)
        if victim.name.endswith("-relay"):
            async with self._platform.another(victim.name):
                await self._stand_still(victim)
        else:
            await self._stand_still(victim)
        self._report.struck[f"SIGSTOP {victim.name}"] += 1

    @staticmethod
    async def _stand_still(victim: Proc) -> None:
        victim.signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(PAUSE_SECONDS)
        finally:
            victim.signal(signal.SIGCONT)

    async def _begin(self, process: Proc) -> None:
        if not process.running:
            await process.begin()

    def _check_the_others(self, victim: Proc) -> None:
        for process in self._platform.processes.values():
            if process is not victim and not process.running:
                raise Violation(f"{process.name} has ended by itself:\n{process.tail()}")

    def _finished(self) -> Report:
        report, devices = self._report, self._world.company.devices
        report.changes, report.messages = self._world.changes, self._world.messages
        report.retries = self._world.company.ledger.retries
        report.streams = sum(device.streams for device in devices)
        report.resyncs = sum(device.resyncs for device in devices)
        report.healed = sum(device.healed for device in devices)
        report.holes = len(self._world.holes)
        for hole in self._world.holes:
            log.warning("faults.hole", hole=hole)
        return report
