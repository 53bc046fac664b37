"""Evidence against held records, kept beyond the process that gathered it.

A process that is started again every few minutes would otherwise never have five minutes of it,
and would set two records aside within ten minutes. The evidence is kept as the metadata of offsets
that the group `<group>.evidence` commits: one small text per partition, written after an attempt
that changed it and read when partitions are assigned. While Kafka does not answer it is in memory.

Instants are those of the process's clock: between two processes there is no other. Within one, time
is measured without it.
"""

import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from aiokafka import TopicPartition

from plexuskit.config import KafkaSection
from plexuskit.kafka.batches import Partition
from plexuskit.kafka.clients import admin, reader
from plexuskit.kafka.evidence import Remembered
from plexuskit.kafka.names import evidence_group, group_name, topic_name
from plexuskit.kafka.refusals import kafka_errors

_MILLIS: Final = 1_000


async def store_evidence(
    section: KafkaSection,
    group: str,
    evidence: Mapping[Partition, Remembered],
    *,
    now: float,
    at: datetime,
) -> None:
    """Store what is known about records of partitions; replaces what was stored of each.

    Args:
        section: Address of Kafka.
        group: The catalogue's name of the group.
        evidence: Per partition, in monotonic seconds.
        now: Monotonic seconds of the same instant as `at`.
        at: The current instant.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    with kafka_errors("store evidence"):
        async with reader(section, group=group_name(section, evidence_group(group))) as client:
            offsets = {
                TopicPartition(topic_name(section, topic), number): (
                    each.offset,
                    _written(each, now=now, at=at),
                )
                for (topic, number), each in evidence.items()
            }
            client.assign(list(offsets))
            await client.commit(offsets)


async def read_evidence(
    section: KafkaSection,
    group: str,
    partitions: Collection[Partition],
    *,
    now: float,
    at: datetime,
) -> dict[Partition, Remembered]:
    """Return the stored evidence on records of partitions; unreadable evidence is left out.

    Args:
        section: Address of Kafka.
        group: The catalogue's name of the group.
        partitions: The partitions.
        now: Monotonic seconds of the same instant as `at`.
        at: The current instant; stored times are never later.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    places = {TopicPartition(topic_name(section, t), n): (t, n) for t, n in partitions}
    with kafka_errors("read evidence"):
        async with admin(section) as client:
            stored = await client.list_consumer_group_offsets(
                group_name(section, evidence_group(group)), partitions=list(places)
            )
    found = {
        places[place]: _read(each.offset, each.metadata, now=now, at=at)
        for place, each in stored.items()
        if place in places and each.offset >= 0
    }
    return {partition: each for partition, each in found.items() if each is not None}


def _written(evidence: Remembered, *, now: float, at: datetime) -> str:
    def millis(then: float | None) -> int | None:
        return None if then is None else round((at.timestamp() - (now - then)) * _MILLIS)

    return json.dumps(
        {
            "attempts": evidence.attempts,
            "proving_since": millis(evidence.proving_since),
            "set_aside_at": millis(evidence.set_aside_at),
        }
    )


def _read(offset: int, metadata: str, *, now: float, at: datetime) -> Remembered | None:
    def seconds(millis: int | None) -> float | None:
        if millis is None:
            return None
        past = at - datetime.fromtimestamp(millis / _MILLIS, UTC)
        return now - max(past, timedelta()).total_seconds()

    try:
        words = json.loads(metadata)
        return Remembered(
            offset=offset,
            attempts=int(words["attempts"]),
            proving_since=seconds(words["proving_since"]),
            set_aside_at=seconds(words["set_aside_at"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        # Of another version: the evidence starts again.
        return None
