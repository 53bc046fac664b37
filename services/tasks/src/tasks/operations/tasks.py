"""Writes of tasks; a move on the board changes the state too (TSK-1, TSK-6)."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks.domain import boards, steps
from tasks.domain.boards import Target
from tasks.domain.history import Changed
from tasks.domain.identity import Actor, TaskId
from tasks.domain.projects import Project
from tasks.domain.refusals import NeighbourNotInColumn
from tasks.domain.states import State, check_transition
from tasks.domain.steps import Edit, NewTask, Place
from tasks.domain.task import Task
from tasks.operations.ranking import Spot, take_spot
from tasks.operations.request import once_for_task
from tasks.operations.steps import store_steps
from tasks.store import Store


async def create_task(
    store: Store,
    *,
    actor: Actor,
    project_id: str,
    new: NewTask,
    request: Request | None,
    now: datetime,
) -> Task:
    """Create a task in state to do; in a project it goes to the bottom of the first column.

    Refusals: InvalidArgument, TooManyAssignees, ProjectNotFound, ProjectClosed,
        PersonNotInProject, RequestIdReused.
    """
    task_id = TaskId(new_id("tsk", now=now))

    async def work(tx: Transaction) -> Task:
        # Another process may write the tenant's counter: a conflict shows here, before other work.
        number = await store.next_number(tenant_id=actor.tenant_id, tx=tx)
        project = None
        place = Place(state=State.TODO)
        others: tuple[Changed, ...] = ()
        if project_id:
            project = await store.visible_project(project_id, actor=actor, tx=tx)
            project.check_open()
            place, others = await _bottom(
                store, project, task_id=task_id, number=number, now=now, tx=tx
            )
        created = steps.create(
            task_id=task_id,
            number=number,
            actor=actor,
            new=new,
            project=project,
            place=place,
            now=now,
        )
        await store_steps(store, *others, created, actor_id=actor.person_id, now=now, tx=tx)
        return created.task

    return await once_for_task(
        store, work, actor=actor, request=request, now=now, shared=(actor.tenant_id,)
    )


async def update_task(
    store: Store,
    *,
    actor: Actor,
    task_id: str,
    expected_version: int,
    edit: Edit,
    request: Request | None,
    now: datetime,
) -> Task:
    """Change what a task says, or its owner; nothing changed is no new version.

    Refusals: TaskNotFound, VersionConflict, InvalidArgument, OwnerRequired, PersonNotInProject,
        RequestIdReused.
    """

    async def work(tx: Transaction) -> Task:
        seen = await store.visible_task(task_id, actor=actor, tx=tx)
        steps.check_version(seen.task, expected=expected_version)
        changed = steps.edit(
            seen.task, what=edit, project=seen.project, actor_id=actor.person_id, now=now
        )
        await store_steps(store, changed, actor_id=actor.person_id, now=now, tx=tx)
        return changed.task

    return await once_for_task(store, work, actor=actor, request=request, now=now)


async def assign_task(
    store: Store,
    *,
    actor: Actor,
    task_id: str,
    expected_version: int,
    assignee_ids: Sequence[str],
    request: Request | None,
    now: datetime,
) -> Task:
    """Set who works on it; replaces all.

    Refusals: TaskNotFound, VersionConflict, InvalidArgument, TooManyAssignees,
        PersonNotInProject, RequestIdReused.
    """

    async def work(tx: Transaction) -> Task:
        seen = await store.visible_task(task_id, actor=actor, tx=tx)
        steps.check_version(seen.task, expected=expected_version)
        changed = steps.assign(
            seen.task,
            assignee_ids=assignee_ids,
            project=seen.project,
            actor_id=actor.person_id,
            now=now,
        )
        await store_steps(store, changed, actor_id=actor.person_id, now=now, tx=tx)
        return changed.task

    return await once_for_task(store, work, actor=actor, request=request, now=now)


async def _bottom(
    store: Store, project: Project, *, task_id: TaskId, number: int, now: datetime, tx: Transaction
) -> tuple[Place, tuple[Changed, ...]]:
    """Return the place under the last task to do, and the steps of those that make room."""
    column = project.first_column(State.TODO)
    if column is None:
        return Place(state=State.TODO), ()
    last = await store.tasks.ranks(
        project.id, column.id, without=task_id, last_first=True, limit=1, tx=tx
    )
    rank, others = await take_spot(
        store,
        Spot(
            project_id=project.id,
            column_id=column.id,
            low=last[0][1] if last else "",
            high="",
        ),
        task_id=task_id,
        number=number,
        salt=task_id,
        now=now,
        tx=tx,
    )
    return Place(state=State.TODO, column_id=column.id, rank=rank), others


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
        now: current time.

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
