from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from audit.consumers import consuming
from audit.operations import LedgerWriter
from audit.store import Store
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import AUDIT_DECISIONS, AUDIT_FACTS, TOPICS
from plexuskit.config import KafkaSection
from plexuskit.kafka import producer
from plexuskit.service import Runtime

Publish = Callable[..., Awaitable[None]]
Recording = Callable[[], AbstractAsyncContextManager[Runtime]]
TOPIC_OF = {fact: topic.name for topic in TOPICS for fact in topic.facts}


@pytest.fixture
async def publish(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[Any]]
) -> AsyncIterator[Publish]:
    """Publish events on their topics, as the owners' relays do."""
    await kafka_topics(*AUDIT_FACTS.topics, *AUDIT_DECISIONS.topics)
    async with producer(kafka_section) as out:

        async def published(*events: Envelope, traceparent: str = "") -> None:
            headers = {"traceparent": traceparent.encode()} if traceparent else {}
            await out.send_batch(
                [
                    (TOPIC_OF[each.type], each.scope, each.SerializeToString(), headers)
                    for each in events
                ]
            )

        yield published


@pytest.fixture
def recording(store: Store, kafka_section_of: Callable[[str], KafkaSection]) -> Recording:
    """Be a recorder for the time of a block; several at a time are a group."""

    @asynccontextmanager
    async def running() -> AsyncIterator[Runtime]:
        runtime = Runtime(service="audit")
        ledger_writer = LedgerWriter(store, clock=runtime.clock)
        try:
            async with consuming(
                store,
                ledger_writer=ledger_writer,
                probe=store.probe,
                owners={},
                kafka=kafka_section_of("audit"),
                runtime=runtime,
            ):
                yield runtime
        finally:
            runtime.stop()
            await runtime.close()

    return running
