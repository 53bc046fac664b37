"""Writes of projects."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks import events
from tasks.domain import projects
from tasks.domain.identity import Actor, PersonId, ProjectId
from tasks.domain.projects import Project, ProjectEdit
from tasks.domain.refusals import MemberHasOpenTasks
from tasks.operations.request import once
from tasks.store import Store


async def create_project(
    store: Store,
    *,
    actor: Actor,
    name: str,
    goal: str,
    member_ids: Sequence[str],
    request: Request | None,
    now: datetime,
) -> Project:
    """Make a project with the columns To do, Doing, Blocked, Done; the actor owns it.

    Refusals: InvalidArgument, TooManyMembers, RequestIdReused.
    """
    project = projects.create_project(
        project_id=ProjectId(new_id("prj", now=now)),
        actor=actor,
        name=name,
        goal=goal,
        member_ids=member_ids,
        now=now,
    )

    async def work(tx: Transaction) -> Project:
        await store.projects.add(project, tx=tx)
        await store.outbox.add(events.project_created(project, now=now), tx=tx)
        return project

    async def again(project_id: str, tx: Transaction) -> Project:
        return await store.visible_project(project_id, actor=actor, tx=tx)

    return await once(store, work, actor=actor, request=request, again=again, now=now)


async def update_project(
    store: Store,
    *,
    actor: Actor,
    project_id: str,
    edit: ProjectEdit,
    expected_version: int,
    request: Request | None,
    now: datetime,
) -> Project:
    """Change a project; nothing changed is no new version.

    Refusals: ProjectNotFound, VersionConflict, InvalidArgument, NotProjectOwner,
        PersonNotInProject, MemberHasOpenTasks, TooManyMembers, RequestIdReused.
    """

    async def work(tx: Transaction) -> Project:
        previous = await store.visible_project(project_id, actor=actor, tx=tx)
        after = projects.edit_project(
            previous, what=edit, actor_id=actor.person_id, expected_version=expected_version
        )
        gone = set(previous.member_ids) - set(after.member_ids)
        if gone and (busy := await store.tasks.busy_among([*gone], project=previous, tx=tx)):
            raise MemberHasOpenTasks(person_id=busy, project_id=project_id)
        if after is not previous:
            await save_projects(store, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    async def again(project_id: str, tx: Transaction) -> Project:
        return await store.visible_project(project_id, actor=actor, tx=tx)

    return await once(store, work, actor=actor, request=request, again=again, now=now)


async def save_projects(
    store: Store, *projects: Project, actor_id: PersonId, now: datetime, tx: Transaction
) -> None:
    """Store the next version of projects with their facts.

    Raises:
        Retry: another writer was faster.
    """
    await store.projects.save(*projects, tx=tx)
    facts = [events.project_changed(each, actor_id=actor_id, now=now) for each in projects]
    await store.outbox.add(*facts, tx=tx)
