"""Collections on a real mongod: durability, stamps, duplicate keys, failures by name."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pymongo
import pytest
from plexus_local.servers import NativeMongo, mongo
from plexus_local.servers.child import freeze
from plexus_testkit.wait import eventually
from plexuskit.config import MongoSection
from plexuskit.errors import DependencyDown
from plexuskit.mongo import (
    Changes,
    Collection,
    Database,
    DeleteOne,
    DuplicateKey,
    HistoryLost,
    Index,
    InsertOne,
    InsertOutcome,
    ReplaceOne,
    UpdateOne,
    WrongServerParameter,
    connect,
    unless_newer,
)
from plexuskit.mongo.database import _without_zlib

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
async def things(db: Database) -> Collection:
    collection = db.collection("things", schema_version=3)
    await collection.ensure_indexes(
        [Index(keys=[("place", 1), ("no", -1)], unique=True, name="place_once")]
    )
    return collection


def thing(no: int, *, place: str = "here") -> dict[str, Any]:
    return {"_id": f"thing_{place}_{no:03}", "place": place, "no": no}


async def test_insert_many_stores_all_in_one_go(things: Collection) -> None:
    outcome = await things.insert_many([thing(no) for no in range(300)])

    assert outcome == InsertOutcome(inserted=300, failure=None)
    assert await things.count({"schema_version": 3}) == 300


async def test_insert_many_stops_at_a_duplicate_and_names_index_key_and_position(
    things: Collection,
) -> None:
    await things.insert(thing(7))

    outcome = await things.insert_many(
        [thing(1), thing(2), {"_id": "other", "place": "here", "no": 7}, thing(3)]
    )

    assert outcome.inserted == 2
    assert outcome.failure is not None
    assert outcome.failure.index == "place_once"
    assert outcome.failure.key == {"place": "here", "no": 7}
    assert outcome.failure.position == 2
    assert {t["no"] for t in await things.find_all({})} == {1, 2, 7}


async def test_insert_many_names_a_duplicate_id(things: Collection) -> None:
    await things.insert(thing(1))

    outcome = await things.insert_many([thing(1)])

    assert outcome.inserted == 0
    assert outcome.failure is not None
    assert outcome.failure.index == "_id_"
    assert outcome.failure.key == {"_id": "thing_here_001"}
    assert outcome.failure.position == 0


@pytest.mark.parametrize("count", [1, 2])
async def test_a_duplicate_beside_a_missing_majority_is_no_outcome(
    db: Database, mongo_url: str, count: int
) -> None:
    things = db.collection("things", schema_version=1)
    await things.insert(thing(1))

    # The server of the tests stands alone: it never has a second acknowledgement.
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_url, w=2, wTimeoutMS=100) as client:
        unsure = Collection(client[db.name]["things"], schema_version=1)
        with pytest.raises(DependencyDown):
            await unsure.insert_many([thing(no) for no in range(1, 1 + count)])


async def test_insert_many_of_nothing_stores_nothing(things: Collection) -> None:
    assert await things.insert_many([]) == InsertOutcome(inserted=0, failure=None)


async def test_insert_many_refuses_any_order(things: Collection) -> None:
    with pytest.raises(ValueError, match="ordered"):
        await things.insert_many([thing(1)], ordered=False)


async def test_of_many_writers_of_one_number_exactly_one_wins(things: Collection) -> None:
    async def write(writer: int) -> InsertOutcome:
        return await things.insert_many(
            [{"_id": f"{writer}-{no}", "place": "log", "no": no} for no in range(5)]
        )

    outcomes = await asyncio.gather(*[write(writer) for writer in range(8)])

    stored = await things.find_all({"place": "log"}, sort=[("no", 1)])
    assert [t["no"] for t in stored] == [0, 1, 2, 3, 4]
    assert sum(outcome.inserted for outcome in outcomes) == 5


async def test_every_kind_of_new_document_is_stamped(things: Collection) -> None:
    await things.insert(thing(1))
    await things.replace({"_id": "b"}, {"place": "p", "no": 2}, upsert=True)
    await things.update({"_id": "c"}, {"$set": {"no": 3}}, upsert=True)
    await things.update({"_id": "d"}, [{"$set": {"no": 4}}], upsert=True)
    await things.find_and_update(
        {"_id": "e"}, {"$inc": {"no": 5}, "$setOnInsert": {"x": 1}}, upsert=True
    )
    await things.bulk(
        [
            InsertOne({"_id": "f", "no": 6}),
            ReplaceOne({"_id": "g"}, {"no": 7}, upsert=True),
            UpdateOne({"_id": "h"}, {"$max": {"no": 8}}, upsert=True),
            UpdateOne({"_id": "i"}, [{"$set": {"no": 9}}], upsert=True),
        ]
    )

    assert await things.count({"schema_version": 3}) == 9
    assert (await things.find_one({"_id": "e"}) or {})["x"] == 1


async def test_a_change_of_an_old_document_leaves_its_version(db: Database) -> None:
    await db.collection("things", schema_version=1).insert({"_id": "old"})
    newer = db.collection("things", schema_version=2)

    await newer.update({"_id": "old"}, {"$set": {"a": 1}}, upsert=True)
    await newer.bulk([UpdateOne({"_id": "old"}, {"$set": {"b": 1}}, upsert=True)])

    assert await newer.find_one({"_id": "old"}) == {"_id": "old", "schema_version": 1} | {
        "a": 1,
        "b": 1,
    }


async def test_times_come_back_aware_and_bytes_as_bytes(things: Collection) -> None:
    at = datetime(2026, 3, 2, 1, 2, 3, 456_000, tzinfo=UTC)
    await things.insert({"_id": "a", "at": at, "event": b"\x00\xff"})

    stored = await things.find_one({"_id": "a"})

    assert stored is not None
    assert stored["at"] == at
    assert stored["at"].utcoffset() == timedelta(0)
    assert stored["event"] == b"\x00\xff"
    assert type(stored["event"]) is bytes


async def test_writes_tell_how_many_matched(things: Collection) -> None:
    await things.insert_many([thing(no) for no in range(4)])

    assert await things.update({"no": 1}, {"$set": {"seen": True}}) == 1
    assert await things.update({"no": 99}, {"$set": {"seen": True}}) == 0
    assert await things.update_many({"no": {"$gte": 2}}, {"$set": {"seen": True}}) == 2
    assert await things.replace({"no": 99}, {"no": 99}) == 0
    assert await things.delete({"no": 0}) == 1
    assert await things.delete_many({"seen": True}) == 3
    outcome = await things.bulk([InsertOne(thing(5)), DeleteOne({"no": 5})], ordered=True)
    assert (outcome.inserted, outcome.deleted) == (1, 1)


async def test_find_and_update_returns_before_or_after(things: Collection) -> None:
    await things.insert({"_id": "n", "n": 1})
    increment = {"$inc": {"n": 1}}

    assert (await things.find_and_update({"_id": "n"}, increment) or {})["n"] == 2
    assert (await things.find_and_update({"_id": "n"}, increment, after=False) or {})["n"] == 2
    assert await things.find_and_update({"_id": "nobody"}, increment) is None


async def test_reads_page_sort_and_project(things: Collection) -> None:
    await things.insert_many([thing(no) for no in range(1200)])

    page = await things.find_all(
        {}, projection={"no": 1, "_id": 0}, sort=[("no", -1)], skip=2, limit=3
    )
    streamed = [t["no"] async for t in things.find({}, sort=[("no", 1)], batch_size=100)]

    assert page == [{"no": 1197}, {"no": 1196}, {"no": 1195}]
    assert streamed == list(range(1200))
    assert await things.count({"place": "here"}, limit=10) == 10
    assert await things.estimated_count() == 1200
    assert await things.distinct("place") == ["here"]
    assert await things.aggregate([{"$group": {"_id": None, "most": {"$max": "$no"}}}]) == [
        {"_id": None, "most": 1199}
    ]


async def test_a_stream_of_results_left_early_is_closed(things: Collection) -> None:
    await things.insert_many([thing(no) for no in range(1200)])

    stream = things.find({}, batch_size=100)
    first = await anext(stream)
    await stream.aclose()

    assert first["place"] == "here"


async def test_bulk_names_the_first_duplicate_and_does_the_rest(things: Collection) -> None:
    await things.insert(thing(1))

    with pytest.raises(DuplicateKey) as failure:
        await things.bulk([InsertOne(thing(1)), InsertOne(thing(2))])

    assert failure.value.position == 0
    assert await things.count({}) == 2


async def test_indexes_are_made_as_described(db: Database) -> None:
    collection = db.collection("indexed", schema_version=1)
    wanted = [
        Index(keys=[("at", 1)], expire_after=timedelta(days=7)),
        Index(keys=[("who", 1)], unique=True, partial={"open": True}, name="open_once"),
    ]
    await collection.ensure_indexes(wanted)
    await collection.ensure_indexes(wanted)

    await collection.insert_many(
        [{"_id": "1", "who": "a", "open": False}, {"_id": "2", "who": "a", "open": True}]
    )
    with pytest.raises(DuplicateKey) as failure:
        await collection.insert({"_id": "3", "who": "a", "open": True})

    assert failure.value.index == "open_once"


async def test_a_collection_without_indexes_is_made_for_transactions(db: Database) -> None:
    collection = db.collection("bare", schema_version=1)

    await collection.ensure_indexes([])
    await collection.ensure_indexes([])

    assert "bare" in await db.collection_names()


async def test_processes_that_start_together_make_a_collection_without_indexes_once(db):
    for number in range(5):
        collection = db.collection(f"plain{number}", schema_version=1)
        await asyncio.gather(*(collection.ensure_indexes([]) for _ in range(8)))

    assert await db.collection_names() == [f"plain{number}" for number in range(5)]


async def test_changes_bring_inserts_in_order_and_go_on_after_a_token(db: Database) -> None:
    log, other = db.collection("log", schema_version=1), db.collection("other", schema_version=1)
    async with db.changes(["log"], after=None) as stream:
        await log.insert_many(
            [{"_id": str(no), "at": datetime(2026, 3, 2, tzinfo=UTC)} for no in range(5)]
        )
        await other.insert({"_id": "unwanted"})
        await log.update({"_id": "0"}, {"$set": {"a": 1}})
        batch = await stream.next()
        while not batch.inserts:
            batch = await stream.next()

    await log.insert({"_id": "5"})
    async with db.changes(["log"], after=batch.token) as stream:
        rest = await stream.next()

    assert [(name, d["_id"]) for name, d in batch.inserts] == [("log", str(n)) for n in range(5)]
    assert batch.inserts[0][1]["at"] == MONDAY
    assert [d["_id"] for _, d in rest.inserts] == ["5"]


async def test_changes_tell_when_more_is_waiting(db: Database) -> None:
    log = db.collection("log", schema_version=1)
    async with db.changes(["log"], after=None, batch_size=10) as stream:
        await log.insert_many([{"_id": str(no)} for no in range(15)])
        first, second = await stream.next(), await stream.next()

    assert (len(first.inserts), first.full) == (10, True)
    assert (len(second.inserts), second.full) == (5, False)


async def test_quiet_changes_are_an_empty_batch_with_a_newer_token(db: Database) -> None:
    await db.collection("log", schema_version=1).ensure_indexes([])
    async with db.changes(["log"], after=None, wait=timedelta(milliseconds=50)) as stream:
        batch = await stream.next()

    assert batch.inserts == []
    assert batch.token


@pytest.mark.parametrize("token", [{"_data": "ff"}, {"_data": "zz"}, {"x": 1}])
async def test_a_token_that_leads_nowhere_is_lost_history(
    db: Database, token: dict[str, Any]
) -> None:
    with pytest.raises(HistoryLost):
        async with db.changes(["log"], after=token) as stream:
            await stream.next()


async def drained(stream: Changes) -> None:
    for _ in range(10):
        await stream.next()


async def test_a_dropped_database_is_lost_history(db: Database) -> None:
    log = db.collection("log", schema_version=1)
    await log.insert({"_id": "1"})
    async with db.changes(["log"], after=None) as stream:
        await db.drop()
        with pytest.raises(HistoryLost):
            await drained(stream)


def test_zlib_is_never_offered() -> None:
    assert _without_zlib("mongodb://a:1,b:2/?compressors=zlib&replicaSet=rs0") == (
        "mongodb://a:1,b:2/?replicaSet=rs0"
    )
    assert _without_zlib("mongodb://u:p%40@a/?compressors=zstd,ZLIB") == (
        "mongodb://u:p%40@a/?compressors=zstd"
    )
    assert _without_zlib("mongodb://u:p%40@a/?w=1") == "mongodb://u:p%40@a/?w=1"


async def test_the_test_server_passes_the_readiness_check(db: Database) -> None:
    await db.ping()
    await db.check_parameters()


@pytest.fixture(scope="module")
def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NativeMongo]:
    """A server that a test may change, freeze and stop."""
    folder = tmp_path_factory.mktemp("mongo")
    with mongo(folder / "data", log=folder / "mongod.log") as server:
        yield server


@pytest.fixture
async def own_db(own_mongo: NativeMongo) -> AsyncIterator[Database]:
    section = MongoSection(url=own_mongo.url, database="own", timeout_ms=500)
    async with connect(section) as database:
        yield database


async def test_readiness_refuses_long_lived_transactions(
    own_mongo: NativeMongo, own_db: Database
) -> None:
    with pymongo.MongoClient[dict[str, Any]](own_mongo.url) as client:
        client.admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 60})
        try:
            with pytest.raises(WrongServerParameter, match="=3"):
                await own_db.check_parameters()
        finally:
            client.admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 3})


async def test_a_server_that_is_no_primary_is_a_dependency_that_is_down(
    own_mongo: NativeMongo, own_db: Database
) -> None:
    collection = own_db.collection("things", schema_version=1)
    await collection.insert({"_id": "before"})
    with pymongo.MongoClient[dict[str, Any]](own_mongo.url) as client:
        client.admin.command({"replSetStepDown": 3, "force": True})

    with pytest.raises(DependencyDown) as failure:
        await collection.insert_many([{"_id": "during"}])
    assert failure.value.__cause__ is not None

    async def primary_again() -> bool:
        await collection.insert({"_id": "after"})
        return True

    await eventually(primary_again, within=30)


async def test_a_server_that_hangs_is_a_dependency_that_is_down(
    own_mongo: NativeMongo, own_db: Database
) -> None:
    collection = own_db.collection("things", schema_version=1)
    await collection.find_one({})
    with pymongo.MongoClient[dict[str, Any]](own_mongo.url) as client:
        pid = client.admin.command("serverStatus")["pid"]
    freeze(pid)
    try:
        async with asyncio.timeout(60):
            with pytest.raises(DependencyDown):
                await collection.find_one({})
            with pytest.raises(DependencyDown):
                await collection.insert_many([{"_id": "unknown"}])
            with pytest.raises(DependencyDown):
                await own_db.transact(
                    lambda tx: collection.insert({"_id": "t"}, tx=tx), within=timedelta(seconds=1)
                )
    finally:
        os.kill(pid, signal.SIGCONT)

    async def answers() -> bool:
        await collection.find_one({})
        return True

    await eventually(answers, within=60)


async def test_processes_that_create_a_collection_at_the_same_moment_all_have_it(
    db: Database,
) -> None:
    for number in range(5):
        collection = db.collection(f"fresh_{number}", schema_version=1)
        await asyncio.gather(*(collection.ensure_indexes([]) for _ in range(8)))


async def test_a_projection_keeps_the_newest_and_takes_an_equal_version_again(
    db: Database,
) -> None:
    collection = db.collection("people", schema_version=2)

    async def put(version: int, name: str) -> str:
        await collection.bulk([unless_newer({"_id": "p", "version": version, "name": name})])
        found = await collection.find_one({"_id": "p"})
        assert found is not None
        assert found["schema_version"] == 2
        return str(found["name"])

    assert await put(2, "first") == "first"
    assert await put(1, "older") == "first"
    assert await put(2, "again") == "again"
    assert await put(3, "newer") == "newer"


async def test_a_server_that_is_not_there_is_a_dependency_that_is_down() -> None:
    section = MongoSection(
        url="mongodb://127.0.0.1:1/?directConnection=true", database="none", timeout_ms=200
    )
    async with connect(section) as database:
        collection = database.collection("things", schema_version=1)
        attempts: list[Callable[[], Awaitable[object]]] = [
            database.ping,
            lambda: collection.insert({"_id": "1"}),
            lambda: collection.insert_many([{"_id": "1"}]),
            lambda: collection.find_all({}),
            lambda: anext(collection.find({})),
            lambda: collection.update({}, {"$set": {"a": 1}}),
            lambda: collection.bulk([InsertOne({"_id": "1"})]),
            lambda: collection.ensure_indexes([Index(keys=[("a", 1)])]),
            lambda: database.transact(
                lambda tx: collection.insert({"_id": "1"}, tx=tx), within=timedelta(seconds=1)
            ),
        ]
        for attempt in attempts:
            with pytest.raises(DependencyDown):
                await attempt()
