"""Every record of some topics from now on, without a group; the source of the gateways' fan-out.

The client library resolves `auto_offset_reset="latest"` lazily, at the first fetch, so whatever is
produced before that is lost. A tail assigns all partitions, seeks to their ends and takes the
positions before it is handed out; an offset that no longer exists ends it with `TailLost`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from types import MappingProxyType

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError, KafkaError
from plexus.topics import Topic

from plexuskit.config import KafkaSection
from plexuskit.kafka.clients import admin, appeared, milliseconds, reader
from plexuskit.kafka.names import catalogue_name, topic_name
from plexuskit.kafka.records import Record, is_foreign, record_of
from plexuskit.kafka.refusals import KafkaUnavailable, kafka_errors
from plexuskit.metrics import counter

log = structlog.get_logger()

FOREIGN = counter(
    "plexus_kafka_foreign_facts_total",
    "Facts that were left out because their type does not belong to their topic",
    labels=("topic",),
)

_ENTERING = timedelta(seconds=20)
_APPEARING = timedelta(seconds=3)
_FETCH = timedelta(seconds=1)
# a broker answers as soon as it has a byte; this bounds only how long it holds an idle fetch
_MAX_WAIT = timedelta(milliseconds=500)

Position = tuple[str, int]
"""Topic (the catalogue's name) and partition."""


class TailLost(KafkaUnavailable):
    """The tail cannot continue from its position; enter a new one and resynchronise."""


class TopicTail:
    """Reads all partitions of its topics; iterate over it for batches in order per partition."""

    def __init__(
        self,
        section: KafkaSection,
        client: AIOKafkaConsumer,
        *,
        end_offsets: Mapping[TopicPartition, int],
        max_batch: int,
    ) -> None:
        self._section = section
        self._client = client
        self._max_batch = max_batch
        self._end_offsets = MappingProxyType(self._named(end_offsets))
        self._positions = dict(self._end_offsets)

    @property
    def end_offsets(self) -> Mapping[Position, int]:
        """The offset in each partition that the tail began at: its end, or that of `since`."""
        return self._end_offsets

    @property
    def positions(self) -> Mapping[Position, int]:
        """The offset after the last record handed out, per partition; a snapshot."""
        return MappingProxyType(dict(self._positions))

    async def ends(self) -> Mapping[Position, int]:
        """Return the current end of each partition; the lag is the difference.

        Raises:
            KafkaUnavailable: Kafka does not answer.
        """
        with kafka_errors("end offsets"):
            return self._named(await self._client.end_offsets(self._client.assignment()))

    def __aiter__(self) -> "TopicTail":
        return self

    async def __anext__(self) -> list[Record]:
        """Wait for the next records; never empty.

        Repeats that were redriven for a consumer group are left out, and so are facts that do not
        belong to their topic (GW-12); all count in `positions`.

        Raises:
            TailLost: The next offset does not exist any more, or the client has failed.
        """
        while True:
            try:
                fetched = await self._client.getmany(
                    timeout_ms=milliseconds(_FETCH), max_records=self._max_batch
                )
            except ConsumerStoppedError:
                raise StopAsyncIteration from None
            except KafkaError as error:
                raise TailLost(doing="read", error=type(error).__name__) from error

            records = []
            for partition, raws in fetched.items():
                name = (catalogue_name(self._section, partition.topic), partition.partition)
                self._positions[name] = raws[-1].offset + 1
                records += [record_of(self._section, raw) for raw in raws]
            records = [record for record in records if not record.redriven_for and _owned(record)]
            if records:
                return records

    def _named(self, offsets: Mapping[TopicPartition, int]) -> dict[Position, int]:
        return {
            (catalogue_name(self._section, partition.topic), partition.partition): offset
            for partition, offset in offsets.items()
        }


def _owned(record: Record) -> bool:
    if not is_foreign(record):
        return True
    FOREIGN.labels(record.topic).inc()
    log.error(
        "kafka.fact_foreign",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        type=record.envelope.type,
    )
    return False


@asynccontextmanager
async def tail(
    section: KafkaSection,
    topics: Sequence[Topic | str],
    *,
    max_batch: int = 500,
    since: datetime | None = None,
) -> AsyncIterator[TopicTail]:
    """Enter a tail: every record produced from now on is in it.

    Args:
        section: Address of Kafka and prefix of names.
        topics: Topics of the catalogue, or their names.
        max_batch: Maximum records that one step of the iteration returns.
        since: Begin with records produced from then on, as far as they are kept; None: from now on.

    Raises:
        KafkaUnavailable: Kafka does not answer, or a topic is missing.
    """
    wanted = [
        topic_name(section, topic.name if isinstance(topic, Topic) else topic) for topic in topics
    ]
    async with reader(section, offset_reset="none", max_wait=_MAX_WAIT) as client:
        with kafka_errors("enter a tail"):
            async with asyncio.timeout(_ENTERING.total_seconds()):
                ends = await _go_to_ends(section, client, wanted)
                if since is not None:
                    ends |= await _go_back(client, ends, since)
        yield TopicTail(section, client, end_offsets=ends, max_batch=max_batch)


async def _go_to_ends(
    section: KafkaSection, client: AIOKafkaConsumer, topics: Sequence[str]
) -> dict[TopicPartition, int]:
    async with admin(section) as administration:
        found = await appeared(administration, topics, within=_APPEARING)
    missing = [topic for topic, partitions in found.items() if not partitions]
    if missing:
        raise KafkaUnavailable(doing="enter a tail", missing=", ".join(missing))

    partitions = [partition for each in found.values() for partition in each]
    client.assign(partitions)
    await client.seek_to_end(*partitions)
    return {partition: await client.position(partition) for partition in partitions}


async def _go_back(
    client: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], since: datetime
) -> dict[TopicPartition, int]:
    """Seek to the first records from an instant on; return their offsets by partition."""
    stamp = int(since.timestamp() * 1000)
    found = await client.offsets_for_times(dict.fromkeys(ends, stamp))
    begins = {partition: each.offset for partition, each in found.items() if each is not None}
    for partition, offset in begins.items():
        client.seek(partition, offset)
    return begins
