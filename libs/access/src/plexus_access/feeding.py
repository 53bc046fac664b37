"""Feeds that keep a replica current: directory's snapshot, then its topics.

Positions in Kafka are taken before directory is asked, so nothing falls between its answer and the
first fact. While Kafka is away directory is asked again every 30 s, and what it answered counts for
60 s (GW-4); after that the replica is not current, and its owner refuses with UNAVAILABLE.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from google.protobuf.message import DecodeError
from plexus.authz.v1.authority_pb2 import SnapshotRequest, SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import (
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
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, tail
from plexuskit.service import Health

from plexus_access.facts import applies
from plexus_access.replica import Replica

log = structlog.get_logger()

CHECK: Final = "access"
EVENTS_CHECK: Final = "access_events"
ASKED_EVERY: Final = 30.0
GOOD_FOR: Final = 60.0
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


class Feed:
    """Keeps the replica of one process current."""

    def __init__(
        self, replica: Replica, directory: Snapshot, *, health: Health, clock: Clock
    ) -> None:
        """Take what to feed and whom to ask.

        Args:
            replica: gets what is received.
            directory: its snapshot of facts.
            health: gets the checks `access` (required: nothing is decided before the first
                snapshot), `access_events` and `access.directory`.
            clock: measures how long an answer of directory counts.
        """
        self._replica = replica
        self._directory = directory
        self._health = health
        self._clock = clock
        self.loaded = asyncio.Event()
        self._loading = asyncio.Lock()
        # Counts the tails that were entered; 0 stands for none that is open.
        self._tails = self._tail = 0
        self._loaded = False
        self._asked_at = self._good_until = float("-inf")
        health.set(CHECK, ok=False, detail="directory's snapshot is not loaded yet")

    @property
    def current(self) -> bool:
        """Tell whether the replica is current: followed, or answered by directory within 60 s."""
        return self._loaded or self._clock.monotonic() < self._good_until

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
                    self._tails += 1
                    self._tail = self._tails
                    self._health.set(EVENTS_CHECK, ok=True, required=False)
                    async with asyncio.TaskGroup() as group:
                        loading = group.create_task(self._load())
                        try:
                            async for records in batches:
                                found = envelopes_of(records)
                                if any(each.omitted for each in found):
                                    # Facts too large for a record are in directory's snapshot.
                                    loading.cancel()
                                    loading = group.create_task(self._load())
                                self._replica.take([e for e in found if not e.omitted])
                        finally:
                            loading.cancel()
            except* KafkaUnavailable as lost:
                self._lose(str(lost.exceptions[0]))
            await asyncio.sleep(pause(failures, BACK_OFF))
            failures = min(failures + 1, 8)

    async def _ask_without_topics(self) -> None:
        """Load directory's snapshot every 30 s while its topics are not followed."""
        while True:
            await asyncio.sleep(_LOOKED_EVERY)
            if self._tail or self._clock.monotonic() < self._asked_at + ASKED_EVERY:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY):
                    await self._load()

    def _lose(self, error: str) -> None:
        log.warning("access.tail_lost", error=error)
        if self._loaded:
            self._good_until = self._clock.monotonic() + GOOD_FOR
        self._tail, self._loaded = 0, False
        self._health.set(EVENTS_CHECK, ok=False, detail=error, required=False)

    async def _load(self) -> None:
        async with self._loading:
            began_at = self._tail
            await until_loaded(
                lambda: load_directory(self._replica, self._directory),
                owner="directory",
                health=self._health,
            )
            # A tail is complete only after a snapshot that was asked for during it.
            self._loaded = self._loaded or bool(began_at and began_at == self._tail)
            self._asked_at = self._clock.monotonic()
            self._good_until = self._asked_at + GOOD_FOR
            self._health.set(CHECK, ok=True, required=True)
            self.loaded.set()


async def load_directory(replica: Replica, directory: Snapshot) -> int:
    """Load directory's snapshot into a replica; return how many facts it had."""
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
            failures = min(failures + 1, 8)
        else:
            log.info("access.loaded", owner=owner, count=count)
            health.set(check, ok=True, detail=f"{count} loaded", required=False)
            return


def envelopes_of(records: Sequence[Record]) -> list[Envelope]:
    """Return the facts that a replica applies; a record that cannot be read is left out."""
    found: list[Envelope] = []
    for record in records:
        try:
            envelope = record.envelope
        except (InvalidRecord, DecodeError) as error:
            log.warning("access.record_unreadable", topic=record.topic, error=str(error))
            continue
        if applies(envelope):
            found.append(envelope)
    return found
