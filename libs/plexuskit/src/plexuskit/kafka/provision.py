"""Provisioning of the catalogue's topics: create missing ones, report differences, change nothing.

Partition counts are never raised in place, because keys would move to other partitions and the
order of a scope would be lost; retention is an operator's decision once a topic exists. Both are
reported.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code
from plexus.topics import CONSUMERS, DLQ_PARTITIONS, DLQ_RETENTION_MINUTES, TOPICS, Consumer, Topic

from plexuskit.config import KafkaSection
from plexuskit.kafka.clients import REQUEST_TIMEOUT, appeared, partitions_of
from plexuskit.kafka.clients import admin as admin  # noqa: PLC0414 - offered from here too
from plexuskit.kafka.names import catalogue_name, topic_name
from plexuskit.kafka.refusals import kafka_errors

MAX_FACT_BYTES = 1_000_000
"""Largest record of a topic: key, value and headers."""

MAX_LETTER_BYTES = MAX_FACT_BYTES + 64 * 1024
"""Largest dead letter: the record that it carries and the headers with the reason."""

_BATCH_OVERHEAD = 16 * 1024  # overhead counted by the broker's limit beside the record
_SAFE_REPLICATION = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """Setting of an existing topic that differs from the catalogue."""

    topic: str
    setting: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class ProvisionReport:
    """Result of provisioning; topic names are the catalogue's, without prefix."""

    created: tuple[str, ...]
    existing: tuple[str, ...]
    differing: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """Existing topics of the catalogue; topic names are the catalogue's, without prefix."""

    missing: tuple[str, ...]
    existing: tuple[str, ...]
    differing: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    partitions: int
    settings: Mapping[str, str]


async def provision(
    section: KafkaSection,
    topics: Sequence[Topic] = TOPICS,
    consumers: Sequence[Consumer] = CONSUMERS,
    replication: int = 1,
) -> ProvisionReport:
    """Create the topics that are missing, dead-letter topics included; report those that differ.

    Safe to run by several processes at once and any number of times.

    Args:
        section: Address of Kafka and prefix of names.
        topics: Topics of the catalogue to provide.
        consumers: Groups whose dead-letter topics to provide; groups without one are skipped.
        replication: Copies of each partition; from 3 on, two must have a record before it counts.

    Raises:
        KafkaUnavailable: Kafka does not answer or refuses to create a topic.
    """
    wanted = [*(_fact_topic(topic) for topic in topics), *_letter_topics(consumers)]

    async with admin(section) as client:
        with kafka_errors("provision"):
            found = await _partitions(client, section, wanted)
            missing = [topic for topic in wanted if topic.name not in found]
            created = await _create(client, section, missing, replication)
            if missing:
                await _wait_for(client, section, missing)
            existing = [topic for topic in wanted if topic.name not in created]
            differing = await _differences(client, section, existing, found)

    return ProvisionReport(
        created=tuple(created),
        existing=tuple(topic.name for topic in existing),
        differing=tuple(differing),
    )


async def check_topics(
    section: KafkaSection,
    topics: Sequence[Topic] = TOPICS,
    consumers: Sequence[Consumer] = CONSUMERS,
) -> TopicsReport:
    """Compare the topics that exist with the catalogue; creates nothing.

    Raises:
        KafkaUnavailable: Kafka does not answer.
    """
    wanted = [*(_fact_topic(topic) for topic in topics), *_letter_topics(consumers)]
    async with admin(section) as client:
        with kafka_errors("check topics"):
            found = await _partitions(client, section, wanted)
            existing = [topic for topic in wanted if topic.name in found]
            differing = await _differences(client, section, existing, found)
    return TopicsReport(
        missing=tuple(topic.name for topic in wanted if topic.name not in found),
        existing=tuple(topic.name for topic in existing),
        differing=tuple(differing),
    )


def _fact_topic(topic: Topic) -> _Wanted:
    return _Wanted(topic.name, topic.partitions, _settings(topic.retention_minutes, MAX_FACT_BYTES))


def _letter_topics(consumers: Iterable[Consumer]) -> Iterable[_Wanted]:
    settings = _settings(DLQ_RETENTION_MINUTES, MAX_LETTER_BYTES)
    return (_Wanted(each.dlq, DLQ_PARTITIONS, settings) for each in consumers if each.dlq)


def _settings(retention_minutes: int, max_bytes: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_minutes * 60_000),
        "max.message.bytes": str(max_bytes + _BATCH_OVERHEAD),
    }


async def _partitions(
    client: AIOKafkaAdminClient, section: KafkaSection, wanted: Sequence[_Wanted]
) -> dict[str, int]:
    """Return the partition count of each wanted topic; missing topics are left out."""
    names = {topic_name(section, topic.name): topic.name for topic in wanted}
    found = await partitions_of(client, names)
    return {names[name]: len(partitions) for name, partitions in found.items() if partitions}


async def _create(
    client: AIOKafkaAdminClient,
    section: KafkaSection,
    missing: Sequence[_Wanted],
    replication: int,
) -> list[str]:
    """Create the topics and return the names of those not created concurrently by others."""
    if not missing:
        return []

    durable = {"min.insync.replicas": "2" if replication >= _SAFE_REPLICATION else "1"}
    answer = await client.create_topics(
        [
            NewTopic(
                name=topic_name(section, topic.name),
                num_partitions=topic.partitions,
                replication_factor=replication,
                topic_configs={**topic.settings, **durable},
            )
            for topic in missing
        ]
    )

    created = []
    for name, code, *message in answer.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:
            continue
        if error is not NoError:
            raise error(name, *message)
        created.append(catalogue_name(section, name))
    return created


async def _wait_for(
    client: AIOKafkaAdminClient, section: KafkaSection, topics: Sequence[_Wanted]
) -> None:
    """Wait until the topics can be used: the controller answers before the brokers know them."""
    names = [topic_name(section, topic.name) for topic in topics]
    found = await appeared(client, names, within=REQUEST_TIMEOUT)
    unknown = [name for name, partitions in found.items() if not partitions]
    if unknown:
        raise TimeoutError(f"created, but not known to the brokers: {', '.join(unknown)}")


async def _differences(
    client: AIOKafkaAdminClient,
    section: KafkaSection,
    existing: Sequence[_Wanted],
    found: Mapping[str, int],
) -> list[Difference]:
    if not existing:
        return []

    settings = await _stored_settings(client, section, existing)
    differing = []
    for topic in existing:
        partitions = found.get(topic.name, topic.partitions)
        if partitions != topic.partitions:
            differing.append(
                Difference(topic.name, "partitions", str(topic.partitions), str(partitions))
            )
        differing += [
            Difference(topic.name, setting, value, settings[topic.name].get(setting, ""))
            for setting, value in topic.settings.items()
            if settings[topic.name].get(setting, "") != value
        ]
    return differing


async def _stored_settings(
    client: AIOKafkaAdminClient, section: KafkaSection, topics: Sequence[_Wanted]
) -> dict[str, dict[str, str]]:
    names = {topic_name(section, topic.name): topic.name for topic in topics}
    answers = await client.describe_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    )
    stored: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, _message, _kind, name, entries in answer.resources:
            error = for_code(code)
            if error is not NoError:
                raise error(name)
            stored[names[name]] = {entry[0]: entry[1] for entry in entries}
    return stored
