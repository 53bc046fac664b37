"""What time ends by itself, looked after in the background by any number of processes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from plexuskit.clock import Clock
from plexuskit.errors import Refusal

from directory.operations.bindings import end_expired_bindings
from directory.operations.leaving import expire_guests
from directory.store import Store

log = structlog.get_logger()

EVERY: Final = timedelta(seconds=30)
JOBS: Final[tuple[Callable[..., Awaitable[int]], ...]] = (end_expired_bindings, expire_guests)


async def keep_up(store: Store, *, clock: Clock, every: timedelta = EVERY) -> None:
    """Remove expired bindings and let expired guests go, once in a while, for ever.

    Both are without effect from their time on in any case; this tells everybody. What fails is done
    at the next turn.
    """
    while True:
        for job in JOBS:
            try:
                await job(store, now=clock.now())
            except Refusal as refusal:
                log.warning("upkeep.failed", job=job.__name__, error=str(refusal))
        await asyncio.sleep(every.total_seconds())
