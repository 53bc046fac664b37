"""Lag of a group for metrics: read from Kafka, so that it also shows a stopped consumer."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from plexus.topics import Consumer

from plexuskit import metrics
from plexuskit.config import KafkaSection
from plexuskit.kafka.clients import admin, partitions_of, reader
from plexuskit.kafka.dlq import progress_of
from plexuskit.kafka.names import catalogue_name, group_name, redrive_group, topic_name
from plexuskit.kafka.refusals import KafkaUnavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lag:
    """Records behind the end, per topic of the group; and dead letters that wait."""

    behind: Mapping[str, int]
    letters: int


async def watch_lag(section: KafkaSection, consumer: Consumer, *, every: timedelta) -> None:
    """Refresh `plexus_consumer_lag` and `plexus_dlq_depth` of a group until cancelled.

    While Kafka is down the last values stay and the group's health has the reason.
    """
    while True:
        try:
            async with AsyncExitStack() as stack:
                administration = await stack.enter_async_context(admin(section))
                offsets = await stack.enter_async_context(reader(section))
                while True:
                    _publish(consumer, await _measure(section, consumer, administration, offsets))
                    await asyncio.sleep(every.total_seconds())
        except (KafkaError, KafkaUnavailable, OSError) as error:
            log.debug("consumer.lag_unknown", group=consumer.group, error=type(error).__name__)
        except Exception:  # a figure that cannot be had is no reason to stop consuming
            log.exception("consumer.lag_failed", group=consumer.group)
        await asyncio.sleep(every.total_seconds())


async def lag(section: KafkaSection, consumer: Consumer) -> Lag:
    """Return the current lag of a group.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    async with admin(section) as administration, reader(section) as offsets:
        return await _measure(section, consumer, administration, offsets)


async def _measure(
    section: KafkaSection,
    consumer: Consumer,
    administration: AIOKafkaAdminClient,
    offsets: AIOKafkaConsumer,
) -> Lag:
    names = [topic_name(section, name) for name in (*consumer.topics, consumer.dlq) if name]
    found = await partitions_of(administration, names)
    partitions = [partition for each in found.values() for partition in each]
    ends = await offsets.end_offsets(partitions)
    first = await offsets.beginning_offsets(partitions)

    letters = topic_name(section, consumer.dlq) if consumer.dlq else ""
    facts = [partition for partition in partitions if partition.topic != letters]
    committed = await administration.list_consumer_group_offsets(
        group_name(section, consumer.group), partitions=facts
    )
    behind = dict.fromkeys(consumer.topics, 0)
    for partition in facts:
        stored = committed[partition].offset if partition in committed else -1
        position = max(stored, first[partition])
        behind[catalogue_name(section, partition.topic)] += max(ends[partition] - position, 0)

    return Lag(
        behind=behind,
        letters=await _letters(section, consumer, administration, first, ends),
    )


async def _letters(
    section: KafkaSection,
    consumer: Consumer,
    administration: AIOKafkaAdminClient,
    first: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
) -> int:
    topic = topic_name(section, consumer.dlq)
    oldest = {partition: offset for partition, offset in first.items() if partition.topic == topic}
    if not consumer.dlq or not oldest:
        return 0
    remembering = group_name(section, redrive_group(consumer.group))
    progress = await progress_of(administration, remembering, oldest)
    return sum(done.waiting(ends[partition]) for partition, done in progress.items())


def _publish(consumer: Consumer, measured: Lag) -> None:
    for topic, behind in measured.behind.items():
        metrics.CONSUMER_LAG.labels(consumer.group, topic).set(behind)
    if consumer.dlq:
        metrics.DLQ_DEPTH.labels(consumer.group).set(measured.letters)
