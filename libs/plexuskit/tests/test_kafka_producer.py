"""Records are acknowledged, routed by key and in order; a broken client is replaced."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiokafka import TopicPartition
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import (
    MAX_FACT_BYTES,
    KafkaUnavailable,
    Outgoing,
    Record,
    RecordTooLarge,
    TopicTail,
    producer,
    tail,
)

TOPIC = "messaging.conversation.v1"
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


async def read(entered: TopicTail, count: int) -> list[Record]:
    records: list[Record] = []
    async for batch in entered:
        records += batch
        if len(records) >= count:
            return records
    return records


async def test_a_key_stays_on_one_partition_in_order(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    facts = [
        posted(number, conversation=f"cnv_{number % 20}", traceparent=b"00-1")
        for number in range(1, 1001)
    ]

    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        for start in range(0, len(facts), 300):
            await out.send_batch(facts[start : start + 300])
        records = await read(entered, len(facts))

    partitions: dict[str, set[int]] = defaultdict(set)
    numbers: dict[str, list[int]] = defaultdict(list)
    for record in records:
        partitions[record.key].add(record.partition)
        numbers[record.key].append(record.envelope.change_no)
    assert len(records) == len(facts)
    assert all(len(each) == 1 for each in partitions.values())
    assert len(set.union(*partitions.values())) > 1
    assert all(each == sorted(each) for each in numbers.values())
    assert {record.traceparent for record in records} == {"00-1"}


async def test_msg_02_all_records_are_on_the_broker_when_the_batch_returns(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        await out.send_batch([posted(number) for number in range(1, 201)])
        assert sum((await entered.ends()).values()) == 200


async def test_a_record_that_is_too_large_is_refused_before_anything_is_sent(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    huge = (TOPIC, "cnv_a", b"x" * (MAX_FACT_BYTES + 1), {})

    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        with pytest.raises(RecordTooLarge) as refused:
            await out.send_batch([posted(1), huge])
        assert sum((await entered.ends()).values()) == 0

    assert refused.value.metadata["limit"] == str(MAX_FACT_BYTES)


async def test_the_largest_record_fits(
    kafka_section: KafkaSection, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    largest = (TOPIC, "cnv_a", b"x" * (MAX_FACT_BYTES - len("cnv_a")), {})

    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        await out.send_batch([largest, largest])
        records = await read(entered, 2)

    assert [len(record.value) for record in records] == [MAX_FACT_BYTES - 5] * 2


async def test_a_fatal_error_of_the_client_is_told_and_the_next_batch_works(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        await out.send_batch([posted(1)])
        partition = (await read(entered, 1))[0].partition
        broker_name = TopicPartition(f"{kafka_section.topic_prefix}{TOPIC}", partition)
        # a hole in the sequence: the broker refuses everything of this client from here on
        out._client._txn_manager.increment_sequence_number(broker_name, 7)

        with pytest.raises(KafkaUnavailable):
            await out.send_batch([posted(2), posted(3)])
        await out.send_batch([posted(2), posted(3)])

        records = await read(entered, 2)
    assert [record.envelope.change_no for record in records] == [2, 3]


async def test_a_batch_that_cannot_be_sent_in_time_fails_and_is_not_sent_later(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    elsewhere = ("tasks.task.v1", "tsk_a", b"v", {})  # this topic does not exist yet
    await kafka_topics(TOPIC)

    async with producer(kafka_section, within=timedelta(seconds=1)) as out:
        with pytest.raises(KafkaUnavailable):
            await out.send_batch([elsewhere])

        await kafka_topics("tasks.task.v1")
        async with tail(kafka_section, [TOPIC, "tasks.task.v1"]) as entered:
            await out.send_batch([posted(1)])
            records = await read(entered, 1)
            ends = await entered.ends()

    assert [record.topic for record in records] == [TOPIC]
    assert sum(end for (topic, _), end in ends.items() if topic == "tasks.task.v1") == 0


async def test_nothing_is_lost_of_a_key_that_is_no_text(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    odd = b"\xff\xfe".decode(errors="surrogateescape")
    _, _, value, _ = posted(1)

    async with tail(kafka_section, [TOPIC]) as entered, producer(kafka_section) as out:
        await out.send_batch([(TOPIC, odd, value, {"raw": b"\xff"})])
        (record,) = await read(entered, 1)

    assert record.key.encode(errors="surrogateescape") == b"\xff\xfe"
    assert record.headers["raw"] == b"\xff"


async def test_kafka_away_is_a_dependency_down() -> None:
    async with producer(KafkaSection(url="127.0.0.1:1")) as out:
        with pytest.raises(KafkaUnavailable):
            await out.send_batch([(TOPIC, "cnv_a", b"v", {})])


async def test_closing_with_a_request_on_its_way_ends(
    kafka_section: KafkaSection, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    large = (TOPIC, "cnv_a", b"x" * 400_000, {})

    for _ in range(5):
        async with producer(kafka_section) as out:
            await out.send_batch([large])
            assert out._client is not None
            sending = asyncio.create_task(out.send_batch([large] * 10))
            sender = out._client._sender
            await eventually(lambda: sender._in_flight, every=0)  # noqa: B023 - awaited here
            async with asyncio.timeout(60):
                await out.close()
                await asyncio.wait([sending])
            assert isinstance(sending.exception(), KafkaUnavailable)
