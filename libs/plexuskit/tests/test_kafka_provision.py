"""Topics come from the catalogue, and nothing that exists is changed."""

import asyncio
from dataclasses import replace

import pytest
from plexus.topics import (
    CONSUMERS,
    DLQ_RETENTION_MINUTES,
    MESSAGING_CONVERSATION_V1,
    SEARCH_MESSAGES,
    TOPICS,
)
from plexuskit.config import KafkaSection
from plexuskit.kafka import Difference, KafkaUnavailable, provision, topic_name
from plexuskit.kafka.clients import admin, partitions_of


async def test_the_whole_catalogue_is_created_with_its_dead_letter_topics(
    kafka_section: KafkaSection,
) -> None:
    report = await provision(kafka_section)

    letters = {consumer.dlq for consumer in CONSUMERS if consumer.dlq}
    assert set(report.created) == {topic.name for topic in TOPICS} | letters
    assert report.existing == ()
    assert report.differing == ()

    async with admin(kafka_section) as client:
        names = {topic.name: topic_name(kafka_section, topic.name) for topic in TOPICS}
        found = await partitions_of(client, names.values())
    for topic in TOPICS:
        assert len(found[names[topic.name]]) == topic.partitions


async def test_a_second_run_creates_nothing_and_finds_no_difference(
    kafka_section: KafkaSection,
) -> None:
    first = await provision(kafka_section)
    second = await provision(kafka_section)

    assert second.created == ()
    assert set(second.existing) == set(first.created)
    assert second.differing == ()


async def test_partitions_and_retention_that_differ_are_reported_and_left_alone(
    kafka_section: KafkaSection,
) -> None:
    old = replace(MESSAGING_CONVERSATION_V1, partitions=2, retention_minutes=60)
    await provision(kafka_section, [old], [])

    for _ in range(2):  # the second run would see it if the first had changed anything
        report = await provision(kafka_section, [MESSAGING_CONVERSATION_V1], [])
        assert report.created == ()
        assert set(report.differing) == {
            Difference("messaging.conversation.v1", "partitions", "6", "2"),
            Difference("messaging.conversation.v1", "retention.ms", "604800000", "3600000"),
        }


async def test_dead_letters_are_kept_longer_than_facts(kafka_section: KafkaSection) -> None:
    await provision(kafka_section, [], [SEARCH_MESSAGES])

    as_facts = replace(MESSAGING_CONVERSATION_V1, name=SEARCH_MESSAGES.dlq, partitions=1)
    report = await provision(kafka_section, [as_facts], [])

    found = {each.setting: each.found for each in report.differing}
    assert found["retention.ms"] == str(DLQ_RETENTION_MINUTES * 60_000)
    assert int(found["max.message.bytes"]) > 1_048_576  # a full record and the reason


async def test_several_processes_may_provision_at_once(kafka_section: KafkaSection) -> None:
    reports = await asyncio.gather(
        *(provision(kafka_section, [MESSAGING_CONVERSATION_V1], [SEARCH_MESSAGES]) for _ in "abc")
    )

    created = [name for report in reports for name in report.created]
    assert sorted(created) == ["messaging.conversation.v1", "search.messages.dlq"]


async def test_prefixes_keep_deployments_apart(kafka_section: KafkaSection) -> None:
    other = kafka_section.model_copy(update={"topic_prefix": f"{kafka_section.topic_prefix}b."})
    await provision(kafka_section, [MESSAGING_CONVERSATION_V1], [])

    report = await provision(other, [MESSAGING_CONVERSATION_V1], [])

    assert report.created == ("messaging.conversation.v1",)


async def test_a_broker_that_does_not_answer_is_a_dependency_down() -> None:
    with pytest.raises(KafkaUnavailable):
        await provision(KafkaSection(url="127.0.0.1:1"))
