"""A messaging process without background tasks: each command belongs to a call."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from messaging.app import Store, conversation_log
from messaging.config import LimitsSection, LogSection
from messaging.log.operations.logs import Log
from messaging.reading.operations.cursors import Cursors
from plexuskit.clock import Clock

UNLIMITED = LimitsSection(
    sender_rate=1e6, sender_burst=1_000_000, conversation_rate=1e6, conversation_burst=1_000_000
)


class Everybody:
    """Directory's contract at the outer seam: an id that begins with `ghost` is unknown."""

    async def unknown(
        self, *, tenant_id: str, asker_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        assert tenant_id
        assert asker_id
        return [person for person in person_ids if person.startswith("ghost")]


@asynccontextmanager
async def writing(store: Store, *, clock: Clock) -> AsyncIterator[tuple[Log, Cursors]]:
    """Run the lanes of a log and the writer of cursors for the duration of the block."""
    log = conversation_log(store, section=LogSection(), clock=clock, limits=UNLIMITED)
    cursors = Cursors(store, clock=clock)
    tasks = [asyncio.create_task(partition.run()) for partition in log.partitions]
    tasks.append(asyncio.create_task(cursors.run()))
    try:
        yield log, cursors
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
