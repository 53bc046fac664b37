"""The relay that holds the lease: stream, publish, remember, sweep."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from plexuskit import fault
from plexuskit.clock import Clock
from plexuskit.kafka import Producer
from plexuskit.mongo import ChangeBatch, Changes, Database, HistoryLost
from plexuskit.relay.lease import Lease, Position
from plexuskit.relay.publisher import BATCH, Publisher
from plexuskit.relay.source import FactSource
from plexuskit.relay.sweep import BEGINNING, SKEW, Sweep

# The stream moves on with nothing published too; so seldom is that worth a write.
_IDLE_SAVE_EVERY = 5.0
# A batch costs every hop about as much as so many more facts: under load the next one gathers for a
# time that grows with the last one, and ends before it is noticeable.
_LINGER_PER_FACT = 0.001
_MAX_LINGER = 0.02

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A batch, and the time of its request."""

    batch: ChangeBatch
    asked: float
    asked_at: datetime


class Leader:
    """One holding of the lease, from the stored position on."""

    def __init__(
        self,
        db: Database,
        *,
        sources: Sequence[FactSource],
        lease: Lease,
        out: Producer,
        clock: Clock,
    ) -> None:
        self._db = db
        self._lease = lease
        self._clock = clock
        self._by_collection = {source.collection: source for source in sources}
        self.publisher = Publisher(db, sources=sources, out=out, lease=lease, clock=clock)
        self._sweep = Sweep(db, sources=sources, publisher=self.publisher, clock=clock)
        self._position = Position(token=None, complete_to=None, replaying=True)
        self._saved = clock.monotonic()

    async def run(self, *, stop: asyncio.Event) -> None:
        """Relay until the stop is set, then finish the current batch.

        Raises:
            HistoryLost: the stream cannot continue; this is recorded in the position, so the next
                leader begins a new stream and replays.
            LeaseLost: another relay has taken over.
            DependencyDown: MongoDB cannot be reached.
        """
        self._position = await self._lease.position()
        token = self._position.token
        try:
            async with self._db.changes(
                list(self._by_collection), after=token, batch_size=BATCH
            ) as stream:
                if token is None or self._position.replaying:
                    await self._replay(stream)
                await self._stream(stream, stop=stop)
        except HistoryLost:
            log.warning("relay.history_lost", collections=sorted(self._by_collection))
            await self._save(Position(None, self._position.complete_to, replaying=True))
            raise

    async def _replay(self, stream: Changes) -> None:
        """Publish facts that a new stream does not deliver, while the stream waits."""
        opened_at = self._clock.now()
        complete_to = self._position.complete_to
        await self._save(Position(stream.token, complete_to, replaying=True))
        since = BEGINNING if complete_to is None else complete_to - SKEW
        await self._sweep.replay(since=since)
        await self._save(Position(stream.token, opened_at, replaying=False))

    async def _stream(self, stream: Changes, *, stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait(), name="relay-stop")
        fetching = self._fetch_from(stream, linger=0)
        try:
            while not stop.is_set():
                due_in = max(0.0, min(self.publisher.flush_due_in, self._sweep.due_in))
                await asyncio.wait(
                    {fetching, stopping}, timeout=due_in, return_when=asyncio.FIRST_COMPLETED
                )
                if fetching.done():
                    fetched = fetching.result()
                    # The server gathers the next batch while this one is on its way.
                    fetching = self._fetch_from(stream, linger=_linger_after(fetched.batch))
                    await self._take(fetched)
                await self._keep_up()
        finally:
            for task in (fetching, stopping):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    # Its error is known already or does not matter any more.
                    await task
        await self.publisher.flush()
        await self._save(self._position)

    def _fetch_from(self, stream: Changes, *, linger: float) -> "asyncio.Task[_Fetched]":
        async def fetch() -> _Fetched:
            await asyncio.sleep(linger)
            asked, asked_at = self._clock.monotonic(), self._clock.now()
            return _Fetched(await stream.next(), asked=asked, asked_at=asked_at)

        return asyncio.create_task(fetch(), name="relay-fetch")

    async def _take(self, fetched: _Fetched) -> None:
        batch = fetched.batch
        await self.publisher.publish(
            [(self._by_collection[name], document) for name, document in batch.inserts]
        )
        # Not full: everything committed before the request is published now.
        complete_to = self._position.complete_to if batch.full else fetched.asked_at
        self._position = Position(batch.token, complete_to, replaying=False)

        if not batch.full and self._sweep.can_settle(caught_up=fetched.asked):
            await self._sweep.settle()

    async def _keep_up(self) -> None:
        """Run due work: store the progress, and look for facts that the stream missed."""
        idle = self._clock.monotonic() - self._saved
        if self.publisher.flush_due_in <= 0 or idle >= _IDLE_SAVE_EVERY:
            await self.publisher.flush()
            await self._save(self._position)
        if self._sweep.due_in <= 0:
            await self._sweep.look()

    async def _save(self, position: Position) -> None:
        fault.point("relay.before_position")
        await self._lease.save(position)
        fault.point("relay.after_position")
        self._position = position
        self._saved = self._clock.monotonic()


def _linger_after(batch: ChangeBatch) -> float:
    """Return how long the next batch may gather; 0 while there is a backlog."""
    return 0 if batch.full else min(_MAX_LINGER, len(batch.inserts) * _LINGER_PER_FACT)
