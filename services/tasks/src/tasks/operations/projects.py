"""Writes of projects."""

from collections.abc import Sequence
from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from tasks import events
from tasks.domain import projects
from tasks.domain.identity import Actor, ProjectId
from tasks.domain.projects import Project
from tasks.operations.request import Request, once
from tasks.store import Store


async def create_project(
    store: Store,
    *,
    actor: Actor,
    name: str,
    goal: str,
    member_ids: Sequence[str],
    request_id: str,
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

    request = Request(
        id=request_id,
        verb="create_project",
        content={"name": name, "goal": goal, "member_ids": list(member_ids)},
    )
    return await once(store, work, actor=actor, request=request, answer_type=Project, now=now)
