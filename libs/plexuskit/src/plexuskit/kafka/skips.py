"""Held records that an operator skips: requested beside the group, carried out by its consumer.

A request is the offset that the group `<group>.skip` has committed for the partition, with the
operator and the reason as its metadata. The consumer of a held partition reads it before each new
attempt and moves exactly that record to the dead letters. A request for another offset does
nothing. In the same way the group `<group>.held` has the records at which partitions are held for
long, for diagnosis from outside of the process.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from aiokafka import TopicPartition
from plexus.topics import CONSUMERS, Consumer

from plexuskit.config import KafkaSection
from plexuskit.errors import Kind, Refusal
from plexuskit.kafka.clients import admin, partitions_of, reader
from plexuskit.kafka.names import group_name, held_group, skip_group, topic_name
from plexuskit.kafka.refusals import kafka_errors

MAX_REASON = 500
_METADATA_BYTES = 4000  # brokers take 4096


class RecordNotHeld(Refusal):
    """No consumer is held at offset {offset} of {topic} {partition}; see `plexus admin doctor`."""

    kind: ClassVar[Kind] = Kind.FAILED_PRECONDITION


class PartitionUnknown(Refusal):
    """No consumer with dead letters reads partition {partition} of {topic}; check both."""

    kind: ClassVar[Kind] = Kind.NOT_FOUND


async def groups_standing_at(
    section: KafkaSection, *, topic: str, partition: int, offset: int
) -> list[str]:
    """Return the groups with dead letters whose next record is the one at the offset.

    Args:
        section: Address of Kafka.
        topic: The catalogue's name.
        partition: The held partition.
        offset: The record's.

    Raises:
        PartitionUnknown: No consumer with dead letters reads it, or it does not exist.
        RecordNotHeld: No group's next record is this one.
        KafkaUnavailable: Kafka does not answer.
    """
    groups = [each for each in CONSUMERS if each.dlq and topic in each.topics]
    place = TopicPartition(topic_name(section, topic), partition)
    with kafka_errors("find who stands at a record"):
        async with admin(section) as client:
            known = (await partitions_of(client, [place.topic]))[place.topic]
            if not groups or place not in known:
                raise PartitionUnknown(topic=topic, partition=partition)
            async with reader(section) as offsets:
                first = (await offsets.beginning_offsets([place]))[place]
            standing = []
            for group in groups:
                name = group_name(section, group.group)
                stored = await client.list_consumer_group_offsets(name, partitions=[place])
                # A group that has committed nothing yet is at the beginning.
                committed = stored[place].offset if place in stored else -1
                if offset == max(committed, first):
                    standing.append(group.group)
    if not standing:
        raise RecordNotHeld(topic=topic, partition=partition, offset=offset)
    return standing


async def ask_to_skip(
    section: KafkaSection, *, topic: str, partition: int, offset: int, actor: str, reason: str
) -> list[str]:
    """Ask every group that is held at the offset to set that record aside; return their names.

    Args:
        section: Address of Kafka.
        topic: The catalogue's name.
        partition: The held partition.
        offset: The record's; it must be the next one that the group would finish.
        actor: The operator, for the dead letter.
        reason: Why, for the dead letter; the first 500 characters are kept.

    Raises:
        PartitionUnknown: No consumer with dead letters reads it, or it does not exist.
        RecordNotHeld: No group's next record is this one.
        KafkaUnavailable: Kafka does not answer.
    """
    standing = await groups_standing_at(section, topic=topic, partition=partition, offset=offset)
    place = TopicPartition(topic_name(section, topic), partition)
    words = f"skipped by {actor}: {reason[:MAX_REASON]}"
    metadata = words.encode()[:_METADATA_BYTES].decode(errors="ignore")
    with kafka_errors("skip a record"):
        for name in standing:
            async with reader(section, group=group_name(section, skip_group(name))) as consumer:
                consumer.assign([place])
                await consumer.commit({place: (offset, metadata)})
    return standing


async def read_skips(
    section: KafkaSection, group: str, partitions: Collection[tuple[str, int]]
) -> Mapping[tuple[str, int], tuple[int, str]]:
    """Return the operators' requests to skip: per partition the offset and the text.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    places = {TopicPartition(topic_name(section, t), n): (t, n) for t, n in partitions}
    with kafka_errors("read what is skipped"):
        async with admin(section) as client:
            stored = await client.list_consumer_group_offsets(
                group_name(section, skip_group(group)), partitions=list(places)
            )
    return {
        places[place]: (found.offset, found.metadata or "skipped by an operator")
        for place, found in stored.items()
        if place in places and found.offset >= 0
    }


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A record at which a group's partition has been held for long, and since when and why."""

    topic: str
    partition: int
    offset: int
    words: str


async def report_held(
    section: KafkaSection, group: str, held: Mapping[tuple[str, int], tuple[int, str]]
) -> None:
    """Store at which records a group is held: per partition the offset, and since when and why.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    with kafka_errors("store what is held"):
        async with reader(section, group=group_name(section, held_group(group))) as client:
            offsets = {
                TopicPartition(topic_name(section, topic), number): (
                    offset,
                    words.encode()[:_METADATA_BYTES].decode(errors="ignore"),
                )
                for (topic, number), (offset, words) in held.items()
            }
            client.assign(list(offsets))
            await client.commit(offsets)


async def read_held(section: KafkaSection, consumer: Consumer) -> list[HeldRecord]:
    """Return the records at which a group has been held for long and is still held.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    names = {topic_name(section, topic): topic for topic in consumer.topics}
    with kafka_errors("read what is held"):
        async with admin(section) as client:
            found = await partitions_of(client, list(names))
            places = [place for each in found.values() for place in each]
            if not places:
                return []
            reported = await client.list_consumer_group_offsets(
                group_name(section, held_group(consumer.group)), partitions=places
            )
            committed = await client.list_consumer_group_offsets(
                group_name(section, consumer.group), partitions=places
            )
    held = []
    for place, stored in sorted(reported.items()):
        stands = committed[place].offset if place in committed else -1
        # One that has committed nothing yet is at its beginning.
        if stored.offset >= 0 and stands in {stored.offset, -1}:
            held.append(
                HeldRecord(names[place.topic], place.partition, stored.offset, stored.metadata)
            )
    return held
