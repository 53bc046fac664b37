"""What keeps the gateway's copy of the relations true: snapshots of the owners, then their facts.

Positions in Kafka are taken before an owner is asked, so nothing falls between its answer and the
first fact. While Kafka is away the owners are asked again every 30 s: a role that was taken away
counts no longer than that, whoever's event is stuck.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2 import SnapshotRequest
from plexus.topics import TASKS_PROJECT_V1, TASKS_TASK_V1
from plexus_access.feeding import (
    ASKED_EVERY,
    BACK_OFF,
    CHECK,
    EVENTS_CHECK,
    OF_DIRECTORY,
    Snapshot,
    envelopes_of,
    load_directory,
    until_loaded,
)
from plexus_access.objects import CONVERSATION, Object
from plexus_access.relations import Gathering
from plexuskit.backoff import pause
from plexuskit.config import KafkaSection
from plexuskit.kafka import KafkaUnavailable, tail
from plexuskit.service import Health

from gateway.access.projection import OF_MESSAGING, OF_TASKS, Projection

log = structlog.get_logger()

_TOPICS: Final = (*OF_DIRECTORY, TASKS_PROJECT_V1, TASKS_TASK_V1)


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
                                found = envelopes_of(records)
                                if any(each.omitted for each in found):
                                    # Facts too large for a record are in the owners' snapshots.
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
            await until_loaded(self._load_messaging, owner="messaging", health=self._health)

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
        await asyncio.sleep(pause(failures, BACK_OFF))
        now = asyncio.get_running_loop().time()
        if now < self._ask_at:
            return
        self._ask_at = now + ASKED_EVERY
        with suppress(TimeoutError):
            async with asyncio.timeout(ASKED_EVERY):
                await self._load_all()
        self._load_members.set()

    async def _load_all(self) -> None:
        await until_loaded(self._load_directory, owner="directory", health=self._health)
        self._health.set(CHECK, ok=True, required=True)
        await until_loaded(self._load_tasks, owner="tasks", health=self._health)

    async def _load_directory(self) -> int:
        return await load_directory(self._projection, self._directory)

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
