"""Writes of tasks but for moves."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks.domain import steps
from tasks.domain.history import Changed
from tasks.domain.identity import Actor, TaskId
from tasks.domain.projects import Project
from tasks.domain.states import State
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
