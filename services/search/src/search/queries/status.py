"""Figures of the index: its size and its lag (SRC-4)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from plexuskit.clock import Clock

from search.domain import lag
from search.domain.lag import Progress
from search.domain.types import DocumentType
from search.store import Store

_FRESH: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Indexed documents of a tenant, and the state of the indexers."""

    counted: Mapping[DocumentType, int]
    dead_letters: int
    lag_seconds: float


class Freshness:
    """Progress of the indexers, read at most once a second."""

    def __init__(self, store: Store, *, clock: Clock, threshold: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._threshold = threshold
        self._read: tuple[Progress, ...] = ()
        self._good_until = float("-inf")
        self._reading = asyncio.Lock()

    async def progress(self) -> tuple[Progress, ...]:
        """Return the latest progress of the indexers; raises IndexUnreachable."""
        async with self._reading:
            if self._clock.monotonic() >= self._good_until:
                self._read = tuple(await self._store.progress())
                self._good_until = self._clock.monotonic() + _FRESH.total_seconds()
            return self._read

    async def is_behind(self) -> bool:
        """Return whether the index may lack events from before the threshold."""
        return lag.is_behind(
            await self.progress(),
            groups=self._store.kinds.groups,
            threshold=self._threshold,
            now=self._clock.now(),
        )


async def get_search_status(
    store: Store, *, freshness: Freshness, tenant_id: str, clock: Clock
) -> Status:
    """Count the indexed documents of a tenant; raises IndexUnreachable."""
    progress = await freshness.progress()
    return Status(
        counted=await store.count(tenant_id=tenant_id),
        dead_letters=lag.dead_letters(progress),
        lag_seconds=lag.lag_seconds(progress, groups=store.kinds.groups, now=clock.now()),
    )
