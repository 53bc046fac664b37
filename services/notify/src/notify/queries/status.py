"""Figures of a tenant."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown

from notify.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts: of a tenant, and dead letters of the service."""

    notifications: int
    deliveries: int
    dead_letters: int


class DeadLetters:
    """Count of dead letters, read from Kafka at a limited rate."""

    def __init__(
        self, depth: Callable[[], Awaitable[int]], *, clock: Clock, every: float = 15.0
    ) -> None:
        self._depth = depth
        self._clock = clock
        self._every = every
        self._lock = asyncio.Lock()
        self._known: tuple[float, int] | None = None

    async def count(self) -> int:
        """Return the number, at most `every` seconds old, or older while Kafka is away.

        Raises:
            DependencyDown: Kafka is away and was never asked before.
        """
        async with self._lock:
            now = self._clock.monotonic()
            if self._known is not None and now - self._known[0] < self._every:
                return self._known[1]
            try:
                self._known = (now, await self._depth())
            except DependencyDown as down:
                if self._known is None:
                    raise
                log.warning("dead_letters.unknown", why=str(down))
                self._known = (now, self._known[1])
            return self._known[1]


async def get_notify_status(store: Store, *, tenant_id: str, dead_letters: DeadLetters) -> Figures:
    """Return the figures; every notification has two deliveries, in-app with its outcome at once.

    Raises:
        DependencyDown: the database or Kafka is away.
    """
    (every, waiting), letters = await asyncio.gather(
        store.notifications.figures(tenant_id), dead_letters.count()
    )
    return Figures(notifications=every, deliveries=2 * every - waiting, dead_letters=letters)
