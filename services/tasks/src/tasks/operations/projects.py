"""Writes of projects."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from tasks import events
from tasks.domain import projects
from tasks.domain.identity import Actor, ProjectId
from tasks.domain.projects import Project
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
