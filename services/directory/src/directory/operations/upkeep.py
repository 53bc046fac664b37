"""What time ends by itself, looked after in the background by any number of processes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from plexuskit.clock import Clock
from plexuskit.errors import Refusal

from directory.access.operations.role_bindings import end_expired_bindings
from directory.accounts.operations.failed_sign_ins import state_failed_sign_ins
from directory.people.operations.leaving import EXPIRED_AT_ONCE, expire_guests
from directory.store import Store

log = structlog.get_logger()


async def end_expired_guests(store: Store, *, now: datetime) -> int:
    """Deactivate every guest whose time is over; out: how many were looked at."""
    total = 0
    while looked_at := await expire_guests(store, now=now):
        total += looked_at
        if looked_at < EXPIRED_AT_ONCE:
            break
    return total


JOBS: Final[tuple[Callable[..., Awaitable[int]], ...]] = (
    end_expired_guests,
    end_expired_bindings,
    state_failed_sign_ins,
)


async def keep_up(store: Store, *, clock: Clock, every: timedelta) -> None:
    """Let expired guests go and remove expired bindings, once in a while, for ever.

    Both are without effect from their time on in any case; this tells everybody. Failed attempts to
    sign in become facts. What fails is done at the next turn.
    """
    while True:
        for job in JOBS:
            try:
                await job(store, now=clock.now())
            except Refusal as refusal:
                log.warning("upkeep.postponed", job=job.__name__, reason=str(refusal))
        await asyncio.sleep(every.total_seconds())
