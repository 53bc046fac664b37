"""Access to topics and groups, derived from the catalogue: writers, readers and creators.

A service writes the topics that it owns, reads those that it consumes, and writes the dead letters
of its own groups. Provisioning creates topics, the operator's commands look after dead letters.
Everything else is refused, because no other grant exists (GW-12).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from plexus.topics import CONSUMERS, TOPICS, Consumer, Topic

from plexuskit.config import KafkaSection
from plexuskit.kafka.names import (
    evidence_group,
    group_name,
    held_group,
    redrive_group,
    skip_group,
    topic_name,
)

USER_PREFIX: Final = "plexus-"
PROVISIONING: Final = f"{USER_PREFIX}provisioning"
"""User of the job that creates topics."""
OPERATOR: Final = f"{USER_PREFIX}operator"
"""User of `plexus admin dlq` and `plexus admin doctor`."""


class Resource(IntEnum):
    """Kinds of resources, by their numbers in the protocol."""

    TOPIC = 2
    GROUP = 3


class Operation(IntEnum):
    """Operations, by their numbers in the protocol; all but CREATE and the last imply DESCRIBE."""

    READ = 3
    WRITE = 4
    CREATE = 5
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One user may do one thing with one topic or group, by its name on the broker."""

    user: str
    resource: Resource
    name: str
    operation: Operation


def user_of(service: str) -> str:
    """Return the Kafka user of a service: `plexus-messaging`."""
    return f"{USER_PREFIX}{service}"


def services_of(
    topics: Iterable[Topic] = TOPICS, consumers: Iterable[Consumer] = CONSUMERS
) -> list[str]:
    """Return the services that the catalogue names, sorted."""
    owners = {topic.owner for topic in topics}
    return sorted(owners | {consumer.service for consumer in consumers})


def users(topics: Iterable[Topic] = TOPICS, consumers: Iterable[Consumer] = CONSUMERS) -> list[str]:
    """Return every user that the catalogue grants something to, sorted."""
    return sorted([*map(user_of, services_of(topics, consumers)), PROVISIONING, OPERATOR])


def grants(
    section: KafkaSection,
    topics: Sequence[Topic] = TOPICS,
    consumers: Sequence[Consumer] = CONSUMERS,
) -> frozenset[Grant]:
    """Return all that is granted; names carry the section's prefix."""
    found: set[Grant] = set()
    for topic in topics:
        found |= set(_of_topic(topic_name(section, topic.name)))
        name = topic_name(section, topic.name)
        found.add(Grant(user_of(topic.owner), Resource.TOPIC, name, Operation.WRITE))
    for consumer in consumers:
        found |= set(_of_consumer(section, consumer))
    return frozenset(found)


def _of_topic(name: str) -> Iterator[Grant]:
    """Yield the rights on every topic for provisioning and the operator's checks."""
    for operation in (Operation.CREATE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS):
        yield Grant(PROVISIONING, Resource.TOPIC, name, operation)
    for operation in (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS):
        yield Grant(OPERATOR, Resource.TOPIC, name, operation)


def _of_consumer(section: KafkaSection, consumer: Consumer) -> Iterator[Grant]:
    """Yield the rights of a consumer, and of the operator to redrive its dead letters."""
    user = user_of(consumer.service)
    names = [topic_name(section, topic) for topic in consumer.topics]
    for name in names:
        yield Grant(user, Resource.TOPIC, name, Operation.READ)
    if not consumer.dlq:
        return

    letters = topic_name(section, consumer.dlq)
    group = group_name(section, consumer.group)
    beside = [group_name(section, named(consumer.group)) for named in (redrive_group, skip_group)]
    yield from _of_topic(letters)
    yield Grant(user, Resource.GROUP, group, Operation.READ)
    yield Grant(user, Resource.TOPIC, letters, Operation.WRITE)
    for name in beside:
        yield Grant(user, Resource.GROUP, name, Operation.DESCRIBE)
    # Topic where the group's process stores its holds, which the operator's doctor reads.
    held = group_name(section, held_group(consumer.group))
    yield Grant(user, Resource.GROUP, held, Operation.READ)
    yield Grant(OPERATOR, Resource.GROUP, held, Operation.DESCRIBE)
    evidence = group_name(section, evidence_group(consumer.group))
    yield Grant(user, Resource.GROUP, evidence, Operation.READ)

    yield Grant(OPERATOR, Resource.TOPIC, letters, Operation.READ)
    yield Grant(OPERATOR, Resource.GROUP, group, Operation.DESCRIBE)
    for name in beside:
        yield Grant(OPERATOR, Resource.GROUP, name, Operation.READ)
    for name in names:
        # A redriven letter goes back to its topic; committing the skip of a record reads it.
        yield Grant(OPERATOR, Resource.TOPIC, name, Operation.WRITE)
        yield Grant(OPERATOR, Resource.TOPIC, name, Operation.READ)
