import asyncio
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from plexus.tasks.v1 import events_pb2
from plexuskit.mongo import Database
from tasks import operations, queries
from tasks.domain.dues import DueAt, DueOn
from tasks.domain.identity import SYSTEM, Actor
from tasks.domain.people import Person
from tasks.domain.states import State
from tasks.domain.steps import Edit
from tasks.events import task_message
from tasks.store import Store

AddTask = Callable[..., Any]
HOUR = timedelta(hours=1)


async def test_tsk_03_ten_schedulers_announce_each_due_value_once(
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    late = [await add_task(f"late {number}", due=DueAt(now)) for number in range(6)]
    soon = await add_task("soon", due=DueAt(now + HOUR))

    await asyncio.gather(*(operations.announce_overdue(store, limit=4, now=now) for _ in range(10)))
    await operations.announce_overdue(store, limit=100, now=now)
    await operations.announce_overdue(store, limit=100, now=now)

    for task in late:
        created, overdue = await facts(task.id)
        assert created.change_no == 1
        assert (overdue.type, overdue.change_no, overdue.actor_id) == (
            "plexus.tasks.v1.TaskOverdue",
            2,
            SYSTEM,
        )
        current = await queries.get_task(store, actor=ann, task_id=task.id)
        assert events_pb2.TaskOverdue.FromString(overdue.fact).task == task_message(current)
    assert len(await facts(soon.id)) == 1
    assert await operations.announce_overdue(store, limit=100, now=now) == 0


async def test_tsk_03_another_due_value_is_announced_again(
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    task = await add_task(due=DueAt(now))
    await operations.announce_overdue(store, limit=10, now=now)
    await operations.update_task(
        store,
        actor=ann,
        task_id=task.id,
        expected_version=2,
        edit=Edit(due=DueAt(now + HOUR)),
        request=None,
        now=now,
    )

    await operations.announce_overdue(store, limit=10, now=now)
    await operations.announce_overdue(store, limit=10, now=now + HOUR)

    kinds = [event.type.rpartition(".")[2] for event in await facts(task.id)]
    assert kinds == ["TaskCreated", "TaskOverdue", "TaskChanged", "TaskOverdue"]


async def test_tsk_03_a_closed_task_is_not_announced_and_a_reopened_one_is(
    store: Store,
    add_task: AddTask,
    move: Callable[..., Any],
    now: datetime,
    facts: Callable[..., Any],
) -> None:
    task = await add_task(due=DueAt(now + HOUR))
    await move(task, state=State.CANCELLED)
    assert await operations.announce_overdue(store, limit=10, now=now + HOUR) == 0
    await move(task, state=State.TODO)
    assert await operations.announce_overdue(store, limit=10, now=now + HOUR) == 1
    assert (await facts(task.id))[-1].type == "plexus.tasks.v1.TaskOverdue"


def living(name: str, zone: str, *, version: int = 1) -> Person:
    return Person(id=f"per_{name}", tenant_id="ten_a", time_zone=zone, version=version)


async def test_tsk_03_a_day_ends_when_it_has_ended_for_every_assignee(
    store: Store, add_task: AddTask, facts: Callable[..., Any]
) -> None:
    await operations.note_people(
        store,
        people=[living("bo", "America/New_York"), living("cy", "Europe/Berlin")],
    )
    day = {"due": DueOn(date(2036, 3, 2))}
    both = await add_task(assignee_ids=("per_bo", "per_cy"), **day)
    one = await add_task(assignee_ids=("per_cy",), **day)
    own = await add_task(owner_id="per_bo", **day)
    shanghai = await add_task(**day)

    async def overdue_at(text: str) -> list[bool]:
        await operations.announce_overdue(store, limit=10, now=datetime.fromisoformat(text))
        return [len(await facts(task.id)) > 1 for task in (shanghai, one, both, own)]

    assert await overdue_at("2036-03-02T16:00:00Z") == [True, False, False, False]
    assert await overdue_at("2036-03-02T23:00:00Z") == [True, True, False, False]
    assert await overdue_at("2036-03-03T04:59:59Z") == [True, True, False, False]
    assert await overdue_at("2036-03-03T05:00:00Z") == [True, True, True, True]


async def test_tsk_03_who_moves_takes_the_end_of_the_day_along(
    store: Store, add_task: AddTask, facts: Callable[..., Any]
) -> None:
    await operations.note_people(store, people=[living("bo", "America/New_York")])
    task = await add_task(assignee_ids=("per_bo",), due=DueOn(date(2036, 3, 2)))
    await operations.note_people(store, people=[living("bo", "Pacific/Auckland", version=3)])
    await operations.note_people(store, people=[living("bo", "America/New_York", version=2)])
    noon = datetime.fromisoformat("2036-03-02T11:00:00Z")
    await operations.announce_overdue(store, limit=10, now=noon - timedelta(seconds=1))
    assert len(await facts(task.id)) == 1
    await operations.announce_overdue(store, limit=10, now=noon)
    assert len(await facts(task.id)) == 2


async def test_tsk_03_a_day_ends_in_the_zone_that_is_set_now(
    db: Database, store: Store, add_task: AddTask, facts: Callable[..., Any]
) -> None:
    task = await add_task(due=DueOn(date(2036, 3, 2)))
    midnight_in_shanghai = datetime.fromisoformat("2036-03-02T16:00:00Z")
    elsewhere = Store(db, zone=ZoneInfo("America/New_York"))

    early = midnight_in_shanghai - timedelta(milliseconds=1)
    assert await operations.announce_overdue(store, limit=10, now=early) == 0
    # The index still has Shanghai's midnight; New York's is thirteen hours later.
    for _ in range(2):
        await operations.announce_overdue(elsewhere, limit=10, now=midnight_in_shanghai)
    assert len(await facts(task.id)) == 1
    assert await operations.announce_overdue(elsewhere, limit=10, now=midnight_in_shanghai) == 0
    await operations.announce_overdue(elsewhere, limit=10, now=midnight_in_shanghai + 13 * HOUR)
    assert len(await facts(task.id)) == 2
