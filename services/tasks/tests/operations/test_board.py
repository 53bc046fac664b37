import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from plexus.tasks.v1 import events_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Database
from tasks import operations, queries
from tasks.domain import ranks
from tasks.domain.identity import SYSTEM, Actor
from tasks.domain.projects import Project
from tasks.domain.refusals import NeighbourNotInColumn, TaskNotOnBoard
from tasks.domain.states import State
from tasks.domain.task import Task
from tasks.events import task_message
from tasks.store import Store

AddTask = Callable[..., Any]
Mover = Callable[..., Any]


@pytest.fixture
def lanes(store: Store, ann: Actor, project: Project) -> Callable[[], Any]:
    async def titles() -> dict[str, list[str]]:
        board = await queries.get_board(store, actor=ann, project_id=project.id)
        return {lane.column.id: [task.title for task in lane.tasks] for lane in board.lanes}

    return titles


async def test_tsk_06_new_tasks_line_up_and_moves_go_where_they_are_sent(
    add_task: AddTask, project: Project, move: Mover, lanes: Callable[[], Any]
) -> None:
    one, two, three = [await add_task(name, project_id=project.id) for name in "abc"]
    assert (await lanes())["todo"] == ["a", "b", "c"]

    await move(three, column_id="todo")
    assert (await lanes())["todo"] == ["c", "a", "b"]
    await move(three, column_id="todo", after_task_id=one.id)
    assert (await lanes())["todo"] == ["a", "c", "b"]
    await move(two, state=State.DOING)
    await move(one, state=State.DOING, after_task_id=two.id)
    assert await lanes() == {"todo": ["c"], "doing": ["b", "a"], "blocked": [], "done": []}


async def test_tsk_06_a_repeated_move_changes_nothing(
    add_task: AddTask, project: Project, move: Mover, facts: Callable[..., Any]
) -> None:
    one, two, _ = [await add_task(name, project_id=project.id) for name in "abc"]

    moved = await move(two, state=State.DOING)
    assert await move(two, state=State.DOING) == moved
    back = await move(two, column_id="todo", after_task_id=one.id)
    assert await move(two, column_id="todo", after_task_id=one.id) == back
    assert await move(two, after_task_id=one.id) == back

    assert [event.change_no for event in await facts(two.id)] == [1, 2, 3]


async def test_tsk_06_a_cancelled_task_leaves_the_board_and_comes_back(
    add_task: AddTask, project: Project, move: Mover, lanes: Callable[[], Any]
) -> None:
    task = await add_task("a", project_id=project.id)

    cancelled = await move(task, state=State.CANCELLED)
    assert (cancelled.column_id, cancelled.rank) == ("", "")
    assert (await lanes())["todo"] == []
    assert (await move(task, state=State.TODO)).column_id == "todo"


async def test_tsk_01_done_is_noted_with_its_time_and_reopening_clears_it(
    add_task: AddTask, move: Mover, now: datetime
) -> None:
    task = await add_task()

    await move(task, state=State.DOING)
    assert (await move(task, state=State.DONE)).completed_at == now
    assert (await move(task, state=State.DOING)).completed_at is None


async def test_tsk_06_places_that_are_not_there_are_refused(
    add_task: AddTask, project: Project, move: Mover
) -> None:
    task = await add_task("a", project_id=project.id)
    done = await move(
        await move(await add_task("b", project_id=project.id), state=State.DOING),
        state=State.DONE,
    )

    with pytest.raises(NeighbourNotInColumn):
        await move(task, column_id="todo", after_task_id=done.id)
    with pytest.raises(InvalidArgument):
        await move(task, column_id="todo", after_task_id=task.id)
    with pytest.raises(TaskNotOnBoard):
        await move(await add_task("loose"), state=State.DOING, column_id="doing")


async def test_tsk_06_twenty_concurrent_moves_into_one_place_lose_nobody(
    add_task: AddTask, project: Project, move: Mover, lanes: Callable[[], Any]
) -> None:
    names = [f"t{number:02}" for number in range(20)]
    tasks = [await add_task(name, project_id=project.id) for name in names]
    anchor = await move(await add_task("anchor", project_id=project.id), state=State.DOING)
    await move(
        await add_task("last", project_id=project.id), state=State.DOING, after_task_id=anchor.id
    )

    moved = await asyncio.gather(
        *(move(task, state=State.DOING, after_task_id=anchor.id) for task in tasks)
    )

    board = await lanes()
    assert board["todo"] == []
    assert board["doing"][0] == "anchor"
    assert board["doing"][-1] == "last"
    assert sorted(board["doing"][1:-1]) == names
    assert len({task.rank for task in moved}) == 20
    assert [task.title for task in sorted(moved, key=lambda task: task.rank)] == (
        board["doing"][1:-1]
    ), "the order that was answered is the order that is shown"


async def test_tsk_06_a_storm_of_moves_leaves_every_task_in_one_place(
    store: Store, add_task: AddTask, project: Project, move: Mover, ann: Actor
) -> None:
    tasks = [await add_task(f"t{number}", project_id=project.id) for number in range(8)]

    async def wander(task: Task, *, seed: int) -> None:
        for turn in range(4):
            neighbour = tasks[(seed * 3 + turn * 5 + 1) % len(tasks)]
            after = "" if neighbour.id == task.id or turn % 2 else neighbour.id
            await move(task, column_id="todo", after_task_id=after)

    await asyncio.gather(*(wander(task, seed=seed) for seed, task in enumerate(tasks)))

    board = await queries.get_board(store, actor=ann, project_id=project.id)
    todo = board.lanes[0].tasks
    assert {task.id for task in todo} == {task.id for task in tasks}
    assert len({task.rank for task in todo}) == len(tasks)
    for task in todo:
        page = await queries.list_task_history(
            store, actor=ann, task_id=task.id, page_size=200, page_token=""
        )
        assert sorted({change.version for change in page.items}) == list(range(1, task.version + 1))
        places = [change for change in page.items if change.field == "rank"]
        assert not places or places[-1].to_value == task.rank


async def crowd(db: Database, tasks: list[Task]) -> None:
    """Put tasks after the first one, with keys of the maximum length."""
    longest = tasks[0].rank.ljust(ranks.MAX_LENGTH - 1, "0")
    collection = db.collection("tasks", schema_version=1)
    for number, task in enumerate(tasks[1:]):
        await collection.update(
            {"_id": task.id}, {"$set": {"rank": longest + ranks.ALPHABET[number + 1]}}
        )


async def test_tsk_06_long_keys_are_spread_anew_and_the_order_stays(
    db: Database,
    store: Store,
    add_task: AddTask,
    project: Project,
    move: Mover,
    ann: Actor,
    facts: Callable[..., Any],
) -> None:
    tasks = [await add_task(f"t{number}", project_id=project.id) for number in range(10)]
    late = await add_task("late", project_id=project.id)
    await crowd(db, tasks)

    moved = await move(late, column_id="todo", after_task_id=tasks[0].id)

    titles = ["t0", "late", *(f"t{number}" for number in range(1, 10))]
    board = await queries.get_board(store, actor=ann, project_id=project.id)
    assert [task.title for task in board.lanes[0].tasks] == titles
    assert max(len(task.rank) for task in board.lanes[0].tasks) <= ranks.ROOMY
    assert len(moved.rank) <= ranks.ROOMY

    neighbour = board.lanes[0].tasks[5]
    last = (await facts(neighbour.id))[-1]
    fact = events_pb2.TaskChanged.FromString(last.fact)
    assert (last.change_no, last.actor_id) == (neighbour.version, "per_ann")
    assert [change.field for change in fact.changes] == ["rank"]
    assert fact.changes[0].actor_id == SYSTEM
    whole = await queries.get_task(store, actor=ann, task_id=neighbour.id)
    assert fact.task == task_message(whole)


async def test_tsk_06_moves_while_keys_are_spread_keep_their_neighbours(
    db: Database,
    add_task: AddTask,
    project: Project,
    move: Mover,
    lanes: Callable[[], Any],
) -> None:
    tasks = [await add_task(f"t{number}", project_id=project.id) for number in range(10)]
    late = [await add_task(f"late{number}", project_id=project.id) for number in range(9)]
    await crowd(db, tasks)

    await asyncio.gather(
        *(
            move(newcomer, column_id="todo", after_task_id=tasks[number].id)
            for number, newcomer in enumerate(late)
        )
    )

    titles = [name for number in range(9) for name in (f"t{number}", f"late{number}")]
    assert (await lanes())["todo"] == [*titles, "t9"]


async def test_tsk_06_a_place_picked_just_before_a_spread_is_picked_again(
    db: Database,
    ann: Actor,
    add_task: AddTask,
    project: Project,
    move: Mover,
    now: datetime,
    lanes: Callable[[], Any],
) -> None:
    tasks = [await add_task(f"t{number}", project_id=project.id) for number in range(14)]
    early = await move(await add_task("early", project_id=project.id), state=State.DOING)
    late = await add_task("late", project_id=project.id)
    await crowd(db, tasks[:4])

    class Slow(Store):
        """Has its place spread away between picking it and taking it, once."""

        spread = False

        async def touch_column_lock(self, *place: Any, **which: Any) -> None:
            if not self.spread:
                self.spread = True
                await move(late, column_id="todo", after_task_id=tasks[0].id)
            await super().touch_column_lock(*place, **which)

    slow = Slow(db, zone=ZoneInfo("Asia/Shanghai"))
    await operations.move_task(
        slow,
        actor=ann,
        task_id=early.id,
        expected_version=0,
        state=None,
        column_id="todo",
        after_task_id=tasks[9].id,
        request=None,
        now=now,
    )

    assert slow.spread
    names = [f"t{number}" for number in range(14)]
    assert (await lanes())["todo"] == ["t0", "late", *names[1:10], "early", *names[10:]]


async def test_a_long_column_goes_on_with_its_token_whatever_its_cards_weigh(
    store: Store, ann: Actor, add_task: AddTask, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.queries.boards.MAX_PAGE_BYTES", 40_000)
    titles = [f"{number:02} {'长' * 400}" for number in range(20)]
    for title in titles:
        await add_task(title, project_id=project.id)
    board = await queries.get_board(store, actor=ann, project_id=project.id)
    todo = board.lanes[0]
    seen, token = [task.title for task in todo.tasks], todo.next_page_token
    pages = 1
    while token:
        only = await queries.get_board(
            store, actor=ann, project_id=project.id, column_id=todo.column.id, page_token=token
        )
        (lane,) = only.lanes
        seen += [task.title for task in lane.tasks]
        token = lane.next_page_token
        pages += 1

    assert seen == titles
    assert 1 < pages < len(titles)
    assert [lane.next_page_token for lane in board.lanes[1:]] == ["", "", ""]
    with pytest.raises(InvalidArgument):
        await queries.get_board(store, actor=ann, project_id=project.id, column_id="elsewhere")
    with pytest.raises(InvalidArgument):
        await queries.get_board(
            store, actor=ann, project_id=project.id, page_token=todo.next_page_token
        )
