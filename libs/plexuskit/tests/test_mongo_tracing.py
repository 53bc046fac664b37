from collections.abc import AsyncIterator

import pytest
from opentelemetry.trace import SpanKind, StatusCode
from plexus_local.servers.mongo import drop_database
from plexus_testkit.spans import RecordedSpans, attributes_of, ids, parent_id
from plexuskit import telemetry
from plexuskit.config import MongoSection
from plexuskit.mongo import Database, Transaction, connect, tracing
from pymongo.errors import OperationFailure

WORDS = "what a person wrote"


@pytest.fixture
async def traced(
    recorded_spans: RecordedSpans,  # noqa: ARG001 - before the client
    mongo_url: str,
    unique_name: str,
) -> AsyncIterator[Database]:
    try:
        async with connect(MongoSection(url=mongo_url, database=unique_name)) as database:
            yield database
    finally:
        drop_database(mongo_url, unique_name)


async def test_each_command_inside_of_a_span_has_its_own(
    traced: Database, recorded_spans: RecordedSpans
) -> None:
    notes = traced.collection("notes", schema_version=1)
    await notes.insert({"_id": "0", "text": WORDS})

    with telemetry.span("work"):
        await notes.insert_many([{"_id": str(n), "text": WORDS} for n in range(1, 4)])
        await notes.find_one({"text": WORDS})

    work, inserted, found = (
        recorded_spans.one(name) for name in ("work", "insert notes", "find notes")
    )
    assert len(recorded_spans.all()) == 3  # and none of the first insert, outside of a span
    assert inserted.kind is found.kind is SpanKind.CLIENT
    assert parent_id(inserted) == parent_id(found) == ids(work)[1]
    told = attributes_of(inserted)
    assert told.pop("server.address")
    told.pop("server.port", None)
    assert told == {
        "db.system.name": "mongodb",
        "db.namespace": traced.name,
        "db.collection.name": "notes",
        "db.operation.name": "insert",
        "db.operation.batch.size": 3,
    }
    assert "db.operation.batch.size" not in attributes_of(found)
    assert WORDS not in recorded_spans.text()


async def test_a_transaction_shows_its_commands_and_its_commit(
    traced: Database, recorded_spans: RecordedSpans
) -> None:
    notes = traced.collection("notes", schema_version=1)
    await notes.insert({"_id": "0"})

    async def work(tx: Transaction) -> None:
        await notes.update({"_id": "0"}, {"$set": {"text": WORDS}}, tx=tx)

    with telemetry.span("work"):
        await traced.transact(work)

    work_id = ids(recorded_spans.one("work"))[1]
    for name in ("update notes", "commitTransaction admin"):
        assert parent_id(recorded_spans.one(name)) == work_id
    assert "db.collection.name" not in attributes_of(recorded_spans.one("commitTransaction admin"))
    assert WORDS not in recorded_spans.text()


async def test_a_command_that_fails_has_the_code_of_the_server_and_no_words(
    traced: Database, recorded_spans: RecordedSpans
) -> None:
    notes = traced.collection("notes", schema_version=1)

    with telemetry.span("work"), pytest.raises(OperationFailure):
        await notes.find_one({"$where_the_words_are": WORDS})

    failed = recorded_spans.one("find notes")
    assert failed.status.status_code is StatusCode.ERROR
    assert attributes_of(failed)["error.type"] == "2"  # BadValue
    assert attributes_of(failed)["db.response.status_code"] == "2"
    assert "words" not in recorded_spans.text()


def test_the_driver_tells_nothing_while_nothing_is_recorded() -> None:
    assert tracing.listeners() == []
