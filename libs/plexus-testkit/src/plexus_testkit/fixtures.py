"""The fixtures of every test suite, loaded by `-p plexus_testkit.fixtures`.

Servers are found or started once per run and on first use (see `plexus_testkit.found`);
each test has its own names on them and removes them afterwards. What the fixtures are made of is
imported inside them, so that tests of a pure domain import no driver.
"""

# ruff: noqa: PLC0415 - see above

import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plexus_testkit.clock import FrozenClock

if TYPE_CHECKING:
    from plexuskit.config import CallerSection, KafkaSection
    from plexuskit.kafka import ProvisionReport
    from plexuskit.mongo import Database
    from plexuskit.service import Runtime

    from plexus_testkit.commands import StoreCommands
    from plexus_testkit.found import FoundKafka
    from plexus_testkit.shapes import Recorder
    from plexus_testkit.spans import RecordedSpans

MONDAY_MORNING = datetime(2026, 3, 2, 1, tzinfo=UTC)  # nine o'clock in Shanghai


@pytest.fixture(scope="session")
def server_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of data and logs of the servers that this run starts."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def mongo_url(
    server_files: Path,
    shape_recorder: "Recorder",
) -> Iterator[str]:
    """Address of a MongoDB replica set."""
    from plexus_local.servers.mongo import keep_expired

    from plexus_testkit.found import found

    with found("mongo", directory=server_files) as url:
        keep_expired(url)
        shape_recorder.url = url
        yield url


@pytest.fixture(scope="session")
def kafka_server(server_files: Path) -> Iterator["FoundKafka"]:
    """A Kafka cluster with its users."""
    from plexus_testkit.found import found_kafka

    with found_kafka(directory=server_files) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_url(kafka_server: "FoundKafka") -> str:
    """Bootstrap address of a Kafka cluster that requires users for everything."""
    return kafka_server.url


@pytest.fixture(scope="session")
def opensearch_url(server_files: Path) -> Iterator[str]:
    """Address of an OpenSearch cluster with the icu and smartcn analysers."""
    from plexus_testkit.found import found

    with found("opensearch", directory=server_files) as url:
        yield url


@pytest.fixture
def unique_name() -> str:
    """A short name that no other test has, fit for databases, topics and indexes."""
    return f"t{secrets.token_hex(5)}"


@pytest.fixture
def recorded_spans() -> Iterator["RecordedSpans"]:
    """The spans of this process, all sampled; ask for it before the clients that have spans."""
    from plexus_testkit.spans import recording

    with recording() as spans:
        yield spans


@pytest.fixture
async def db(mongo_url: str, unique_name: str) -> AsyncIterator["Database"]:
    """A database of the test's own, dropped afterwards."""
    from plexus_local.servers.mongo import drop_database
    from plexuskit.config import MongoSection
    from plexuskit.mongo import connect

    try:
        async with connect(MongoSection(url=mongo_url, database=unique_name)) as database:
            yield database
    finally:
        drop_database(mongo_url, unique_name)


@pytest.fixture(scope="session")
def commands() -> "StoreCommands":
    """Recorder of MongoDB commands; it records clients that are made after it."""
    from pymongo import monitoring

    from plexus_testkit.commands import StoreCommands

    listener = StoreCommands()
    monitoring.register(listener)
    return listener


@pytest.fixture
async def kafka_section(
    kafka_server: "FoundKafka", unique_name: str
) -> AsyncIterator["KafkaSection"]:
    """Kafka under the test's own topic prefix, for the test itself, which has all rights.

    The code under test gets `kafka_section_of(service)` instead. No topic exists at first:
    `kafka_topics` provisions those that the test names. Topics and rules are deleted afterwards.
    """
    async with kafka_names(kafka_server, prefix=f"{unique_name}.") as section:
        yield section


@asynccontextmanager
async def kafka_names(server: "FoundKafka", *, prefix: str) -> AsyncIterator["KafkaSection"]:
    """Provide the access rules of the catalogue under a prefix; remove all of it at the end."""
    from plexuskit.kafka.authorize import authorize, revoke
    from plexuskit.kafka.clients import admin

    section = server.administering(topic_prefix=prefix)
    if server.accounts is not None:
        await authorize(section, {})
    yield section

    async with admin(section) as client:
        left = [name for name in await client.list_topics() if name.startswith(prefix)]
        if left:
            await client.delete_topics(left)
    if server.accounts is not None:
        await revoke(section)


@pytest.fixture
def kafka_section_of(
    kafka_server: "FoundKafka", kafka_section: "KafkaSection"
) -> Callable[[str], "KafkaSection"]:
    """Function from a service's name to its own section, with the rights of the catalogue."""
    from plexuskit.kafka.grants import user_of

    def section_of(service: str) -> "KafkaSection":
        return kafka_server.section(user_of(service), topic_prefix=kafka_section.topic_prefix)

    return section_of


@pytest.fixture
def kafka_topics(
    kafka_server: "FoundKafka", kafka_section: "KafkaSection"
) -> Callable[..., Awaitable["ProvisionReport"]]:
    """A function that provisions topics of the catalogue by name, with their dead-letter topics.

    `await kafka_topics("messaging.conversation.v1")`; without a name the whole catalogue.
    """
    from plexus.topics import CONSUMERS, TOPICS
    from plexuskit.kafka import provision
    from plexuskit.kafka.grants import PROVISIONING

    section = kafka_server.section(PROVISIONING, topic_prefix=kafka_section.topic_prefix)

    async def provisioned(*names: str) -> "ProvisionReport":
        unknown = set(names) - {topic.name for topic in TOPICS}
        if unknown:
            raise ValueError(f"not in the catalogue: {', '.join(sorted(unknown))}")

        topics = [topic for topic in TOPICS if not names or topic.name in names]
        chosen = {topic.name for topic in topics}
        consumers = [consumer for consumer in CONSUMERS if chosen & set(consumer.topics)]
        return await provision(section, topics, consumers)

    return provisioned


@pytest.fixture
def clock() -> FrozenClock:
    """A clock at 2026-03-02T01:00Z, a Monday at nine in Shanghai; `advance` moves it."""
    return FrozenClock(MONDAY_MORNING)


@pytest.fixture(scope="session")
def caller_keys_of(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], "CallerSection"]:
    """A function from a service's name to its keys; all of them verify one another."""
    from plexus.topics import CONSUMERS, TOPICS
    from plexuskit.config import CallerSection
    from plexuskit.grpc.keys import generate_keys

    names = {topic.owner for topic in TOPICS} | {consumer.service for consumer in CONSUMERS}
    folder = tmp_path_factory.mktemp("keys")
    for name, content in generate_keys(sorted(names | {"gateway", "test"})).items():
        (folder / f"{name}.json").write_text(json.dumps(content))

    def keys_of(service: str) -> CallerSection:
        return CallerSection(keys_file=folder / f"{service}.json")

    return keys_of


@pytest.fixture
def caller_keys(caller_keys_of: Callable[[str], "CallerSection"]) -> "CallerSection":
    """The gateway's keys: they sign any caller context, and verify every service's."""
    return caller_keys_of("gateway")


@pytest.fixture
async def runtime() -> AsyncIterator["Runtime"]:
    """The frame of a process, with the real clock; tasks that the test spawned in it are ended."""
    from plexuskit.clock import SystemClock
    from plexuskit.service import Runtime

    runtime = Runtime(service="test", clock=SystemClock())
    try:
        yield runtime
    finally:
        runtime.stop()
        await runtime.close()
