"""A process that sends scheduled messages, for a test to kill at a fault point; never imported.

Arguments: MongoDB's address, the database.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence

from messaging.app import Store, conversation_log
from messaging.config import LogSection, ScheduleSection
from messaging.personal.api import read_scheduled
from messaging.personal.operations.schedulers import Scheduler
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.mongo import connect
from plexuskit.service import Runtime

SECTION = ScheduleSection(poll_seconds=0.05, lease_seconds=1.5)


class Everybody:
    """Directory's contract at the outer seam: every person is active."""

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        assert tenant_id
        assert list(person_ids) == [asker_id]
        return []

    async def ended(self, token_id: str) -> bool:
        return not token_id


async def main(mongo_url: str, database: str) -> None:
    company = Company()
    company.person("ten_acme", "ann")
    runtime = Runtime(service="messaging", clock=SystemClock())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runtime.stopping.set)
    async with connect(MongoSection(url=mongo_url, database=database)) as db:
        log = conversation_log(Store(db), section=LogSection(), clock=runtime.clock)
        scheduler = Scheduler(
            log,
            Everybody(),
            tokens=Everybody(),
            decisions=company.decisions,
            read=read_scheduled,
            section=SECTION,
            clock=runtime.clock,
        )
        async with log.running(runtime), runtime.background("scheduler", scheduler.run()):
            await runtime.stopping.wait()
            await scheduler.finish()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
