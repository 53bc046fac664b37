"""Current read access, from the owner (SRC-1, SRC-2)."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from plexuskit.errors import InvalidArgument

from tasks.domain.identity import Actor, ProjectId
from tasks.domain.relations import (
    HIDDEN,
    PROJECT,
    TASK,
    Readable,
    Reference,
    Relation,
    Verdict,
    project_relations,
    readable,
    task_relations,
)
from tasks.domain.task import Task
from tasks.store import Store

Snapshot = AsyncIterator[Relation]

RECHECK_LIMIT: Final = 500


async def readable_containers(store: Store, *, person: Actor) -> Readable:
    """Return everything a person may read now, as containers."""
    project_ids = await store.projects.ids_of_member(person)
    return readable(person_id=person.person_id, project_ids=project_ids)


async def recheck(
    store: Store, *, person: Actor, references: Sequence[Reference]
) -> tuple[Verdict, ...]:
    """Return for each object whether the person may read it now, in the same order.

    Kinds that this service does not own are not readable. Refusals: InvalidArgument for over 500.
    """
    if len(references) > RECHECK_LIMIT:
        problem = f"has {len(references)} entries; ask for at most {RECHECK_LIMIT} at once"
        raise InvalidArgument(field="refs", problem=problem)

    asked = [reference.id for reference in references if reference.kind == TASK]
    tasks = await store.tasks.get_many(asked, tenant_id=person.tenant_id) if asked else {}
    project_ids = {
        *(task.project_id for task in tasks.values() if task.project_id),
        *(reference.id for reference in references if reference.kind == PROJECT),
    }
    projects = (
        await store.projects.of_member_among(person, sorted(project_ids)) if project_ids else {}
    )

    verdicts = []
    for reference in references:
        verdict = HIDDEN
        if reference.kind == TASK and reference.id in tasks:
            verdict = _task_verdict(tasks[reference.id], projects=projects, person=person)
        elif reference.kind == PROJECT and reference.id in projects:
            verdict = Verdict(readable=True, version=projects[ProjectId(reference.id)])
        verdicts.append(verdict)
    return tuple(verdicts)


async def snapshot(store: Store, *, tenant_id: str) -> Snapshot:
    """Yield every relation, of one tenant or with an empty id of all; projects come first."""
    async for project in store.projects.everyone(tenant_id=tenant_id):
        for relation in project_relations(project):
            yield relation
    async for task in store.tasks.everyone(tenant_id=tenant_id):
        for relation in task_relations(task):
            yield relation


def _task_verdict(task: Task, *, projects: dict[ProjectId, int], person: Actor) -> Verdict:
    visible = (
        task.project_id in projects if task.project_id else person.person_id in task.participants
    )
    return Verdict(readable=True, version=task.version) if visible else HIDDEN
