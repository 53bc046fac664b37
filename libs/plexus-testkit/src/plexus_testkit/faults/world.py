"""A platform with people, traffic on request, and every check, for fault tests.

async with world(directory) as whole:
    async with whole.working():
        ...  # break something
    await whole.check()
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plexuskit.config import MongoSection
from plexuskit.mongo import Collection, Database, connect

from plexus_testkit.faults.actions import Room
from plexus_testkit.faults.company import Company, company
from plexus_testkit.faults.ledger import Violation
from plexus_testkit.faults.stage import stage
from plexus_testkit.faults.traffic import Traffic
from plexus_testkit.faults.verify import Verifier
from plexus_testkit.harness import NO_SETTINGS, Platform


@dataclass
class World:
    """Running platform, with the record of its people's sends and answers."""

    platform: Platform
    company: Company
    database: Database
    verifier: Verifier
    seed: str
    rooms: list[Room] = field(default_factory=list)
    changes: int = 0
    messages: int = 0
    _runs: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def leases(self) -> Collection:
        """Collection of the relays' leases and positions."""
        return self.database.collection("relay_leases", schema_version=1)

    async def begin(self) -> None:
        """Begin new conversations."""
        self.rooms = await self.company.new_rooms()

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Let people work for the duration of the block; at its end all actions are answered.

        Raises:
            Violation: an answer that must not occur.
        """
        traffic = Traffic(self.rooms, seed=f"{self.seed} {next(self._runs)}")
        try:
            async with traffic.flowing():
                yield
        except BaseExceptionGroup as group:
            raise first_of(group) from group

    async def check_logs(self) -> None:
        """Check the stored logs, also while people work.

        Raises:
            Violation: see Verifier.
        """
        for room in self.rooms:
            await self.verifier.check_log(room)

    async def check(self) -> None:
        """Check everything that can be checked at once, while no one is active.

        Raises:
            Violation: see Verifier.
        """
        await self.check_logs()
        for room in self.rooms:
            await self.verifier.check_nothing_hangs(room)
        checks = [
            self.verifier.check_device(room, device)
            for room in self.rooms
            for device in self.company.devices
        ]
        await asyncio.gather(*checks)
        for room in self.rooms:
            for device in self.company.people:
                await self.verifier.check_reading(room, device)

    async def end(self) -> None:
        """Run the checks that take longer, and drop the conversations.

        Raises:
            Violation: see Verifier.
        """
        await self.check()
        await self.verifier.check_heads(self.rooms, self.company.people[0])
        for device in self.company.people:
            await self.verifier.check_notices(self.rooms, device)
        for room in self.rooms:
            self.changes += await self.verifier.check_log(room)
        ids = {room.id for room in self.rooms}
        self.messages += sum(key[0] in ids for key in self.company.ledger.answered)
        self.verifier.forget(self.rooms)
        self.company.leave(self.rooms)
        self.rooms = []

    @property
    def holes(self) -> list[str]:
        """Live frames that began after the copy's end, without an explanation."""
        return [hole for device in self.company.devices for hole in device.holes]


@contextlib.asynccontextmanager
async def world(
    directory: Path,
    *,
    seed: str,
    mongo_url: str = "",
    settings: Mapping[str, str] = NO_SETTINGS,
) -> AsyncIterator[World]:
    """Start everything under a folder, with the first conversations; stop all of it at the end.

    Args:
        directory: Folder of data, keys and logs.
        seed: Seed of all random generators.
        mongo_url: A running MongoDB; empty: one of its own.
        settings: Additional environment of every process.

    Raises:
        ToolMissing: A server's program is absent.
    """
    async with (
        stage(directory, mongo_url=mongo_url, settings=settings) as platform,
        company(platform) as everybody,
        connect(MongoSection(url=platform.mongo_url, database="plexus_messaging")) as database,
    ):
        verifier = Verifier(database.collection("entries", schema_version=1), everybody.ledger)
        whole = World(platform, everybody, database, verifier, seed)
        await whole.begin()
        yield whole


def first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error among all that ended with it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        violations = [each for each in error.exceptions if isinstance(each, Violation)]
        error = violations[0] if violations else error.exceptions[0]
    return error
