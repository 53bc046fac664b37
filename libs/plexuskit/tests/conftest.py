"""Shared fixtures for Kafka and the relay: facts to send, a relay and its records."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from plexuskit.config import KafkaSection
from plexuskit.kafka import Outgoing
from plexuskit.mongo import Collection, Database, Index
from plexuskit.relay import FactSource, relay
from plexuskit.runtime import Runtime

from .relay_support import ENTRIES, Arrived, Relaying, arriving


@pytest.fixture
def posted() -> Callable[..., Outgoing]:
    """A function that makes a valid fact of `messaging.conversation.v1`."""

    def make(
        number: int, *, conversation: str = "cnv_a", type_: str = "MessagePosted", **headers: bytes
    ) -> Outgoing:
        event = Envelope(
            event_id=f"evt_{conversation}_{number}",
            tenant_id="ten_a",
            scope=conversation,
            change_no=number,
            type=f"plexus.messaging.v1.{type_}",
            fact=b"fact",
        )
        return "messaging.conversation.v1", conversation, event.SerializeToString(), headers

    return make


@pytest.fixture
async def entries(db: Database) -> Collection:
    collection = db.collection("entries", schema_version=1)
    await collection.ensure_indexes([Index(keys=[("stored_at", 1)])])
    return collection


@pytest.fixture
async def arrived(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[object]]
) -> AsyncIterator[Arrived]:
    await kafka_topics(MESSAGING_CONVERSATION_V1.name, TASKS_TASK_V1.name)
    async with arriving(kafka_section) as what:
        yield what


@pytest.fixture
def relaying(db: Database, kafka_section: KafkaSection, runtime: Runtime) -> Relaying:
    def start(
        source: FactSource = ENTRIES, *, name: str = "entries", kafka: KafkaSection | None = None
    ) -> AbstractAsyncContextManager[None]:
        return relay(db, kafka or kafka_section, sources=[source], name=name, runtime=runtime)

    return start
