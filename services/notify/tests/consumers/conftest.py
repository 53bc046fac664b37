from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from notify.consumers import consuming
from notify.operations.tasks import Pace
from notify.store import Store
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, producer
from plexuskit.service import Runtime

Publish = Callable[..., Awaitable[None]]


@pytest.fixture
async def publish(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Publish]:
    """Put records on their topics, as the owners' relays do."""
    await kafka_topics(
        "directory.person.v1",
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


@pytest.fixture
def running(
    store: Store, kafka_section: KafkaSection, pace: Pace, runtime: Runtime
) -> Callable[[], AbstractAsyncContextManager[None]]:
    """The role's five consumers: `async with running()`."""
    return lambda: consuming(store, kafka=kafka_section, pace=pace, runtime=runtime)
