from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from notify.app import DirectoryMembership
from notify.consumers import consuming
from notify.operations.tasks import Pace
from notify.store import Store
from plexus.authz.v1.authority_pb2 import (
    FilterMembersRequest,
    FilterMembersResponse,
    SnapshotRequest,
    SnapshotResponse,
)
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import Record, producer
from plexuskit.service import Runtime

Publish = Callable[..., Awaitable[None]]


@pytest.fixture
async def publish(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Publish]:
    """Publish records on their topics, as the owners' relays do."""
    await kafka_topics(
        "directory.person.v1",
        "directory.access.v1",
        "messaging.conversation.v1",
        "messaging.cursor.v1",
        "messaging.person.v1",
        "tasks.task.v1",
        "notify.notification.v1",
    )
    async with producer(kafka_section) as out:

        async def published(*records: Record) -> None:
            await out.send_batch([(each.topic, each.key, each.value, {}) for each in records])

        yield published


class Directory:
    """Directory's Authority at the outer seam: it knows only the data that a test provides."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.members: dict[str, set[str]] = {}
        self.asked = 0
        self.away = False

    async def FilterMembers(self, request: FilterMembersRequest) -> FilterMembersResponse:  # noqa: N802 - the contract's name
        self.asked += 1
        if self.away:
            raise DependencyDown(dependency="directory")
        belonging = set().union(*(self.members.get(each, ()) for each in request.sets))
        return FilterMembersResponse(
            person_ids=[each for each in request.person_ids if each in belonging]
        )

    async def Snapshot(self, request: SnapshotRequest) -> AsyncIterator[SnapshotResponse]:  # noqa: N802 - the contract's name
        facts = [each.envelope for each in self.records if each.topic in request.topics]
        yield SnapshotResponse(facts=facts)


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def running(
    store: Store,
    directory: Any,
    kafka_section_of: Callable[[str], KafkaSection],
    pace: Pace,
    runtime: Runtime,
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """The role's consumers: `async with running()`."""
    return lambda: consuming(
        store,
        directory,
        membership=DirectoryMembership(directory),
        probe=store.probe,
        owners={},
        kafka=kafka_section_of("notify"),
        pace=pace,
        runtime=runtime,
    )
