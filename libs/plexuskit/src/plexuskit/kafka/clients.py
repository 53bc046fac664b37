"""Clients that join no group's rebalance: administration, offsets, reading from given positions."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    LeaderNotAvailableError,
    NoError,
    UnknownTopicOrPartitionError,
    for_code,
)

from plexuskit.config import KafkaSection
from plexuskit.kafka.refusals import kafka_errors
from plexuskit.kafka.security import security

REQUEST_TIMEOUT = timedelta(seconds=20)
"""Time limit of one request to a broker."""

_LOOK_AGAIN = 0.05


def milliseconds(period: timedelta) -> int:
    """Return the period in whole milliseconds, the unit of the client library."""
    return int(period / timedelta(milliseconds=1))


@asynccontextmanager
async def admin(section: KafkaSection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an administrative client for the time of the block.

    Raises:
        KafkaUnavailable: No broker answers.
    """
    client = AIOKafkaAdminClient(
        bootstrap_servers=section.url,
        request_timeout_ms=milliseconds(REQUEST_TIMEOUT),
        **security(section),
    )
    try:
        with kafka_errors("connect"):
            await client.start()
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def reader(
    section: KafkaSection,
    *,
    group: str | None = None,
    offset_reset: str = "none",
    max_wait: timedelta = timedelta(milliseconds=500),
) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect a consumer outside of any rebalance: the block assigns partitions itself.

    Args:
        section: Address of Kafka.
        group: The broker's name of the group to commit offsets for; None commits nothing.
        offset_reset: Behaviour at an offset that does not exist: `earliest` or `none`.
        max_wait: Time for which a broker may hold back an empty fetch.

    Raises:
        KafkaUnavailable: No broker answers.
    """
    client = AIOKafkaConsumer(
        bootstrap_servers=section.url,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset=offset_reset,
        fetch_max_wait_ms=milliseconds(max_wait),
        request_timeout_ms=milliseconds(REQUEST_TIMEOUT),
        **security(section),
    )
    try:
        with kafka_errors("connect"):
            await client.start()
        yield client
    finally:
        await client.stop()


async def appeared(
    client: AIOKafkaAdminClient, names: Collection[str], *, within: timedelta
) -> Mapping[str, tuple[TopicPartition, ...]]:
    """Wait until every topic is known with its partitions, as a new one is after a moment.

    Returns:
        What `partitions_of` returns, at the latest after `within`: a missing topic has none.
    """
    ends = asyncio.get_running_loop().time() + within.total_seconds()
    while True:
        found = await partitions_of(client, names)
        if all(found.values()) or asyncio.get_running_loop().time() >= ends:
            return found
        await asyncio.sleep(_LOOK_AGAIN)


async def partitions_of(
    client: AIOKafkaAdminClient, names: Collection[str]
) -> Mapping[str, tuple[TopicPartition, ...]]:
    """Return each topic's partitions, by the broker's names; a topic that is missing has none."""
    found: dict[str, tuple[TopicPartition, ...]] = dict.fromkeys(names, ())
    for each in await client.describe_topics(sorted(names)):
        error = for_code(each["error_code"])
        if error in {UnknownTopicOrPartitionError, LeaderNotAvailableError}:
            continue
        if error is not NoError:
            raise error(each["topic"])
        numbers = sorted(partition["partition"] for partition in each["partitions"])
        found[each["topic"]] = tuple(TopicPartition(each["topic"], number) for number in numbers)
    return found
