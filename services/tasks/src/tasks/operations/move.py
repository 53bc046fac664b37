"""Moves on the board, and so through the states (TSK-1, TSK-6)."""

from datetime import datetime

from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks.domain import boards, steps
from tasks.domain.boards import Target
from tasks.domain.identity import Actor
from tasks.domain.refusals import NeighbourNotInColumn
from tasks.domain.states import State, check_transition
from tasks.domain.steps import Place
from tasks.domain.task import Task
from tasks.operations.ranking import Spot, take_spot
from tasks.operations.request import once_for_task
from tasks.operations.steps import store_steps
from tasks.store import Store


async def move_task(
    store: Store,
    *,
    actor: Actor,
    task_id: str,
    expected_version: int,
    state: State | None,
    column_id: str,
    after_task_id: str,
    request: Request | None,
    now: datetime,
) -> Task:
    """Move a task to a state and place; if it is there already, no version is made.

    Args:
        store: the service's database.
        actor: the person who moves it.
        task_id: its id or key.
        expected_version: the version that the actor saw; 0 for any version.
        state: the target state; None: that of the column, else the current one.
        column_id: the target column; empty: the first one of the state.
        after_task_id: directly after this task (id or key); empty: at the top.
        request: the change as its id identifies it; None: carried out every time.
        now: the time it happens.

    Refusals: TaskNotFound, VersionConflict, InvalidArgument, TransitionNotAllowed, ColumnNotFound,
        ColumnStateMismatch, TaskNotOnBoard, NeighbourNotInColumn, RequestIdReused.
    """

    async def work(tx: Transaction) -> Task:
        seen = await store.visible_task(task_id, actor=actor, tx=tx)
        task = seen.task
        steps.check_version(task, expected=expected_version)
        target = boards.target(
            task,
            project=seen.project,
            state=state,
            column_id=column_id,
            after_task_id=after_task_id,
        )
        # Refused before any query for it.
        check_transition(source=task.state, target=target.state)

        if not target.column_id:
            changed = steps.move(
                task, place=Place(state=target.state), actor_id=actor.person_id, now=now
            )
            await store_steps(store, changed, actor_id=actor.person_id, now=now, tx=tx)
            return changed.task

        spot = await _spot(store, task, target=target, after_task_id=after_task_id, tx=tx)
        if boards.is_between(task, at=target, low=spot.low, high=spot.high):
            return task
        return await _enter(store, task, spot, state=target.state, actor=actor, now=now, tx=tx)

    return await once_for_task(store, work, actor=actor, request=request, now=now)


async def _spot(
    store: Store, task: Task, *, target: Target, after_task_id: str, tx: Transaction
) -> Spot:
    """Find the ranks to go between.

    Refusals: NeighbourNotInColumn, InvalidArgument.
    """
    low = ""
    if after_task_id:
        neighbour = await store.tasks.get(after_task_id, tenant_id=task.tenant_id, tx=tx)
        if neighbour and neighbour.id == task.id:
            problem = "is the task itself; name another one, or none for the top"
            raise InvalidArgument(field="after_task_id", problem=problem)
        # A task that may not be seen is in no column that may be seen: one answer for both (GW-2).
        if neighbour is None or (neighbour.project_id, neighbour.column_id) != (
            task.project_id,
            target.column_id,
        ):
            raise NeighbourNotInColumn(after_task_id=after_task_id, column_id=target.column_id)
        low = neighbour.rank

    following = await store.tasks.ranks(
        task.project_id, target.column_id, without=task.id, after=low, limit=1, tx=tx
    )
    return Spot(
        project_id=task.project_id,
        column_id=target.column_id,
        low=low,
        high=following[0][1] if following else "",
    )


async def _enter(
    store: Store,
    task: Task,
    spot: Spot,
    *,
    state: State,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> Task:
    """Put the task between two ranks and store it together with tasks moved to make room."""
    rank, others = await take_spot(
        store,
        spot,
        task_id=task.id,
        number=task.number,
        salt=f"{task.id}:{task.version}",
        now=now,
        tx=tx,
    )
    place = Place(state=state, column_id=spot.column_id, rank=rank)
    moved = steps.move(task, place=place, actor_id=actor.person_id, now=now)
    # First, so that its old key is free for the others.
    await store_steps(store, moved, *others, actor_id=actor.person_id, now=now, tx=tx)
    return moved.task
