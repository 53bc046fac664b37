"""A tail sees every record produced after it was entered, on every partition."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import MESSAGING_CONVERSATION_V1, TOPICS
from plexuskit.config import KafkaSection
from plexuskit.kafka import (
    REDRIVEN_FOR,
    KafkaUnavailable,
    Outgoing,
    Record,
    TailLost,
    TopicTail,
    producer,
    tail,
    topic_name,
)
from plexuskit.kafka.clients import admin, partitions_of

TOPIC = "messaging.conversation.v1"
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


async def read(entered: TopicTail, count: int) -> list[Record]:
    records: list[Record] = []
    async for batch in entered:
        assert batch
        records += batch
        if len(records) >= count:
            break
    return records


async def test_everything_after_entering_is_seen_on_six_partitions_and_nothing_before(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    async with producer(kafka_section) as out:
        await out.send_batch([posted(n, conversation=f"cnv_{n}") for n in range(1, 61)])

        async with tail(kafka_section, [MESSAGING_CONVERSATION_V1]) as entered:
            began = dict(entered.end_offsets)
            # produced before the first fetch: exactly what a lazy "latest" would miss
            await out.send_batch([posted(n, conversation=f"cnv_{n}") for n in range(100, 400)])
            records = await read(entered, 300)
            positions, ends = dict(entered.positions), await entered.ends()

    assert len(began) == 6
    assert sum(began.values()) == 60
    assert sorted(record.envelope.change_no for record in records) == list(range(100, 400))
    assert {record.partition for record in records} == set(range(6))
    assert positions == ends
    assert min(record.offset for record in records if record.partition == 0) == began[TOPIC, 0]


async def test_a_tail_is_complete_while_records_keep_coming(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    async with producer(kafka_section) as out:
        sent = 0
        stop = asyncio.Event()

        async def keep_sending() -> None:
            nonlocal sent
            while not stop.is_set():
                await out.send_batch([posted(sent + 1, conversation=f"cnv_{sent % 9}")])
                sent += 1

        sending = asyncio.create_task(keep_sending())
        await asyncio.sleep(0.2)
        async with tail(kafka_section, [TOPIC]) as entered:
            before = sum(entered.end_offsets.values())
            await asyncio.sleep(0.5)
            stop.set()
            await sending
            records = await read(entered, sent - before)

    assert 0 < before < sent
    assert sorted(record.envelope.change_no for record in records) == list(
        range(before + 1, sent + 1)
    )


async def test_repeats_for_a_group_are_left_out_but_counted_in_positions(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    topic, key, value, _ = posted(1)
    repeat = (topic, key, value, {REDRIVEN_FOR: b"search.messages"})

    async with producer(kafka_section) as out, tail(kafka_section, [TOPIC]) as entered:
        await out.send_batch([repeat, posted(2)])
        records = await read(entered, 1)
        positions = entered.positions

    assert [record.envelope.change_no for record in records] == [2]
    assert sum(positions.values()) == 2


async def test_a_missing_topic_is_refused_at_the_door(
    kafka_section: KafkaSection, kafka_topics: Provisioned
) -> None:
    await kafka_topics(TOPIC)
    with pytest.raises(KafkaUnavailable) as refused:
        async with tail(kafka_section, [TOPIC, "tasks.task.v1"]):
            pytest.fail("entered without one of its topics")
    assert "tasks.task.v1" in refused.value.metadata["missing"]


async def test_an_offset_that_is_gone_ends_the_tail_instead_of_jumping(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    async with producer(kafka_section) as out, tail(kafka_section, [TOPIC]) as entered:
        # as if retention had removed what this slow tail has not read yet
        async with admin(kafka_section) as client:
            name = topic_name(kafka_section, TOPIC)
            for partition in (await partitions_of(client, [name]))[name]:
                entered._client.seek(partition, 1_000)
        await out.send_batch([posted(1)])

        with pytest.raises(TailLost):
            await asyncio.wait_for(anext(entered), 10)


@pytest.mark.rule("GW-12")
async def test_gw_12_a_fact_of_another_owner_is_left_out_on_every_topic_of_facts(
    kafka_section: KafkaSection, kafka_topics: Provisioned
) -> None:
    topics = [topic for topic in TOPICS if topic.facts]
    await kafka_topics(*(topic.name for topic in topics))
    foreign, own = [], []
    for number, topic in enumerate(topics):
        others = sorted(frozenset().union(*(each.facts for each in topics)) - topic.facts)
        foreign += [
            _outgoing(topic.name, fact, key=f"k{number}-{at}") for at, fact in enumerate(others)
        ]
        package = min(topic.facts).rpartition(".")[0]
        # A fact that is newer than this build is the owner's, and is handed out.
        newer = f"{package}.NotInvented"
        own += [_outgoing(topic.name, fact, key="own") for fact in (*sorted(topic.facts), newer)]

    async with producer(kafka_section) as out, tail(kafka_section, topics) as entered:
        await out.send_batch(foreign)
        await out.send_batch(own)
        records = await read(entered, len(own))
        ends = await entered.ends()
        assert dict(entered.positions) == ends

    assert len(records) == len(own)
    assert {record.envelope.type for record in records} == {
        Envelope.FromString(value).type for _, _, value, _ in own
    }


def _outgoing(topic: str, fact: str, *, key: str) -> Outgoing:
    envelope = Envelope(event_id=f"evt_{secrets.token_hex(8)}", type=fact)
    return topic, key, envelope.SerializeToString(), {}
