"""Second pass over the collections, for facts that the change stream missed."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from plexuskit import metrics
from plexuskit.clock import Clock
from plexuskit.mongo import Database
from plexuskit.relay.publisher import BATCH, Publisher
from plexuskit.relay.source import FactSource

EVERY = 5.0
# A writer may take this long between setting `stored_at` and its commit.
OVERLAP = timedelta(seconds=10)
FIRST_LOOK_BACK = timedelta(minutes=10)
# Maximum difference between the clocks of the processes that set `stored_at`.
SKEW = timedelta(hours=1)
BEGINNING = datetime.fromtimestamp(0, UTC)

_SUSPECTS = 10_000
_MAX_QUERY = timedelta(minutes=10)

SWEPT = metrics.counter(
    "plexus_relay_swept_total", "Scopes with facts that only the sweep found, not the stream"
)

log = structlog.get_logger()


class Sweep:
    """Compares stored facts with published ones.

    A fact that is stored and not published may simply be on its way through the stream. So what
    a look finds is only suspected; it is published from the collection if it is still missing after
    the stream has passed that moment.
    """

    def __init__(
        self,
        db: Database,
        *,
        sources: Sequence[FactSource],
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._sources = sources
        self._publisher = publisher
        self._clock = clock
        # Only reads here, so the version does not matter.
        self._facts = {s.collection: db.collection(s.collection, schema_version=1) for s in sources}
        self._since = clock.now() - FIRST_LOOK_BACK
        self._behind: dict[str, dict[str, int]] = {}
        self._unmarked: dict[str, dict[str, str]] = {}
        self._looked = clock.monotonic()

    @property
    def due_in(self) -> float:
        """Seconds until the next look, at most 0 when it is due."""
        return self._looked + EVERY - self._clock.monotonic()

    def can_settle(self, *, caught_up: float) -> bool:
        """Return whether there are suspects from before the stream's current position."""
        return bool(self._behind or self._unmarked) and caught_up > self._looked

    async def look(self) -> None:
        """Record recently stored facts that are not published.

        Raises:
            DependencyDown: MongoDB cannot be reached.
        """
        started = self._clock.now()
        for source in self._sources:
            if source.numbered:
                await self._look_at_numbers(source)
            else:
                await self._look_at_marks(source)
        self._since = started - OVERLAP
        self._looked = self._clock.monotonic()

    async def settle(self) -> None:
        """Publish the facts still missing since the last pass.

        Raises: as `Publisher.publish`.
        """
        behind, self._behind = self._behind, {}
        unmarked, self._unmarked = self._unmarked, {}
        for source in self._sources:
            suspects = behind.get(source.collection, {})
            for scope in await self._publisher.behind(source, suspects):
                self._report(source, scopes=1)
                await self._publisher.replay_scope(source, scope)

            scopes_by_fact = unmarked.get(source.collection, {})
            if scopes_by_fact:
                await self._settle_marks(source, scopes_by_fact)

    async def replay(self, *, since: datetime) -> None:
        """Publish all that was stored since then and is not published: the history was lost.

        Raises: as `Publisher.publish`.
        """
        for source in self._sources:
            log.info("relay.replay_started", collection=source.collection, since=since.isoformat())
            if not source.numbered:
                await self._publisher.replay_unmarked(source, source.unpublished(since))
                continue
            async for scopes in self._last_numbers(source, since=since):
                for scope in await self._publisher.behind(source, scopes):
                    await self._publisher.replay_scope(source, scope)
        await self._publisher.flush()

    async def _look_at_numbers(self, source: FactSource) -> None:
        suspects: dict[str, int] = {}
        async with aclosing(self._last_numbers(source, since=self._since)) as chunks:
            async for scopes in chunks:
                for scope in await self._publisher.behind(source, scopes):
                    suspects[scope] = scopes[scope]
                if len(suspects) >= _SUSPECTS:
                    break
        if suspects:
            self._behind[source.collection] = suspects

    async def _look_at_marks(self, source: FactSource) -> None:
        scope_field = source.replay.scope_field
        found = await self._facts[source.collection].find_all(
            source.unpublished(self._since), projection=[scope_field], limit=_SUSPECTS
        )
        scopes = {document["_id"]: document[scope_field] for document in found}
        unseen = self._publisher.unseen(source, scopes)
        if unseen:
            self._unmarked[source.collection] = {fact: scopes[fact] for fact in unseen}

    async def _settle_marks(self, source: FactSource, scopes_by_fact: dict[str, str]) -> None:
        missing = self._publisher.unseen(source, scopes_by_fact)
        scopes = sorted({scopes_by_fact[fact] for fact in missing})
        if not scopes:
            return
        self._report(source, scopes=len(scopes))
        found = {**source.unpublished(BEGINNING), source.replay.scope_field: {"$in": scopes}}
        await self._publisher.replay_unmarked(source, found)

    async def _last_numbers(
        self, source: FactSource, *, since: datetime
    ) -> AsyncGenerator[dict[str, int], None]:
        """Yield the last stored number of every scope with something stored since then."""
        scope, number = source.replay.scope_field, source.replay.number_field
        pipeline: list[Mapping[str, Any]] = [
            {"$match": source.recent(since)},
            {"$group": {"_id": f"${scope}", "number": {"$max": f"${number}"}}},
        ]
        scopes: dict[str, int] = {}
        groups = self._facts[source.collection].aggregate_all(pipeline, within=_MAX_QUERY)
        async with aclosing(groups):
            async for group in groups:
                scopes[group["_id"]] = group["number"]
                if len(scopes) == BATCH:
                    yield scopes
                    scopes = {}
        if scopes:
            yield scopes

    def _report(self, source: FactSource, *, scopes: int) -> None:
        SWEPT.inc(scopes)
        log.warning("relay.stream_missed_facts", collection=source.collection, scopes=scopes)
