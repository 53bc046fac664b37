"""The runner beside FastStream's own loop on the same topic: records a second and CPU (ADR 33).

`pytest -m long -s libs/plexuskit/tests/test_kafka_loops.py` prints the figures.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.middlewares import AckPolicy
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.topics import MESSAGING_CONVERSATION_V1, SEARCH_MESSAGES
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, consumer, group_name, producer, subscription, topic_name
from plexuskit.kafka.security import broker_security
from plexuskit.service import Runtime

TOPIC = MESSAGING_CONVERSATION_V1.name
BATCHED, SINGLE = 20_000, 1_000
ROUNDS = 3
MAX_RATIO = 2
"""Of CPU time per record; wall-clock time depends on other load of the machine."""


@dataclass(frozen=True)
class Run:
    """Seconds by the clock and of CPU for a number of records."""

    records: int
    seconds: float
    cpu: float


class Count:
    """Counts records and measures from the first batch to the last one."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._seen = self._first = 0
        self._began = (0.0, 0.0)
        self.done: asyncio.Future[Run] = asyncio.get_running_loop().create_future()

    def add(self, records: int) -> None:
        now = (time.perf_counter(), time.process_time())
        if not self._seen:
            self._first, self._began = records, now
        self._seen += records
        if self._seen >= self._wanted and not self.done.done():
            seconds, cpu = (b - a for a, b in zip(self._began, now, strict=True))
            self.done.set_result(Run(self._seen - self._first, seconds, cpu))


async def healthy() -> None:
    """Probe of nothing."""


async def produce(section: KafkaSection, records: int) -> None:
    async with producer(section) as out:
        for begin in range(0, records, 1_000):
            await out.send_batch(
                [
                    (TOPIC, f"cnv_{number % 997}", small_fact(number), {})
                    for number in range(begin, begin + 1_000)
                ]
            )


def small_fact(number: int) -> bytes:
    fact = MessagePosted()
    fact.message.id, fact.message.text = f"msg_{number}", "PO-33817 的芯片周五到货"
    return Envelope(
        event_id=f"evt_{number}",
        type=MessagePosted.DESCRIPTOR.full_name,
        tenant_id="ten_1",
        entity_id=fact.message.id,
        fact=fact.SerializeToString(),
    ).SerializeToString()


async def by_the_runner(
    section: KafkaSection, runtime: Runtime, group: str, *, records: int, batch: bool
) -> Run:
    count = Count(records)

    async def handle(batch: Sequence[Record]) -> None:
        for record in batch:
            assert record.envelope.event_id
        count.add(len(batch))

    declared = subscription(
        replace(SEARCH_MESSAGES, group=group),
        max_batch=500 if batch else 1,
        linger_ms=0,
    )
    async with consumer(section, declared.of(handle), probe=healthy, runtime=runtime):
        return await count.done


async def by_faststream(
    section: KafkaSection, _: Runtime, group: str, *, records: int, batch: bool
) -> Run:
    count = Count(records)
    # No validation by pydantic, and the decoding that the runner does: its best case.
    broker = KafkaBroker(
        section.url,
        security=broker_security(section),
        apply_types=False,
        consumer_only=True,
        allow_auto_create_topics=False,
        logger=None,
    )

    async def decode(message: KafkaMessage) -> list[Envelope]:
        raws: Any = message.raw_message
        return [Envelope.FromString(raw.value) for raw in (raws if batch else (raws,))]

    @broker.subscriber(
        topic_name(section, TOPIC),
        group_id=group_name(section, group),
        batch=batch,
        max_records=500,
        decoder=decode,
        ack_policy=AckPolicy.ACK,
        auto_offset_reset="earliest",
    )
    async def handle(envelopes: list[Envelope]) -> None:
        for envelope in envelopes:
            assert envelope.event_id
        count.add(len(envelopes))

    await broker.start()
    try:
        return await count.done
    finally:
        await broker.stop()


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("batch", "records"), [(True, BATCHED), (False, SINGLE)])
async def test_the_runner_costs_at_most_twice_the_loop_of_the_library(
    kafka_section: KafkaSection,
    kafka_topics: Callable[..., Awaitable[object]],
    runtime: Runtime,
    *,
    batch: bool,
    records: int,
) -> None:
    await kafka_topics(TOPIC)
    await produce(kafka_section, records)

    runs: dict[str, list[Run]] = {"runner": [], "faststream": []}
    for number in range(ROUNDS):
        for name, loop in (("runner", by_the_runner), ("faststream", by_faststream)):
            group = f"search.{name}-{number}"
            runs[name].append(
                await loop(kafka_section, runtime, group, records=records, batch=batch)
            )

    cpu = {}
    for name, found in runs.items():
        rates = [run.records / run.seconds for run in found]
        cpu[name] = statistics.median(run.cpu / run.records * 1e6 for run in found)
        print(  # noqa: T201 - the figures are what it is run for
            f"\n{'batches of 500' if batch else 'single records'}, {name}:"
            f" {statistics.median(rates):,.0f} records/s ({min(rates):,.0f} to {max(rates):,.0f}),"
            f" {cpu[name]:.1f} µs of CPU per record"
        )
    assert cpu["runner"] <= MAX_RATIO * cpu["faststream"]
