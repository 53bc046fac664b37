"""What keeps the gateway's copy of the relations true: snapshots of the owners, then their facts.

Positions in Kafka are taken before an owner is asked, so nothing falls between its answer and the
first fact. While Kafka is away the owners are asked again every 30 s: a role that was taken away
counts no longer than that, whoever's event is stuck.
"""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from google.protobuf.message import DecodeError
from plexus.authz.v1.authority_pb2 import SnapshotRequest, SnapshotResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
    TASKS_PROJECT_V1,
    TASKS_TASK_V1,
)
from plexus_access.facts import applies
from plexus_access.objects import CONVERSATION, Object
from plexus_access.relations import Gathering
from plexuskit.backoff import pause
from plexuskit.config import KafkaSection
from plexuskit.errors import Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.kafka import InvalidRecord, KafkaUnavailable, Record, tail
from plexuskit.service import Health

from gateway.access.projection import OF_MESSAGING, OF_TASKS, Projection

log = structlog.get_logger()

CHECK: Final = "access"
EVENTS_CHECK: Final = "access_events"
ASKED_EVERY: Final = 30.0
_BACK_OFF: Final = (0.2, 5.0)
_OF_DIRECTORY: Final = (
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_ACCESS_V1,
    DIRECTORY_PERSON_V1,
)
_TOPICS: Final = (*_OF_DIRECTORY, TASKS_PROJECT_V1, TASKS_TASK_V1)

Snapshot = Callable[[SnapshotRequest], AsyncIterable[SnapshotResponse]]
"""An owner's `Authority.Snapshot`, as its stub calls it."""


class Following:
    """Feeds a Projection."""

    def __init__(
        self,
        projection: Projection,
        *,
        directory: Snapshot,
        messaging: Snapshot,
        tasks: Snapshot,
        health: Health,
    ) -> None:
        """Take what to feed and whom to ask.

        Args:
            projection: gets what is heard.
            directory: its snapshot of facts; the process is not ready before the first.
            messaging: its snapshot of memberships.
            tasks: its snapshot of memberships.
            health: gets the checks `access` (required), `access_events` and one per owner.
        """
        self._projection = projection
        self._directory = directory
        self._messaging = messaging
        self._tasks = tasks
        self._health = health
        self._load_members = asyncio.Event()
        # When the owners are asked next while Kafka is away; at once when a process starts so.
        self._ask_at = 0.0
        # Kinds of objects whose every change comes here at present.
        self._followed: set[str] = set()
        health.set(CHECK, ok=False, detail="directory's snapshot is not loaded yet")

    async def follow(self, section: KafkaSection) -> None:
        """Apply the facts of directory and tasks for ever."""
        failures = 0
        while True:
            try:
                async with tail(section, _TOPICS) as batches:
                    failures = 0
                    self._followed |= OF_TASKS
                    self._health.set(EVENTS_CHECK, ok=True, required=False)
                    async with asyncio.TaskGroup() as group:
                        loading = group.create_task(self._load_all())
                        try:
                            async for records in batches:
                                found = _envelopes(records)
                                if any(each.omitted for each in found):
                                    # What was too large for a record is the owners' to say.
                                    loading.cancel()
                                    loading = group.create_task(self._load_all())
                                self._projection.take([e for e in found if not e.omitted])
                        finally:
                            loading.cancel()
            except* KafkaUnavailable as lost:
                log.warning("access.tail_lost", error=str(lost.exceptions[0]))
                self._lose(OF_TASKS)
                self._health.set(
                    EVENTS_CHECK, ok=False, detail=str(lost.exceptions[0]), required=False
                )
            except* Exception:
                # Run again from the end of the topics: what came meanwhile was missed.
                self._lose(OF_TASKS)
                raise
            await self._without_kafka(failures)
            failures = min(failures + 1, 8)

    async def follow_members(self) -> None:
        """Load messaging's memberships whenever steps of conversations may have been missed."""
        while True:
            await self._load_members.wait()
            self._load_members.clear()
            await _until_done(self._load_messaging, owner="messaging", health=self._health)

    def missed(self) -> None:
        """Note that changes of any conversation were missed: messaging says what is true."""
        self._followed |= OF_MESSAGING
        self._load_members.set()

    def lost(self) -> None:
        """Note that changes of conversations do not come any more: messaging decides alone."""
        self._lose(OF_MESSAGING)

    def gap(self, tenant_id: str, conversation_id: str) -> None:
        """Note that a change of a conversation was missed."""
        self._projection.doubt(tenant_id, Object(CONVERSATION, conversation_id))
        self._load_members.set()

    def step(
        self,
        tenant_id: str,
        conversation_id: str,
        *,
        version: int,
        joined: Sequence[str],
        left: Sequence[str],
        begins: bool,
    ) -> None:
        """Apply a change of who belongs to a conversation."""
        object_ = Object(CONVERSATION, conversation_id)
        self._projection.step((tenant_id, object_, version, joined, left, begins))

    async def _without_kafka(self, failures: int) -> None:
        """Wait a little before the next try, and ask the owners when the last answer is old."""
        await asyncio.sleep(pause(failures, _BACK_OFF))
        now = asyncio.get_running_loop().time()
        if now < self._ask_at:
            return
        self._ask_at = now + ASKED_EVERY
        with suppress(TimeoutError):
            async with asyncio.timeout(ASKED_EVERY):
                await self._load_all()
        self._load_members.set()

    async def _load_all(self) -> None:
        await _until_done(self._load_directory, owner="directory", health=self._health)
        self._health.set(CHECK, ok=True, required=True)
        await _until_done(self._load_tasks, owner="tasks", health=self._health)

    async def _load_directory(self) -> int:
        projection, count = self._projection, 0
        projection.begin()
        for topic in _OF_DIRECTORY:
            async for frame in self._directory(SnapshotRequest(topics=[topic.name])):
                projection.load(frame.facts)
                count += len(frame.facts)
        projection.swap()
        return count

    async def _load_messaging(self) -> int:
        self._projection.begin_members()
        return await self._load_relations(self._messaging, OF_MESSAGING)

    async def _load_tasks(self) -> int:
        return await self._load_relations(self._tasks, OF_TASKS)

    async def _load_relations(self, owner: Snapshot, kinds: frozenset[str]) -> int:
        gathered, count = Gathering(), 0
        async for frame in owner(SnapshotRequest(compact=True)):
            gathered.add(frame.relations)
            count += len(frame.relations)
        self._projection.swap_members(kinds, gathered, followed=kinds <= self._followed)
        return count

    def _lose(self, kinds: frozenset[str]) -> None:
        self._followed -= kinds
        self._projection.forget(kinds)


async def _until_done(load: Callable[[], Awaitable[int]], *, owner: str, health: Health) -> None:
    """Load a snapshot, again with back-off until it is there."""
    check, failures = f"access.{owner}", 0
    while True:
        try:
            count = await load()
        except (Refusal, RemoteFailure) as error:
            log.warning("access.snapshot_failed", owner=owner, error=str(error))
            remedy = f"Restore {owner}; it is asked again by itself, and decides alone meanwhile."
            health.set(check, ok=False, detail=str(error), required=False, remedy=remedy)
            await asyncio.sleep(pause(failures, _BACK_OFF))
            failures = min(failures + 1, 8)
        else:
            log.info("access.loaded", owner=owner, count=count)
            health.set(check, ok=True, detail=f"{count} loaded", required=False)
            return


def _envelopes(records: Sequence[Record]) -> list[Envelope]:
    found: list[Any] = []
    for record in records:
        try:
            envelope = record.envelope
        except (InvalidRecord, DecodeError) as error:
            log.warning("access.record_unreadable", topic=record.topic, error=str(error))
            continue
        if applies(envelope):
            found.append(envelope)
    return found
