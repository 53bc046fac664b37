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
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    task = await add_task(due=DueAt(now + HOUR))

    async def move(state: State) -> None:
        await operations.move_task(
            store,
            actor=ann,
            task_id=task.id,
            expected_version=0,
            state=state,
            column_id="",
            after_task_id="",
            request=None,
            now=now,
        )

    await move(State.CANCELLED)
    assert await operations.announce_overdue(store, limit=10, now=now + HOUR) == 0
    await move(State.TODO)
    assert await operations.announce_overdue(store, limit=10, now=now + HOUR) == 1
    assert (await facts(task.id))[-1].type == "plexus.tasks.v1.TaskOverdue"


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
