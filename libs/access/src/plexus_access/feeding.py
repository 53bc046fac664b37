"""Feeds that keep a replica current: directory's snapshot, then its topics.

Positions in Kafka are taken before directory is asked, so nothing falls between its answer and the
first fact. The whole snapshot is loaded at the start and once a day. While Kafka is away directory
is asked every 30 s for the facts that are new, and its answer counts for 60 s (GW-4); after that
the replica is not current, its owner refuses with UNAVAILABLE, and the process is not ready.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

import structlog
from plexus.authz.v1.authority_pb2 import SnapshotRequest, SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import (
    CONSUMERS,
    DIRECTORY_ACCESS_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
)
from plexuskit.backoff import pause
from plexuskit.clock import Clock
from plexuskit.config import KafkaSection
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, subscription, tail
from plexuskit.service import Health
from plexuskit.timestamps import timestamp

from plexus_access.facts import applied, applies
from plexus_access.repairing import Repairs
from plexus_access.replica import Replica

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub

log = structlog.get_logger()

CHECK: Final = "access"
EVENTS_CHECK: Final = "access_events"
ASKED_EVERY: Final = 30.0
GOOD_FOR: Final = 60.0
WHOLE_EVERY: Final = timedelta(days=1)
MARGIN: Final = timedelta(minutes=10)
"""Overlap of two questions for new facts: clocks differ, and a broken connection shows late."""
_LOOKED_EVERY: Final = 1.0
BACK_OFF: Final = (0.2, 5.0)
OF_DIRECTORY: Final = (
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_ACCESS_V1,
    DIRECTORY_PERSON_V1,
)

Snapshot = Callable[[SnapshotRequest], AsyncIterable[SnapshotResponse]]
"""An owner's `Authority.Snapshot`, as its stub calls it."""


class Listener(Protocol):
    """Something else that needs directory's records, by the same tail."""

    def entered(self) -> None:
        """Begin: every record from here on comes."""

    def received(self, records: Sequence[Record]) -> None:
        """Apply records of directory's topics, in order per key."""

    def lost(self, error: str) -> None:
        """Record that records no longer arrive."""


class Feed:
    """Keeps the replica of one process current."""

    def __init__(
        self,
        replica: Replica,
        directory: "AuthorityAsyncStub",
        *,
        health: Health,
        clock: Clock,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """Set up the feed of a replica.

        Args:
            replica: receives the changes.
            directory: client of its Authority.
            health: gets the checks `access` (required: nothing is decided before the first
                snapshot, nor on a replica that is not current), `access_events` and
                `access.directory`.
            clock: measures how long a response of directory counts.
            listeners: receive the same records.
        """
        self._replica = replica
        self._directory = directory
        self._health = health
        self._clock = clock
        self._listeners = listeners
        self._repairs = Repairs(replica, directory)
        self.loaded = asyncio.Event()
        self._loading = asyncio.Lock()
        # Counts the open tails; 0 if none is open.
        self._tails = self._tail = 0
        self._loaded = False
        self._asked_at = self._good_until = float("-inf")
        # Time of the last whole snapshot's request, and until when every fact is known.
        self._whole_at: datetime | None = None
        self._complete_at: datetime | None = None
        health.set(CHECK, ok=False, detail="directory's snapshot is not loaded yet")

    @property
    def current(self) -> bool:
        """Return whether the replica is current: followed, or answered by directory within 60 s."""
        return self._loaded or self._clock.monotonic() < self._good_until

    @property
    def stale(self) -> bool:
        """Return whether the replica was loaded once, and is not current any more."""
        return self.loaded.is_set() and not self.current

    async def follow(self, section: KafkaSection) -> None:
        """Apply directory's facts until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_topics(section))
            group.create_task(self._ask_without_topics())

    async def _follow_topics(self, section: KafkaSection) -> None:
        failures = 0
        while True:
            try:
                async with tail(section, OF_DIRECTORY) as batches:
                    failures = 0
                    self._enter()
                    async with asyncio.TaskGroup() as group:
                        working = [
                            group.create_task(self._load()),
                            group.create_task(self._repairs.run()),
                        ]
                        try:
                            async for records in batches:
                                self.take(records)
                        finally:
                            for task in working:
                                task.cancel()
            except* KafkaUnavailable as lost:
                self._lose(str(lost.exceptions[0]))
            except* Exception:
                self._lose("failed; see the log")
                raise
            await asyncio.sleep(pause(failures, BACK_OFF))
            failures += 1

    async def _ask_without_topics(self) -> None:
        """Query directory every 30 s for new facts while its topics are not followed."""
        while True:
            await asyncio.sleep(_LOOKED_EVERY)
            self._show()
            if self._tail or self._clock.monotonic() < self._asked_at + ASKED_EVERY:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY):
                    await self._load()

    def _enter(self) -> None:
        self._tails += 1
        self._tail = self._tails
        self._health.set(EVENTS_CHECK, ok=True, required=False)
        for listener in self._listeners:
            listener.entered()

    def take(self, records: Sequence[Record]) -> None:
        """Apply facts of directory; those that cannot be read or applied are requested again."""
        if self._loaded:
            self._complete_at = self._clock.now()
        for record, envelope in read(records):
            if envelope is None:
                self._repairs.unreadable(record.topic)
            elif not applies(envelope):
                continue
            elif envelope.omitted:
                self._repairs.omitted(record.topic, envelope)
            elif not self._replica.take([envelope]):
                self._repairs.unreadable(record.topic)
        for listener in self._listeners:
            listener.received(records)

    def _lose(self, error: str) -> None:
        log.warning("access.tail_lost", error=error)
        if self._loaded:
            self._good_until = self._clock.monotonic() + GOOD_FOR
        self._tail, self._loaded = 0, False
        self._health.set(EVENTS_CHECK, ok=False, detail=error, required=False)
        for listener in self._listeners:
            listener.lost(error)

    def _show(self) -> None:
        """Report whether the replica is current; before the first snapshot `access` reports it."""
        if not self.loaded.is_set():
            return
        if self.current:
            self._health.set(CHECK, ok=True, required=True)
            return
        self._health.set(
            CHECK,
            ok=False,
            detail=f"no topics are followed, and directory has not answered for {GOOD_FOR:g} s",
            remedy="Restore Kafka or directory; either is enough.",
        )

    async def _load(self) -> None:
        async with self._loading:
            began_at = self._tail
            await until_loaded(self._refresh, owner="directory", health=self._health)
            # A tail is complete only after a snapshot that was requested during it.
            self._loaded = self._loaded or bool(began_at and began_at == self._tail)
            # An answer is as old as its question, however long it took to come.
            self._good_until = self._asked_at + GOOD_FOR
            self.loaded.set()
            self._show()

    async def _refresh(self) -> int:
        """Load everything at first and once a day, else new facts; return their number."""
        began, whole, complete = self._clock.now(), self._whole_at, self._complete_at
        asked_at = self._clock.monotonic()
        if whole is None or complete is None or began - whole >= WHOLE_EVERY:
            count = await load_directory(self._replica, self._directory.Snapshot)
            self._whole_at = began
        else:
            count = await self._load_new(complete - MARGIN)
        self._complete_at, self._asked_at = began, asked_at
        return count

    async def _load_new(self, since: datetime) -> int:
        """Apply the facts that wait for Kafka or were published since an instant.

        A directory that does not know the question answers with everything, which is applied by
        version too.
        """
        request = SnapshotRequest(
            topics=[topic.name for topic in OF_DIRECTORY], published_since=timestamp(since)
        )
        count = 0
        async for frame in self._directory.Snapshot(request):
            self._replica.take(frame.facts)
            count += len(frame.facts)
        return count


async def load_directory(replica: Replica, directory: Snapshot) -> int:
    """Load directory's snapshot into a replica; return the number of facts."""
    count = 0
    replica.begin()
    for topic in OF_DIRECTORY:
        async for frame in directory(SnapshotRequest(topics=[topic.name])):
            replica.load(frame.facts)
            count += len(frame.facts)
    replica.swap()
    return count


async def until_loaded(load: Callable[[], Awaitable[int]], *, owner: str, health: Health) -> None:
    """Load a snapshot, again with back-off until it is complete."""
    check, failures = f"access.{owner}", 0
    while True:
        try:
            count = await load()
        except (Refusal, RemoteFailure) as error:
            log.warning("access.snapshot_failed", owner=owner, error=str(error))
            remedy = f"Restore {owner}; it is asked again by itself."
            health.set(check, ok=False, detail=str(error), required=False, remedy=remedy)
            await asyncio.sleep(pause(failures, BACK_OFF))
            failures += 1
        else:
            log.info("access.loaded", owner=owner, count=count)
            health.set(check, ok=True, detail=f"{count} loaded", required=False)
            return


def read(records: Sequence[Record]) -> Iterator[tuple[Record, Envelope | None]]:
    """Yield each record with its envelope; None for an unreadable one, which is logged."""
    for record in records:
        try:
            yield record, record.envelope
        except InvalidRecord as error:
            log.warning("access.record_unreadable", topic=record.topic, error=str(error))
            yield record, None


SUBSCRIPTIONS: Final = tuple(
    subscription(each, *applied(*OF_DIRECTORY)).read_by(Feed.take)
    for each in CONSUMERS
    if each.group == f"{each.service}.replica"
)
"""The declared handler of each service that keeps a replica of roles and policies."""
