import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from notify.consumers import Handlers
from notify.domain.outcomes import Reason, State
from notify.kinds import task_assigned, task_due
from notify.operations.tasks import Pace, remind
from notify.store import Store
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus_testkit.clock import FrozenClock

pytestmark = pytest.mark.usefixtures("known")

Ledger = Callable[..., Any]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def test_an_assignment_is_told_to_those_who_did_not_make_it(
    handlers: Handlers, facts: Any, ledger: Ledger, outbox: Any
) -> None:
    record = facts.task_created(facts.task(assignee_ids=["per_ann", "per_bo"]))
    await handlers.tasks([record, record])
    await handlers.tasks([record])

    ann, bo = await ledger()
    assert ann.in_app.reason is ann.email.reason is Reason.SENDER
    assert (bo.kind, bo.title) == (task_assigned.KIND, "Ann 把任务 T-1 指派给你")
    assert (bo.body, bo.email.reason) == ("订三楼的办公桌", Reason.QUEUED)
    assert len(await outbox()) == 1


async def test_only_added_assignees_hear_of_a_change_and_each_time_they_are_added(
    handlers: Handlers, facts: Any, ledger: Ledger
) -> None:
    await handlers.tasks(
        [
            facts.task_created(facts.task(assignee_ids=["per_bo"])),
            facts.task_changed(facts.task(assignee_ids=["per_bo", "per_cy"], version=2), "cy"),
            facts.task_changed(facts.task(assignee_ids=["per_cy"], version=3)),
            facts.task_changed(facts.task(assignee_ids=["per_bo"], version=4), "bo"),
        ]
    )
    assert [each.person_id for each in await ledger()] == ["per_bo", "per_cy", "per_bo"]


async def test_ntf_10_a_due_value_is_reminded_of_once_a_day_before(
    handlers: Handlers, facts: Any, store: Store, pace: Pace, clock: FrozenClock, ledger: Ledger
) -> None:
    due = facts.due(clock.now() + 30 * HOUR)
    await handlers.tasks([facts.task_created(facts.task(owner_id="per_bo", due=due))])
    assert await remind(store, limit=10, pace=pace, now=clock.now()) == 0

    clock.advance(6 * HOUR)
    await asyncio.gather(*(remind(store, limit=10, pace=pace, now=clock.now()) for _ in range(5)))
    await handlers.tasks([facts.task_changed(facts.task(owner_id="per_bo", due=due, version=2))])
    await remind(store, limit=10, pace=pace, now=clock.now())

    (told,) = await ledger()
    assert (told.person_id, told.kind) == ("per_bo", task_due.KIND)
    assert told.title == "任务 T-1 将于 2036-03-04 18:00 到期"
    assert await remind(store, limit=10, pace=pace, now=clock.now()) == 0


async def test_a_due_day_is_told_as_a_day_and_not_as_its_end(
    handlers: Handlers, facts: Any, store: Store, pace: Pace, clock: FrozenClock, ledger: Ledger
) -> None:
    day = Due(date=(clock.now() + 30 * HOUR).date().isoformat())
    await handlers.tasks([facts.task_created(facts.task(owner_id="per_bo", due=day))])
    clock.advance(20 * HOUR)
    await remind(store, limit=10, pace=pace, now=clock.now())

    (told,) = await ledger()
    assert told.title == f"任务 T-1 将于 {day.date} 到期"


async def test_tsk_03_a_day_ends_in_each_persons_own_zone(
    handlers: Handlers, facts: Any, store: Store, pace: Pace, ledger: Ledger
) -> None:
    await handlers.people([facts.person("cy", time_zone="America/New_York", version=2)])
    task = facts.task(owner_id="per_bo", assignee_ids=["per_cy"], due=Due(date="2036-03-10"))
    await handlers.tasks([facts.task_created(task, actor="cy")])

    in_shanghai = datetime(2036, 3, 9, 16, tzinfo=UTC)
    await remind(store, limit=10, pace=pace, now=in_shanghai)
    assert [each.person_id for each in await ledger() if each.kind is task_due.KIND] == ["per_bo"]

    # Clocks go forward in New York on the ninth: the eleventh begins at 04:00 UTC.
    in_new_york = datetime(2036, 3, 10, 4, tzinfo=UTC)
    await remind(store, limit=10, pace=pace, now=in_new_york - timedelta(seconds=1))
    assert len([each for each in await ledger() if each.kind is task_due.KIND]) == 1
    await remind(store, limit=10, pace=pace, now=in_new_york)
    assert len([each for each in await ledger() if each.kind is task_due.KIND]) == 2


async def test_tsk_03_another_due_value_arms_again_also_one_that_comes_back(
    handlers: Handlers, facts: Any, store: Store, pace: Pace, clock: FrozenClock, ledger: Ledger
) -> None:
    first, second = facts.due(clock.now() + DAY), facts.due(clock.now() + DAY + HOUR)
    for version, due in enumerate((first, second, first), start=1):
        task = facts.task(due=due, version=version)
        record = facts.task_created(task) if version == 1 else facts.task_changed(task)
        await handlers.tasks([record])
        await remind(store, limit=10, pace=pace, now=clock.now())
        if version == 2:
            assert len(await ledger()) == 1, "the second is not near yet"

    one, again = await ledger()
    assert one.title == again.title
    assert one.email.reason is Reason.DUE_CHANGED
    assert again.email.reason is Reason.QUEUED


async def test_a_closed_task_is_not_reminded_of_and_its_mails_are_dropped(
    handlers: Handlers,
    facts: Any,
    store: Store,
    pace: Pace,
    clock: FrozenClock,
    ledger: Ledger,
    sink: Any,
    sender: Any,
) -> None:
    near, far = facts.due(clock.now() + 2 * HOUR), facts.due(clock.now() + 48 * HOUR)
    await handlers.tasks(
        [
            facts.task_created(facts.task(id="tsk_1", due=near)),
            facts.task_created(facts.task(id="tsk_2", key="T-2", due=far)),
        ]
    )
    await remind(store, limit=10, pace=pace, now=clock.now())
    closed = [
        facts.task(id="tsk_1", due=near, version=2, state=Task.STATE_DONE),
        facts.task(id="tsk_2", key="T-2", due=far, version=2, state=Task.STATE_CANCELLED),
    ]
    await handlers.tasks([facts.task_changed(task) for task in closed])
    clock.advance(25 * HOUR)
    await remind(store, limit=10, pace=pace, now=clock.now())
    await sender(sink.port).send_due()

    (told,) = await ledger()
    assert told.source.id == "tsk_1"
    assert (told.email.state, told.email.reason) == (State.DROPPED, Reason.TASK_CLOSED)
    assert sink.mails == []


async def test_what_is_overdue_is_told_to_owner_and_assignees_once(
    handlers: Handlers, facts: Any, clock: FrozenClock, ledger: Ledger
) -> None:
    due = facts.due(clock.now() - HOUR)
    created = facts.task(owner_id="per_ann", assignee_ids=["per_bo"], due=due)
    late = facts.task(owner_id="per_ann", assignee_ids=["per_bo"], due=due, version=2)
    overdue = facts.task_overdue(late)
    await handlers.tasks([facts.task_created(created, actor="bo"), overdue, overdue])
    await handlers.tasks([overdue])

    told = [each for each in await ledger() if each.kind is task_due.KIND]
    assert [(each.person_id, each.title) for each in told] == [
        ("per_ann", "任务 T-1 已逾期"),
        ("per_bo", "任务 T-1 已逾期"),
    ]


async def test_msg_04_an_overtaken_state_of_a_task_changes_nothing(
    handlers: Handlers, facts: Any, store: Store
) -> None:
    older = facts.task_changed(facts.task(title="old", version=2))
    await handlers.tasks([facts.task_changed(facts.task(title="new", version=3)), older])
    task = await store.tasks.get("tsk_1")
    assert (task.title, task.version) == ("new", 3)
