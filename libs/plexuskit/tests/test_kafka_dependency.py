"""A consumer whose real MongoDB refuses everything: it holds, and sets nothing aside."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo
import pytest
from plexus.topics import SEARCH_MESSAGES
from plexus_local.servers import NativeMongo
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection, MongoSection
from plexuskit.errors import DependencyDown, DocumentRefused
from plexuskit.kafka import (
    Outgoing,
    Record,
    consumer,
    dlq_depth,
    dlq_list,
    lag,
    producer,
    subscription,
)
from plexuskit.mongo import Database, connect
from plexuskit.runtime import Runtime

TOPIC = "messaging.conversation.v1"
GROUP = "search.messages"
AUTHENTICATION_FAILED, UNAUTHORIZED, OUT_OF_DISK = 18, 13, 14031
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


class ObedientMongo(NativeMongo):
    """A mongod that fails on command (`failCommand`)."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--setParameter", "enableTestCommands=1"]

    @contextmanager
    def failing(self, code: int, *commands: str) -> Iterator[None]:
        """Make commands fail with a code for the time of the block."""
        with pymongo.MongoClient[dict[str, Any]](self.url) as client:
            what = {"failCommands": [*commands], "errorCode": code}
            client.admin.command(
                {"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": what}
            )
            try:
                yield
            finally:
                client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.fixture(scope="module")
def obedient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObedientMongo]:
    folder: Path = tmp_path_factory.mktemp("obedient")
    server = ObedientMongo(data=folder / "mongo", log=folder / "mongo.log", cache_gb=0.25)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
async def database(obedient: ObedientMongo) -> AsyncIterator[Database]:
    section = MongoSection(url=obedient.url, database="consumer", timeout_ms=2000)
    async with connect(section) as db:
        yield db


@pytest.mark.parametrize("code", [AUTHENTICATION_FAILED, UNAUTHORIZED, OUT_OF_DISK, 133, 8000, 301])
async def test_what_the_server_refuses_to_everybody_is_a_broken_dependency(
    obedient: ObedientMongo, database: Database, code: int
) -> None:
    things = database.collection("things", schema_version=1)
    await things.insert({"_id": f"a{code}"})
    with obedient.failing(code, "find", "update", "insert"):
        with pytest.raises(DependencyDown):
            await things.find_one({})
        with pytest.raises(DependencyDown):
            await things.update({"_id": "b"}, {"$set": {"n": 1}}, upsert=True)
        with pytest.raises(DependencyDown):
            await things.insert_many([{"_id": "c"}, {"_id": "d"}])
        with pytest.raises(DependencyDown):
            await database.probe("things")
    await database.probe("things")


async def test_a_document_that_is_too_large_is_refused_by_name(
    database: Database,
) -> None:
    things = database.collection("things", schema_version=1)
    with pytest.raises(DocumentRefused):
        await things.insert({"_id": "large", "text": "x" * (17 * 1024 * 1024)})
    await things.insert({"_id": "growing", "text": "x" * (9 * 1024 * 1024)})
    with pytest.raises(DocumentRefused):
        await things.update({"_id": "growing"}, {"$set": {"more": "x" * (9 * 1024 * 1024)}})


async def test_a_document_against_its_schema_is_refused_by_name(
    obedient: ObedientMongo, database: Database
) -> None:
    with pymongo.MongoClient[dict[str, Any]](obedient.url) as client:
        rule = {"$jsonSchema": {"required": ["name"]}}
        client.get_database("consumer").create_collection("named", validator=rule)
    named = database.collection("named", schema_version=1)
    with pytest.raises(DocumentRefused):
        await named.insert({"_id": "nameless"})
    with pytest.raises(DocumentRefused):
        await named.insert_many([{"_id": "nameless"}])


@pytest.mark.parametrize(
    "code", [AUTHENTICATION_FAILED, OUT_OF_DISK], ids=["rotated password", "full disk"]
)
async def test_an_hour_without_the_database_sets_nothing_aside(
    code: int,
    obedient: ObedientMongo,
    database: Database,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    hour = 6.0  # five minutes are half a second
    section = kafka_section.model_copy(
        update={"evidence_seconds": 0.5, "set_aside_every_seconds": 1.0}
    )
    effects = database.collection(f"effects{code}", schema_version=1)
    calls = 0

    async def handle(records: Sequence[Record]) -> None:
        nonlocal calls
        calls += 1
        for record in records:
            number = record.envelope.change_no
            await effects.update({"_id": number}, {"$set": {"done": True}}, upsert=True)

    async def probe() -> None:
        await database.probe("effects")

    facts = [posted(n, conversation=f"cnv_{n % 7}") for n in range(1, 41)]
    async with producer(section) as out:
        await out.send_batch(facts)
    with obedient.failing(code, "find", "update", "insert"):
        began = time.monotonic()
        async with consumer(
            section, subscription(SEARCH_MESSAGES).of(handle), probe=probe, runtime=runtime
        ):
            await eventually(lambda: time.monotonic() - began > hour and calls > 20, within=60)
    assert await dlq_depth(section, GROUP) == 0

    async def nothing_left() -> bool:
        return sum((await lag(section, SEARCH_MESSAGES)).behind.values()) == 0

    async with consumer(
        section, subscription(SEARCH_MESSAGES).of(handle), probe=probe, runtime=runtime
    ):
        await eventually(nothing_left, within=60)
    assert await effects.count({}) == 40
    assert await dlq_depth(section, GROUP) == 0


async def test_a_document_that_the_database_can_never_hold_is_set_aside_at_once(
    database: Database,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    effects = database.collection("grown", schema_version=1)

    async def handle(records: Sequence[Record]) -> None:
        for record in records:
            number = record.envelope.change_no
            text = "x" * (17 * 1024 * 1024 if number == 3 else 10)
            await effects.update({"_id": number}, {"$set": {"text": text}}, upsert=True)

    async def probe() -> None:
        await database.probe("effects")

    async with producer(kafka_section) as out:
        await out.send_batch([posted(n) for n in range(1, 6)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(handle), probe=probe, runtime=runtime
    ):

        async def others_are_stored() -> bool:
            return await effects.count({}) >= 4

        async def one_is_set_aside() -> bool:
            return await dlq_depth(kafka_section, GROUP) == 1

        await eventually(others_are_stored, within=60)
        await eventually(one_is_set_aside, within=30)
    (letter,) = await dlq_list(kafka_section, GROUP, 5)
    assert (letter.offset, letter.attempts) == (2, 1)
    assert letter.reason.startswith("DocumentRefused")
