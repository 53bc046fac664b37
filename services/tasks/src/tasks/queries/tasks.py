"""Tasks, as those see them who may."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from plexuskit.errors import InvalidArgument
from plexuskit.paging import Listing, Page, cut, from_milliseconds, to_milliseconds

from tasks.domain import inputs
from tasks.domain.history import Change
from tasks.domain.identity import Actor
from tasks.domain.refusals import TaskNotFound
from tasks.domain.states import State
from tasks.domain.task import Task
from tasks.store import Store, TaskFilter

# Bytes of a task on a page beside its text and assignees, and of each assignee.
TASK_BYTES = 500
ID_BYTES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of a tenant."""

    tasks: int
    projects: int


async def get_task(store: Store, *, actor: Actor, task_id: str, key: str = "") -> Task:
    """Return a task by its id, or by its key where that is given instead.

    Refusals: TaskNotFound (GW-2), InvalidArgument for both or neither.
    """
    if bool(task_id) == bool(key):
        raise InvalidArgument(field="task_id", problem="or key has to be given, and not both")
    found = task_id or await store.tasks.id_of_key(key, tenant_id=actor.tenant_id)
    try:
        seen = await store.visible_task(found, actor=actor)
    except TaskNotFound:
        raise TaskNotFound(task_id=task_id or key) from None
    return seen.task


async def list_tasks(
    store: Store,
    *,
    actor: Actor,
    project_id: str,
    assignee_id: str,
    states: Sequence[State],
    page_size: int,
    page_token: str,
) -> Page[Task]:
    """Return tasks the actor may see, last changed first.

    A task that changes during paging moves to the front, so it may appear twice but is not missed.

    Refusals: ProjectNotFound for a project of others (GW-2), InvalidArgument, InvalidPageToken.
    """
    size = inputs.page_size(page_size)
    names = sorted({state.value for state in states})
    listing = Listing(
        name="tasks",
        filters=(actor.tenant_id, actor.person_id, project_id, assignee_id, ",".join(names)),
    )
    position = listing.position(page_token, shape=(int, str))
    after = (from_milliseconds(int(position[0])), str(position[1])) if position else None

    if project_id:
        project_ids = [(await store.visible_project(project_id, actor=actor)).id]
    else:
        project_ids = await store.projects.ids_of_member(actor)
    found = await store.tasks.page_visible(
        actor,
        project_ids=project_ids,
        loose=not project_id,
        narrowed=TaskFilter(assignee_id=assignee_id, states=tuple(states)),
        after=after,
        limit=size + 1,
    )

    items, more = cut(found, limit=size, size_of=bytes_of)
    token = ""
    if more:
        token = listing.token(to_milliseconds(items[-1].updated_at), items[-1].id)
    return Page(items=tuple(items), next_page_token=token)


def bytes_of(task: Task) -> int:
    """Return the approximate size of a task on a page in bytes."""
    words = len(task.title.encode()) + len(task.description.encode())
    return TASK_BYTES + words + ID_BYTES * len(task.assignee_ids)


async def list_task_history(
    store: Store, *, actor: Actor, task_id: str, page_size: int, page_token: str
) -> Page[Change]:
    """Return every change of a task, oldest first (TSK-1).

    Refusals: TaskNotFound (GW-2), InvalidArgument, InvalidPageToken.
    """
    size = inputs.page_size(page_size)
    seen = await store.visible_task(task_id, actor=actor)
    listing = Listing(name="history", filters=(seen.task.id,))
    position = listing.position(page_token, shape=(int, int))
    after = (int(position[0]), int(position[1])) if position else None

    found = await store.history.page(seen.task.id, after=after, limit=size + 1)
    items, more = cut(
        found,
        limit=size,
        size_of=lambda each: TASK_BYTES + len((each[0].from_value + each[0].to_value).encode()),
    )
    token = ""
    if more:
        change, ordinal = items[-1]
        token = listing.token(change.version, ordinal)
    return Page(items=tuple(change for change, _ in items), next_page_token=token)


async def get_tasks_status(store: Store, *, actor: Actor) -> Figures:
    """Return the figures of the actor's tenant."""
    tasks, projects = await asyncio.gather(
        store.tasks.count(tenant_id=actor.tenant_id),
        store.projects.count(tenant_id=actor.tenant_id),
    )
    return Figures(tasks=tasks, projects=projects)
