"""The relay of the outbox: its facts are published, marked, replayed and swept up."""

from datetime import UTC, datetime, timedelta

import pytest
from plexus.tasks.v1.events_pb2 import TaskCreated
from plexus.topics import TASKS_TASK_V1
from plexus_testkit.wait import eventually
from plexuskit.mongo import Collection, Database, Transaction
from plexuskit.outbox import Fact, Outbox, envelope
from plexuskit.relay import OUTBOX, read_new_facts, reading
from plexuskit.relay.sweep import SWEPT

from .relay_support import Arrived, Relaying, leads, skip_stream


@pytest.fixture
async def outbox(db: Database) -> Outbox:
    outbox = Outbox(db)
    await outbox.ensure_indexes()
    return outbox


def task_fact(task: str, change_no: int) -> Fact:
    created = TaskCreated()
    created.task.id = task
    event = envelope(
        fact=created,
        tenant_id="tnt_1",
        scope=task,
        change_no=change_no,
        entity_id=task,
        entity_version=change_no,
        actor_id="prs_1",
        now=datetime.now(UTC).replace(microsecond=0),
    )
    return Fact(topic=TASKS_TASK_V1.name, key=task, event=event)


async def add(db: Database, outbox: Outbox, facts: list[Fact]) -> None:
    async def work(tx: Transaction) -> None:
        await outbox.add(*facts, tx=tx)

    await db.transact(work)


async def test_msg_04_facts_of_the_outbox_are_published_and_marked(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    stored = db.collection("outbox", schema_version=1)
    first = task_fact("tsk_1", 1)
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [first, task_fact("tsk_2", 1)])
        await add(db, outbox, [task_fact("tsk_1", 2), task_fact("tsk_1", 3)])
        await eventually(lambda: arrived.numbers() == {"tsk_1": [1, 2, 3], "tsk_2": [1]})
        await eventually(lambda: nothing_unpublished(stored))

    [record] = [r for r in arrived.records if r.key == "tsk_1" and r.envelope.change_no == 1]
    assert record.topic == "tasks.task.v1"
    assert record.envelope == first.event
    assert record.headers == {"type": b"plexus.tasks.v1.TaskCreated"}
    published = await stored.find_one({"_id": first.event.event_id})
    assert published is not None
    assert abs(published["published_at"] - datetime.now(UTC)) < timedelta(seconds=30)


async def nothing_unpublished(stored: Collection) -> bool:
    return await stored.count({"published_at": None}) == 0


async def test_outbox_facts_without_dense_numbers_are_all_published_by_number(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    await add(db, outbox, [task_fact("tsk_1", n) for n in (9, 2, 5)])

    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: arrived.numbers() == {"tsk_1": [2, 5, 9]})
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [task_fact("tsk_1", n) for n in (12, 12, 20)])
        await eventually(lambda: arrived.numbers() == {"tsk_1": [2, 5, 9, 12, 12, 20]})


async def test_a_lost_history_of_the_outbox_is_replayed_by_marks(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    stored = db.collection("outbox", schema_version=1)
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [task_fact("tsk_1", n) for n in range(1, 11)])
        await eventually(lambda: nothing_unpublished(stored))
    leases = db.collection("relay_leases", schema_version=1)
    await leases.update({"_id": "outbox"}, {"$set": {"token": {"_data": "ff"}}})
    for block in range(12):
        numbers = range(11 + block * 100, 111 + block * 100)
        await add(db, outbox, [task_fact("tsk_1", n) for n in numbers])

    swept = SWEPT._value.get()
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: len(arrived.records) >= 1210)
        await eventually(lambda: nothing_unpublished(stored))

    assert arrived.numbers() == {"tsk_1": list(range(1, 1211))}
    assert SWEPT._value.get() == swept


async def test_the_sweep_publishes_what_the_stream_missed_of_the_outbox(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
    await add(db, outbox, [task_fact("tsk_1", n) for n in (2, 1)])
    await skip_stream(db, "outbox")

    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: arrived.numbers() == {"tsk_1": [1, 2]}, within=30)


async def test_msg_04_who_was_complete_at_an_instant_gets_what_was_published_since_and_waits(
    db: Database, outbox: Outbox
) -> None:
    stored, now = db.collection("outbox", schema_version=1), datetime.now(UTC)
    await add(db, outbox, [task_fact(f"tsk_{number}", 1) for number in range(4)])
    for number, age in enumerate((60, 10)):
        at = now - timedelta(minutes=age)
        await stored.update({"scope": f"tsk_{number}"}, {"$set": {"published_at": at}})

    async def new(since: datetime, *topics: str) -> list[str]:
        pages = read_new_facts(db, OUTBOX, topics=topics, since=since)
        return sorted([fact.scope async for page in pages for fact in page])

    half_an_hour = now - timedelta(minutes=30)
    assert await new(half_an_hour, TASKS_TASK_V1.name) == ["tsk_1", "tsk_2", "tsk_3"]
    assert await new(now, TASKS_TASK_V1.name) == ["tsk_2", "tsk_3"]
    assert await new(half_an_hour, "tasks.project.v1") == []


async def test_new_facts_come_in_pages_bounded_by_bytes(
    db: Database, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_PAGE_BYTES", 1)
    await add(db, outbox, [task_fact(f"tsk_{number}", 1) for number in range(3)])
    pages = read_new_facts(db, OUTBOX, topics=[TASKS_TASK_V1.name], since=datetime.now(UTC))
    assert [len(page) async for page in pages] == [1, 1, 1]
