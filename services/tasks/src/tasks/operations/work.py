"""Open work of a person who leaves, given to another person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Answer, Request

from tasks.domain import inputs, steps
from tasks.domain.identity import Actor, PersonId, ProjectId
from tasks.domain.projects import Project, take_over
from tasks.domain.task import Task
from tasks.operations.projects import save_projects
from tasks.operations.steps import store_steps
from tasks.store import Store

TOGETHER: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Tasks and projects that one call gave to another person, and whether some are left."""

    tasks: tuple[Task, ...]
    projects: tuple[Project, ...]
    more: bool


async def reassign_work(
    store: Store,
    *,
    actor: Actor,
    person_id: str,
    to_person_id: str,
    now: datetime,
    request: Request | None = None,
) -> Handover:
    """Assign a person's open tasks and projects to another person, 50 tasks in one transaction.

    In projects the other one becomes a member. A repeat of the request is answered with the same
    tasks and projects as they are then; calling it again goes on with what is left.

    Refusals: InvalidArgument, TooManyMembers, RequestIdReused.
    """
    person = PersonId(inputs.identifier(person_id, field="person_id"))
    to = PersonId(inputs.identifier(to_person_id, field="to_person_id"))
    if person == to:
        raise InvalidArgument(field="to_person_id", problem="is the same person; name another")

    async def work(tx: Transaction) -> Handover:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await _again(store, answered, actor=actor, tx=tx)
        tasks = await store.tasks.open_of(
            person, tenant_id=actor.tenant_id, whole=True, limit=TOGETHER + 1, tx=tx
        )
        more, tasks = len(tasks) > TOGETHER, tasks[:TOGETHER]
        owned = await store.projects.open_of_owner(
            person, tenant_id=actor.tenant_id, whole=True, limit=TOGETHER + 1, tx=tx
        )
        more, owned = more or len(owned) > TOGETHER, owned[:TOGETHER]
        ids = sorted({task.project_id for task in tasks if task.project_id})
        projects = await store.projects.get_many(ids, tenant_id=actor.tenant_id, tx=tx)
        projects |= {ProjectId(project.id): project for project in owned}
        after = [take_over(each, person_id=person, to_id=to) for each in projects.values()]
        taken = [new for new, old in zip(after, projects.values(), strict=True) if new is not old]
        if taken:
            await save_projects(store, *taken, actor_id=actor.person_id, now=now, tx=tx)
        changed = [
            steps.hand_over(task, person_id=person, to_id=to, actor_id=actor.person_id, now=now)
            for task in tasks
        ]
        await store_steps(store, *changed, actor_id=actor.person_id, now=now, tx=tx)
        done = Handover(
            tasks=tuple(each.task for each in changed), projects=tuple(taken), more=more
        )
        await store.requests.record(request, _answer(done), now=now, tx=tx)
        return done

    async with store.lines.turn(line_of(actor.person_id)):
        return await store.transact(work)


def _answer(done: Handover) -> Answer:
    return {
        "task_ids": [task.id for task in done.tasks],
        "project_ids": [project.id for project in done.projects],
        "more": done.more,
    }


async def _again(store: Store, answered: Answer, *, actor: Actor, tx: Transaction) -> Handover:
    """Load what an earlier request gave to another person."""
    tenant_id = actor.tenant_id
    tasks = await store.tasks.get_many(answered["task_ids"], tenant_id=tenant_id, tx=tx)
    projects = await store.projects.get_many(answered["project_ids"], tenant_id=tenant_id, tx=tx)
    return Handover(
        tasks=tuple(tasks[each] for each in answered["task_ids"]),
        projects=tuple(projects[each] for each in answered["project_ids"]),
        more=answered["more"],
    )
