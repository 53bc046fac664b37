"""Feeds of memberships for the gateway's projection of relations, from messaging and tasks.

Directory's part is followed as in every service (`plexus_access.feeding`). Positions in Kafka are
taken before an owner's snapshot, so nothing falls between the snapshot and the first fact. While no
facts arrive, no snapshots are requested either: the owners decide alone about their objects, and
one snapshot is loaded when facts arrive again.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2 import SnapshotRequest
from plexus.topics import GATEWAY_RELATIONS, TASKS_PROJECT_V1, TASKS_TASK_V1
from plexus_access.facts import applied, applies
from plexus_access.feeding import BACK_OFF, OF_DIRECTORY, Feed, Snapshot, read, until_loaded
from plexus_access.objects import CONVERSATION, PROJECT, TASK, Object
from plexus_access.records import Members
from plexus_access.relations import Gathering
from plexuskit.backoff import pause
from plexuskit.config import KafkaSection
from plexuskit.kafka import KafkaUnavailable, Record, subscription, tail
from plexuskit.service import Health

from gateway.access.projection import OF_MESSAGING, OF_TASKS, Projection

log = structlog.get_logger()

EVENTS_CHECK: Final = "task_events"
LOADED_EVERY: Final = 10.0
"""Seconds between two snapshots of one owner."""
_KINDS: Final = {TASKS_PROJECT_V1.name: PROJECT, TASKS_TASK_V1.name: TASK}
_ANY: Final = ""


class ProjectionUpdater:
    """Feeds a Projection."""

    def __init__(
        self,
        projection: Projection,
        *,
        messaging: Snapshot,
        tasks: Snapshot,
        health: Health,
        every: float = LOADED_EVERY,
    ) -> None:
        """Set up the feeds of a projection.

        Args:
            projection: receives the changes.
            messaging: client of its membership snapshot.
            tasks: client of its membership snapshot.
            health: gets the checks `task_events` and one per owner, for display only.
            every: seconds between two snapshots of one owner.
        """
        self._projection = projection
        self._messaging = messaging
        self._tasks = tasks
        self._health = health
        self._every = every
        self._load_members = asyncio.Event()
        # Kinds of objects whose every change currently arrives here.
        self._followed: set[str] = set()

    async def follow(self, section: KafkaSection) -> None:
        """Apply the facts of tasks until cancelled."""
        failures = 0
        while True:
            try:
                async with tail(section, TASKS.topics) as batches:
                    failures = 0
                    self._projection.begin_members(OF_TASKS)
                    self._followed |= OF_TASKS
                    self._health.set(EVENTS_CHECK, ok=True, required=False)
                    async with asyncio.TaskGroup() as group:
                        loading = group.create_task(
                            until_loaded(self._load_tasks, owner="tasks", health=self._health)
                        )
                        try:
                            async for records in batches:
                                self.take(records)
                        finally:
                            loading.cancel()
            except* KafkaUnavailable as lost:
                log.warning("access.tail_lost", error=str(lost.exceptions[0]))
                self._lose(OF_TASKS)
                self._health.set(
                    EVENTS_CHECK, ok=False, detail=str(lost.exceptions[0]), required=False
                )
            except* Exception:
                # Consuming resumes at the end of the topics: changes in between were missed.
                self._lose(OF_TASKS)
                raise
            # Between two loads too, so that repeated outages of Kafka do not overload tasks.
            await asyncio.sleep(max(pause(failures, BACK_OFF), 0 if failures else self._every))
            failures += 1

    def take(self, records: Sequence[Record]) -> None:
        """Apply facts of tasks; query the owner about an object if one of its facts is missing."""
        for record, envelope in read(records):
            kind = _KINDS[record.topic]
            if envelope is None:
                self._projection.mark_stale(_ANY, Object(kind, record.key))
            elif not applies(envelope):
                continue
            elif envelope.omitted or not self._projection.take([envelope]):
                self._projection.mark_stale(envelope.tenant_id, Object(kind, envelope.entity_id))

    async def follow_members(self) -> None:
        """Load messaging's memberships whenever changes of any conversation may be missing."""
        while True:
            await self._load_members.wait()
            self._load_members.clear()
            await until_loaded(self._load_messaging, owner="messaging", health=self._health)
            await asyncio.sleep(self._every)

    # Doubts about conversations, raised by the fan-out (`hub.doubts.Memberships`).

    def missed(self) -> None:
        """Record that changes of an unknown conversation were missed: load messaging's snapshot."""
        self._projection.begin_members(OF_MESSAGING)
        self._followed |= OF_MESSAGING
        self._load_members.set()

    def lost(self) -> None:
        """Record that changes of conversations no longer arrive: messaging decides alone."""
        self._lose(OF_MESSAGING)

    def gap(self, tenant_id: str, conversation_id: str) -> None:
        """Record that a change of a conversation was missed; an empty tenant means unknown."""
        self._projection.mark_stale(tenant_id, Object(CONVERSATION, conversation_id))

    def restored(
        self, tenant_id: str, conversation_id: str, *, version: int, people: Sequence[str]
    ) -> None:
        """Apply messaging's answer about a conversation of which a change was missed."""
        members = Members(
            object=Object(CONVERSATION, conversation_id),
            version=version,
            people=frozenset(people),
        )
        self._projection.restore(tenant_id, members)

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
        """Apply a change of a conversation's members."""
        object_ = Object(CONVERSATION, conversation_id)
        self._projection.step((tenant_id, object_, version, joined, left, begins))

    async def _load_messaging(self) -> int:
        return await self._load_relations(self._messaging, OF_MESSAGING)

    async def _load_tasks(self) -> int:
        return await self._load_relations(self._tasks, OF_TASKS)

    async def _load_relations(self, owner: Snapshot, kinds: frozenset[str]) -> int:
        self._projection.begin_members(kinds)
        gathered, count = Gathering(), 0
        async for frame in owner(SnapshotRequest(compact=True)):
            gathered.add(frame.relations)
            count += len(frame.relations)
        self._projection.swap_members(kinds, gathered, followed=kinds <= self._followed)
        return count

    def _lose(self, kinds: frozenset[str]) -> None:
        self._followed -= kinds
        self._projection.forget(kinds)


TASKS: Final = subscription(
    GATEWAY_RELATIONS, *applied(TASKS_PROJECT_V1, TASKS_TASK_V1), topics=tuple(_KINDS)
).read_by(ProjectionUpdater.take)
# All facts of directory: the same tail receives ended sessions.
DIRECTORY: Final = subscription(
    GATEWAY_RELATIONS, topics=[topic.name for topic in OF_DIRECTORY]
).read_by(Feed.take)
SUBSCRIPTIONS: Final = (DIRECTORY, TASKS)
