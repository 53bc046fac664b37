"""The outbox on a real mongod: facts are stored with the state, complete, or not at all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1.events_pb2 import TaskCreated
from plexus_testkit import FrozenClock
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.mongo import Collection, Database, Transaction
from plexuskit.outbox import Fact, Outbox, envelope


@pytest.fixture
async def outbox(db: Database) -> Outbox:
    outbox = Outbox(db)
    await outbox.ensure_indexes()
    return outbox


@pytest.fixture
def stored(db: Database) -> Collection:
    return db.collection("outbox", schema_version=1)


def fact(change_no: int, *, now: datetime, size: int = 10, **rest: Any) -> Fact:
    created = TaskCreated()
    created.task.title = "x" * size
    event = envelope(
        fact=created,
        tenant_id="tnt_1",
        scope="tsk_1",
        change_no=change_no,
        entity_id="tsk_1",
        entity_version=change_no,
        actor_id="prs_1",
        now=now,
        **rest,
    )
    return Fact(topic="tasks.task.v1", key="tsk_1", event=event)


def test_msg_04_an_envelope_carries_everything_a_consumer_needs(clock: FrozenClock) -> None:
    event = fact(3, now=clock.now(), origin="import", content_hash=b"h").event

    assert event.event_id.startswith("evt_")
    assert (event.tenant_id, event.scope, event.change_no) == ("tnt_1", "tsk_1", 3)
    assert (event.entity_id, event.entity_version, event.actor_id) == ("tsk_1", 3, "prs_1")
    assert event.type == "plexus.tasks.v1.TaskCreated"
    assert event.schema_version == 1
    assert event.occurred_at.ToDatetime(tzinfo=UTC) == clock.now()
    assert TaskCreated.FromString(event.fact).task.title == "x" * 10
    assert (event.origin, event.content_hash) == ("import", b"h")


def test_an_envelope_takes_an_id_made_before(clock: FrozenClock) -> None:
    assert fact(1, now=clock.now(), event_id="evt_mine").event.event_id == "evt_mine"


async def test_msg_04_facts_are_stored_with_the_state(
    db: Database, outbox: Outbox, stored: Collection, clock: FrozenClock
) -> None:
    tasks = db.collection("tasks", schema_version=1)
    await tasks.ensure_indexes([])
    first, second = fact(1, now=clock.now()), fact(2, now=clock.now())

    async def work(tx: Transaction) -> None:
        await tasks.insert({"_id": "tsk_1"}, tx=tx)
        await outbox.add(first, second, tx=tx)

    await db.transact(work)

    documents = await stored.find_all({}, sort=[("number", 1)])
    assert documents[0] == {
        "_id": first.event.event_id,
        "topic": "tasks.task.v1",
        "key": "tsk_1",
        "scope": "tsk_1",
        "number": 1,
        "type": "plexus.tasks.v1.TaskCreated",
        "event": first.event.SerializeToString(),
        "traceparent": "",
        "stored_at": clock.now(),
        "schema_version": 1,
    }
    assert Envelope.FromString(documents[1]["event"]) == second.event


async def test_msg_04_no_fact_without_its_state(
    db: Database, outbox: Outbox, stored: Collection, clock: FrozenClock
) -> None:
    async def work(tx: Transaction) -> None:
        await outbox.add(fact(1, now=clock.now()), tx=tx)
        raise VersionConflict(expected_version=1, current_version=2)

    with pytest.raises(VersionConflict):
        await db.transact(work)

    assert await stored.count({}) == 0


async def test_no_facts_are_no_write(db: Database, outbox: Outbox, stored: Collection) -> None:
    async def work(tx: Transaction) -> None:
        await outbox.add(tx=tx)

    await db.transact(work)

    assert await stored.count({}) == 0


async def test_a_fact_remembers_the_trace_of_its_command(
    db: Database, outbox: Outbox, stored: Collection, clock: FrozenClock
) -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    async def work(tx: Transaction) -> None:
        await outbox.add(fact(1, now=clock.now()), tx=tx)

    with tracer.start_as_current_span("command") as span:
        await db.transact(work)

    [document] = await stored.find_all({})
    assert trace.format_trace_id(span.get_span_context().trace_id) in document["traceparent"]


@pytest.mark.parametrize("missing", ["event_id", "tenant_id", "scope", "change_no", "type"])
async def test_an_incomplete_fact_is_refused(
    db: Database, outbox: Outbox, clock: FrozenClock, missing: str
) -> None:
    incomplete = fact(1, now=clock.now())
    incomplete.event.ClearField(missing)  # type: ignore[arg-type]

    with pytest.raises(InvalidArgument) as refusal:
        await db.transact(lambda tx: outbox.add(incomplete, tx=tx))

    assert refusal.value.metadata["field"] == f"event.{missing}"


async def test_a_fact_that_no_record_can_hold_is_refused_at_once(
    db: Database, outbox: Outbox, clock: FrozenClock
) -> None:
    huge = fact(1, now=clock.now(), size=1_000_000)

    with pytest.raises(InvalidArgument, match="bytes"):
        await db.transact(lambda tx: outbox.add(huge, tx=tx))


async def test_what_is_unpublished_is_found_by_its_own_index_in_order(
    db: Database, outbox: Outbox, clock: FrozenClock
) -> None:
    await db.transact(lambda tx: outbox.add(fact(1, now=clock.now()), tx=tx))

    plan = await db._database.command(
        {
            "explain": {
                "find": "outbox",
                "filter": {"published_at": None},
                "sort": {"scope": 1, "number": 1, "_id": 1},
            },
            "verbosity": "queryPlanner",
        }
    )

    assert "unpublished" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT" not in str(plan["queryPlanner"]["winningPlan"])


async def test_published_facts_expire_after_seven_days(db: Database, outbox: Outbox) -> None:
    await outbox.ensure_indexes()

    indexes = await db._database["outbox"].index_information()

    assert indexes["expiry"]["expireAfterSeconds"] == timedelta(days=7).total_seconds()
    assert indexes["expiry"]["key"] == [("published_at", 1)]
