"""The relay on a real mongod and a real Kafka: nothing lost, in scope order, after any crash."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from opentelemetry.trace import SpanKind
from plexus.topics import MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from plexus_local.servers import kafka as own_kafka
from plexus_testkit.spans import RecordedSpans, attributes_of, origins_of
from plexus_testkit.wait import eventually
from plexuskit import metrics
from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.kafka.records import record_of
from plexuskit.kafka.security import security
from plexuskit.mongo import Collection, Database
from plexuskit.relay.sweep import SWEPT

from .relay_support import (
    TRACE,
    Arrived,
    Relaying,
    all_published,
    arriving,
    complete,
    entry,
    have_all,
    leads,
    progress,
    skip_stream,
    write,
)


async def test_msg_04_an_entry_reaches_kafka_as_it_was_stored(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    stored = entry("cnv_a", 1)
    async with relaying():
        await eventually(lambda: leads(db))
        await entries.insert(dict(stored))
        await eventually(lambda: arrived.records)

    [record] = arrived.records
    assert record.topic == "messaging.conversation.v1"
    assert record.key == "cnv_a"
    assert record.value == stored["event"]
    assert record.headers == {
        "type": b"plexus.messaging.v1.MessagePosted",
        "traceparent": TRACE.encode(),
    }


async def test_a_batch_of_the_relay_is_one_span_linked_to_its_commands(
    recorded_spans: RecordedSpans,
    db: Database,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    elsewhere = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    batch = [entry("cnv_a", 1), {**entry("cnv_b", 1), "traceparent": elsewhere}, entry("cnv_c", 1)]
    async with relaying():
        await eventually(lambda: leads(db))
        await entries.insert_many(batch)
        await eventually(lambda: len(arrived.records) == len(batch))

    sent = recorded_spans.named("send messaging.conversation.v1")
    assert all(span.kind is SpanKind.PRODUCER for span in sent)
    assert sum(attributes_of(span)["messaging.batch.message_count"] for span in sent) == 3
    linked = {f"{origin.trace_id:032x}" for span in sent for origin in origins_of(span)}
    assert linked == {TRACE.split("-")[1], elsewhere.split("-")[1]}
    # Consumers link to the command, not to the batch in which the relay happened to send it.
    assert {record.traceparent for record in arrived.records} == {TRACE, elsewhere}


async def test_msg_04_each_conversation_keeps_its_order_and_nothing_is_repeated(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await write(entries, range(1, 301), conversations=8)
        await eventually(have_all(arrived, 300, conversations=8))

    assert arrived.numbers() == complete(300, conversations=8)
    assert await progress(db) == {f"entries:cnv_{c}": 300 for c in range(8)}


async def test_what_was_stored_before_the_first_start_is_published(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    await write(entries, range(1, 601))
    swept = SWEPT._value.get()

    async with relaying():
        await eventually(have_all(arrived, 600))

    assert SWEPT._value.get() == swept
    assert arrived.numbers() == complete(600)


async def test_a_restart_goes_on_where_the_last_one_ended(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 51))
        await eventually(have_all(arrived, 50))
    await write(entries, range(51, 101))
    async with relaying():
        await eventually(have_all(arrived, 100))

    assert arrived.numbers() == complete(100)


async def test_msg_04_a_relay_cancelled_in_mid_batch_loses_nothing(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    writing = asyncio.create_task(write(entries, range(1, 1001), conversations=8))
    for threshold in (200, 1500, 3000, 5000):
        async with relaying():
            [task] = [t for t in asyncio.all_tasks() if t.get_name() == "relay-entries"]
            await eventually(lambda: len(arrived.records) > threshold, every=0.001)  # noqa: B023 - awaited in the same turn
            task.cancel()
            await asyncio.wait([task])
    async with relaying():
        await writing
        await eventually(have_all(arrived, 1000, conversations=8), within=30)

    assert arrived.firsts() == complete(1000, conversations=8)


async def test_msg_04_a_lost_history_is_replayed_by_scope_and_number(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 51))
        await eventually(have_all(arrived, 50))
    leases = db.collection("relay_leases", schema_version=1)
    await leases.update({"_id": "entries"}, {"$set": {"token": {"_data": "ff"}}})
    await write(entries, range(51, 1201))
    await entries.insert(entry("cnv_new", 1))
    swept = SWEPT._value.get()

    async with relaying():
        await write(entries, range(1201, 1301))
        await eventually(lambda: arrived.firsts() == complete(1300) | {"cnv_new": [1]}, within=30)

    assert arrived.numbers() == complete(1300) | {"cnv_new": [1]}
    assert SWEPT._value.get() == swept


async def test_msg_04_the_sweep_publishes_what_the_stream_missed(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 11))
        await eventually(have_all(arrived, 10))
    await write(entries, range(11, 21))
    await skip_stream(db)

    async with relaying():
        await eventually(have_all(arrived, 20), within=30)

    assert arrived.numbers() == complete(20)


@pytest.mark.long
async def test_msg_02_kafka_away_delays_facts_and_loses_none(
    db: Database, entries: Collection, relaying: Relaying, tmp_path: Path
) -> None:
    server = own_kafka(tmp_path / "kafka", log=tmp_path / "kafka.log")
    server.start()
    try:
        section = server.administering
        await provision(section, [MESSAGING_CONVERSATION_V1, TASKS_TASK_V1], [])
        async with relaying(kafka=section):
            async with arriving(section) as first:
                await write(entries, range(1, 11))
                await eventually(have_all(first, 10), within=30)
            server.stop()
            await write(entries, range(11, 1001))
            await eventually(lambda: metrics.OUTBOX_AGE_SECONDS._value.get() > 3, within=30)
            await eventually(lambda: metrics.OUTBOX_PENDING._value.get() >= 3960, within=30)

            server.start()
            await eventually(lambda: all_published(db, 1000), within=60)
            await eventually(lambda: metrics.OUTBOX_AGE_SECONDS._value.get() == 0, within=5)
        kept = await everything(section)
    finally:
        server.stop()

    assert kept.firsts() == complete(1000)


async def everything(section: KafkaSection) -> Arrived:
    """Read the conversation topic from its beginning to its current end."""
    arrived = Arrived()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=section.url, enable_auto_commit=False, **security(section)
    )
    await consumer.start()
    try:
        name = f"{section.topic_prefix}{MESSAGING_CONVERSATION_V1.name}"
        partitions = [TopicPartition(name, n) for n in range(MESSAGING_CONVERSATION_V1.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        wanted = sum((await consumer.end_offsets(partitions)).values())
        async with asyncio.timeout(60):
            while len(arrived.records) < wanted:
                fetched = await consumer.getmany(timeout_ms=500)
                for records in fetched.values():
                    arrived.records += [record_of(section, record) for record in records]
    finally:
        await consumer.stop()
    return arrived


@pytest.mark.long
async def test_a_burst_of_many_scopes_is_published_completely_and_in_order(
    db: Database,
    entries: Collection,
    kafka_section: KafkaSection,
    kafka_topics: Callable[..., Awaitable[object]],
    relaying: Relaying,
) -> None:
    await kafka_topics(MESSAGING_CONVERSATION_V1.name)
    async with relaying():
        await eventually(lambda: leads(db))
    await write(entries, range(1, 501), conversations=64)
    wanted = {f"entries:cnv_{c}": 500 for c in range(64)}

    async def published() -> bool:
        return await progress(db) == wanted

    async with relaying():
        await eventually(published, within=60)

    assert (await everything(kafka_section)).numbers() == complete(500, conversations=64)
