"""Migrations on a real mongod: resumable, repeatable, beside a running service."""

import asyncio
from typing import Any

import pytest
from plexuskit.mongo import Collection, Database, Document
from plexuskit.mongo.migrate import (
    BATCH,
    SCANNED,
    InvalidMigrations,
    Migration,
    migrate,
    schema_versions,
)


def to_second(document: Document) -> Document:
    first, _, last = document.pop("name").partition(" ")
    return {**document, "first": first, "last": last}


def to_third(document: Document) -> Document:
    return {**document, "full": f"{document['first']} {document['last']}"}


SECOND = Migration("people", 1, 2, to_second)
THIRD = Migration("people", 2, 3, to_third)


@pytest.fixture
async def people(db: Database) -> Collection:
    collection = db.collection("people", schema_version=1)
    await collection.ensure_indexes([])
    return collection


def person(no: int) -> dict[str, Any]:
    return {"_id": f"person_{no:05}", "name": f"Ada {no}"}


async def test_documents_go_through_all_steps_in_order(db: Database, people: Collection) -> None:
    await people.insert_many([person(no) for no in range(BATCH * 2 + 50)])

    outcomes = await migrate(db, [THIRD, SECOND], False)

    assert [(o.from_version, o.to_version, o.migrated) for o in outcomes] == [
        (1, 2, 450),
        (2, 3, 450),
    ]
    assert await schema_versions(db) == {"people": {3: 450}}
    assert await people.find_one({"_id": "person_00007"}) == {
        "_id": "person_00007",
        "first": "Ada",
        "last": "7",
        "full": "Ada 7",
        "schema_version": 3,
    }


async def test_a_second_run_changes_nothing(db: Database, people: Collection) -> None:
    await people.insert_many([person(no) for no in range(10)])
    await migrate(db, [SECOND], False)
    before = await people.find_all({}, sort=[("_id", 1)])

    [outcome] = await migrate(db, [SECOND], False)

    assert outcome.migrated == 0
    assert await people.find_all({}, sort=[("_id", 1)]) == before


async def test_a_dry_run_tells_and_writes_nothing(db: Database, people: Collection) -> None:
    await people.insert_many([person(no) for no in range(BATCH + 5)])
    await people.insert({"_id": "person_odd", "nam": "?"})

    [outcome] = await migrate(db, [SECOND], True)

    assert outcome.dry_run
    assert (outcome.migrated, outcome.failed) == (BATCH + 5, 1)
    assert await schema_versions(db) == {"people": {1: BATCH + 6}}


async def test_an_interrupted_run_goes_on_where_it_was(db: Database, people: Collection) -> None:
    await people.insert_many([person(no) for no in range(BATCH * 4)])
    seen = 0
    interrupted = asyncio.Event()

    def slow(document: Document) -> Document:
        nonlocal seen
        seen += 1
        if seen == BATCH * 2 + 50:
            interrupted.set()
        return to_second(document)

    run = asyncio.create_task(migrate(db, [Migration("people", 1, 2, slow)], False))
    await interrupted.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    halfway = (await schema_versions(db))["people"]
    assert 0 < halfway[1] < BATCH * 4

    [outcome] = await migrate(db, [SECOND], False)

    assert outcome.migrated == halfway[1]
    assert await schema_versions(db) == {"people": {2: BATCH * 4}}
    assert await people.count({"first": "Ada"}) == BATCH * 4


async def test_a_document_that_cannot_be_changed_is_named_and_keeps_no_other_back(
    db: Database, people: Collection
) -> None:
    await people.insert_many([person(no) for no in range(BATCH + 20)])
    await people.update({"_id": "person_00003"}, {"$unset": {"name": ""}})

    [outcome] = await migrate(db, [SECOND], False)

    assert (outcome.migrated, outcome.failed) == (BATCH + 19, 1)
    assert outcome.failures[0].document_id == "person_00003"
    assert "KeyError" in outcome.failures[0].problem
    assert await schema_versions(db) == {"people": {1: 1, 2: BATCH + 19}}


async def test_versions_that_nobody_knows_are_reported(db: Database, people: Collection) -> None:
    await people.insert(person(1))
    bogus = db.collection("people", schema_version=-7)
    await bogus.insert(person(2))
    await db.collection("people", schema_version=99).insert(person(3))

    outcomes = await migrate(db, [SECOND, THIRD], False)

    assert [dict(outcome.stranded) for outcome in outcomes] == [{-7: 1, 99: 1}] * 2
    assert await schema_versions(db) == {"people": {-7: 1, 3: 1, 99: 1}}


async def test_documents_from_before_versions_are_version_zero(
    db: Database, people: Collection
) -> None:
    await people.insert(person(1))
    await people.update({}, {"$unset": {"schema_version": ""}})
    assert await schema_versions(db) == {"people": {0: 1}}

    await migrate(db, [Migration("people", 0, 1, lambda document: document)], False)

    assert await schema_versions(db) == {"people": {1: 1}}


async def test_a_change_by_the_service_in_between_is_kept(db: Database, people: Collection) -> None:
    await people.insert_many([person(no) for no in range(20)])
    loop = asyncio.get_running_loop()
    renamed: list[asyncio.Task[int]] = []

    def meddled(document: Document) -> Document:
        # The service renames a person after the tool has read and before it writes.
        if document["_id"] == "person_00005" and not renamed:
            renaming = people.update({"_id": "person_00005"}, {"$set": {"name": "Grace 5"}})
            renamed.append(loop.create_task(renaming))
        return to_second(document)

    await migrate(db, [Migration("people", 1, 2, meddled)], False)
    await asyncio.gather(*renamed)

    found = await people.find_one({"_id": "person_00005"})
    assert found is not None
    # The tool came first and the name is in the old field, or it came second and split it.
    assert "Grace" in {found.get("name", "").partition(" ")[0], found["first"]}


async def test_a_change_must_not_alter_the_id(db: Database, people: Collection) -> None:
    await people.insert(person(1))
    step = Migration("people", 1, 2, lambda document: {**document, "_id": "stolen"})

    [outcome] = await migrate(db, [step], False)

    assert outcome.failed == 1
    assert await people.count({"_id": "person_00001"}) == 1


@pytest.mark.parametrize(
    "steps",
    [
        [Migration("people", 2, 1, to_second)],
        [Migration("people", 1, 1, to_second)],
        [Migration("people", 1, 2, to_second), Migration("people", 1, 3, to_third)],
    ],
)
async def test_steps_that_make_no_path_are_refused(db: Database, steps: list[Migration]) -> None:
    with pytest.raises(InvalidMigrations):
        await migrate(db, steps, False)


async def test_a_run_that_goes_on_reads_a_bounded_number_of_documents_at_a_time(
    db: Database,
) -> None:
    done = db.collection("people", schema_version=2)
    await done.insert_many([{"_id": f"person_{no:05}", "first": "Ada"} for no in range(5_000)])
    waiting = db.collection("people", schema_version=1)
    await waiting.insert_many([person(no) for no in range(5_000, 5_010)])
    await db._database.command({"profile": 2})  # each query with the documents that it read

    [outcome] = await migrate(db, [SECOND], False)

    await db._database.command({"profile": 0})
    profile = db.collection("system.profile", schema_version=0)
    finds = await profile.find_all({"op": "query", "command.find": "people"})
    inside = [each for each in finds if "txnNumber" in each["command"]]
    assert outcome.migrated == 10
    assert max(each["docsExamined"] for each in finds) <= SCANNED
    assert [each["docsExamined"] for each in inside] == [10]
