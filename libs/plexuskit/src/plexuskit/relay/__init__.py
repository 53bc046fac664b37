"""The relay: publishes stored facts to Kafka, every one, each scope in order.

Facts come from collections whose documents carry the event. A change stream delivers them about a
millisecond after their commit; others are found by scope and number. A lease lets one relay work at
a time, but cannot fence Kafka: a fact may be published again after newer ones, so every consumer
guards itself by version.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import structlog

from plexuskit import metrics
from plexuskit.backoff import WITHIN, pause
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import producer
from plexuskit.mongo import Database, HistoryLost
from plexuskit.relay.leader import Leader
from plexuskit.relay.lease import TTL, Lease, LeaseLost
from plexuskit.relay.reading import read_facts, read_new_facts
from plexuskit.relay.source import (
    OUTBOX,
    FactSource,
    Replay,
    replay_by_fields,
    replay_by_id,
)
from plexuskit.runtime import Runtime

__all__ = [
    "OUTBOX",
    "FactSource",
    "Replay",
    "read_facts",
    "read_new_facts",
    "relay",
    "replay_by_fields",
    "replay_by_id",
]

LEADING = metrics.gauge("plexus_relay_leading", "1 while this process holds the relay's lease")

_BACK_OFF = (0.1, 5.0)
_STEADY_SECONDS = 30.0
_FINISH_SECONDS = 3.0
_OBSERVED_EVERY = 1.0
_LATE_SECONDS = 30.0
_MAX_COUNTED = 50_000

log = structlog.get_logger()


@asynccontextmanager
async def relay(
    db: Database,
    kafka: KafkaSection,
    *,
    sources: Sequence[FactSource],
    name: str,
    runtime: Runtime,
    lease: timedelta = TTL,
) -> AsyncIterator[None]:
    """Relay the facts of the sources for the duration of the block, or stand by while another does.

    Args:
        db: the service's database; the sources' collections and their indexes exist.
        kafka: address of the topics; they exist.
        sources: each collection once.
        name: name of the lease; the same in all processes that relay these sources.
        runtime: the frame of the process.
        lease: life of the lease without renewal.
    """
    relaying = _Relay(db, kafka, sources=sources, name=name, runtime=runtime, lives=lease)
    async with (
        runtime.kept(f"relay-{name}", relaying.run),
        runtime.kept(f"relay-{name}-watch", relaying.observe),
    ):
        try:
            yield
        finally:
            await relaying.finish()


class _Relay:
    """Waits for the lease, leads, and begins again after whatever went wrong."""

    def __init__(
        self,
        db: Database,
        kafka: KafkaSection,
        *,
        sources: Sequence[FactSource],
        name: str,
        runtime: Runtime,
        lives: timedelta,
    ) -> None:
        self._db = db
        self._kafka = kafka
        self._sources = sources
        self._name = name
        self._lives = lives
        self._runtime = runtime
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()
        self._leader: Leader | None = None
        self._failure = ""

    async def run(self) -> None:
        failures = 0
        self._ended.clear()
        try:
            while not self._stop.is_set():
                began = self._runtime.clock.monotonic()
                try:
                    await self._lead()
                except (HistoryLost, LeaseLost) as error:
                    log.warning("relay.begins_again", relay=self._name, why=type(error).__name__)
                except DependencyDown as error:
                    self._report(error)
                if self._runtime.clock.monotonic() - began > _STEADY_SECONDS:
                    failures = 0
                await self._rest(pause(failures, _BACK_OFF, spread=WITHIN))
                failures += 1
        finally:
            self._ended.set()

    async def finish(self) -> None:
        """Let the current batch end, so that the next relay need not repeat it."""
        self._stop.set()
        if self._leader is None:
            return
        try:
            async with asyncio.timeout(_FINISH_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            log.info("relay.cut_off", relay=self._name)

    async def observe(self) -> None:
        """Keep metrics and health up to date, also while the relay itself is stuck."""
        while True:
            age, pending = 0.0, 0
            oldest = self._leader.publisher.oldest if self._leader else None
            if self._leader is not None and oldest is not None:
                age = max(0.0, (self._runtime.clock.now() - oldest).total_seconds())
                pending = await self._pending(oldest, at_least=self._leader.publisher.in_hand)
            metrics.OUTBOX_AGE_SECONDS.set(age)
            metrics.OUTBOX_PENDING.set(pending)
            self._show_health(age)
            await asyncio.sleep(_OBSERVED_EVERY)

    async def _rest(self, seconds: float) -> None:
        """Wait for so long, or for the stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _lead(self) -> None:
        clock = self._runtime.clock
        lease = Lease(self._db, name=self._name, clock=clock, lives=self._lives)
        async with lease.hold(), producer(self._kafka) as out:
            leader = Leader(self._db, sources=self._sources, lease=lease, out=out, clock=clock)
            self._leader, self._failure = leader, ""
            LEADING.set(1)
            try:
                await leader.run(stop=self._stop)
            finally:
                self._leader = None
                LEADING.set(0)

    async def _pending(self, oldest: datetime, *, at_least: int) -> int:
        """Count stored facts that are not published; query the database only when it is slow."""
        if (self._runtime.clock.now() - oldest).total_seconds() < _OBSERVED_EVERY:
            return at_least
        counted = 0
        try:
            for source in self._sources:
                wanted = source.recent(oldest) if source.numbered else source.unpublished(oldest)
                facts = self._db.collection(source.collection, schema_version=1)
                counted += await facts.count(wanted, limit=_MAX_COUNTED)
        except DependencyDown:
            # The relay itself reports that; the last known figure is better than none.
            return at_least
        return max(counted, at_least)

    def _show_health(self, age: float) -> None:
        failing = self._failure
        if self._leader is not None and self._leader.publisher.failing:
            failing = self._leader.publisher.failing
        self._runtime.health.set(
            f"relay-{self._name}",
            not failing and age < _LATE_SECONDS,
            failing or (f"oldest fact waits for {age:.0f} s" if age else ""),
            required=False,
            remedy="Facts wait in MongoDB and are not lost: look at Kafka, then at this log.",
        )

    def _report(self, error: DependencyDown) -> None:
        """Log a failure once, until the lease is held again."""
        if not self._failure:
            log.error("relay.interrupted", relay=self._name, error=repr(error.__cause__ or error))
        self._failure = str(error)
