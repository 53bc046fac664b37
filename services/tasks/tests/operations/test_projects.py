from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from plexus.tasks.v1 import events_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.errors import InvalidArgument, VersionConflict
from tasks import operations
from tasks.domain.identity import Actor
from tasks.domain.projects import Project, ProjectEdit
from tasks.domain.refusals import (
    MemberHasOpenTasks,
    NotProjectOwner,
    PersonNotInProject,
    ProjectClosed,
    ProjectNotFound,
)
from tasks.events import project_message
from tasks.store import Store

from ..requests_support import identified


async def test_a_new_project_has_its_four_columns_and_its_fact(
    project: Project, facts: Callable[..., Any]
) -> None:
    assert [(column.name, column.state.value) for column in project.columns] == [
        ("To do", "todo"),
        ("Doing", "doing"),
        ("Blocked", "blocked"),
        ("Done", "done"),
    ]
    assert project.member_ids == ("per_ann", "per_bo", "per_cy")

    (event,) = await facts(project.id)
    assert (event.type, event.change_no, event.entity_version, event.actor_id) == (
        "plexus.tasks.v1.ProjectCreated",
        1,
        1,
        "per_ann",
    )
    assert events_pb2.ProjectCreated.FromString(event.fact).project == project_message(project)


async def test_gw_06_a_repeated_request_makes_no_second_project(
    store: Store, ann: Actor, now: datetime
) -> None:
    request = identified(pb.CreateProjectRequest(request_id="r1", name="Once"), ann)
    asked: dict[str, Any] = {"name": "Once", "goal": "", "member_ids": [], "request": request}

    first = await operations.create_project(store, actor=ann, now=now, **asked)
    second = await operations.create_project(store, actor=ann, now=now, **asked)

    assert first == second


@pytest.fixture
def change(store: Store, project: Project, now: datetime) -> Callable[..., Any]:
    """Change the project: `await change(ann, name="New")`."""

    async def made(actor: Actor, *, version: int = 0, request_id: str = "", **what: Any) -> Project:
        return await operations.update_project(
            store,
            actor=actor,
            project_id=project.id,
            edit=ProjectEdit(**what),
            expected_version=version,
            request=identified(
                pb.UpdateProjectRequest(request_id=request_id, project_id=project.id), actor
            ),
            now=now,
        )

    return made


async def test_its_owner_renames_closes_and_hands_over_a_project(
    project: Project, change: Callable[..., Any], ann: Actor, facts: Callable[..., Any]
) -> None:
    changed = await change(ann, name="Moved", goal="Done", closed=True, owner_id="per_bo")
    assert (changed.name, changed.goal, changed.closed) == ("Moved", "Done", True)
    assert (changed.owner_id, changed.version) == ("per_bo", 2)
    event = (await facts(project.id))[-1]
    assert events_pb2.ProjectChanged.FromString(event.fact).project == project_message(changed)
    with pytest.raises(NotProjectOwner):
        await change(ann, name="Again")


async def test_nothing_changed_is_no_new_version(
    project: Project, change: Callable[..., Any], ann: Actor
) -> None:
    assert await change(ann, name=project.name, add_member_ids=("per_bo",)) == project
    with pytest.raises(VersionConflict):
        await change(ann, version=7, name="x")


async def test_members_come_and_go(
    change: Callable[..., Any], person: Callable[..., Actor], ann: Actor
) -> None:
    bo = person("bo")
    more = await change(bo, add_member_ids=("per_dee",))
    assert more.member_ids == ("per_ann", "per_bo", "per_cy", "per_dee")
    with pytest.raises(NotProjectOwner):
        await change(bo, remove_member_ids=("per_cy",))
    assert "per_bo" not in (await change(bo, remove_member_ids=("per_bo",))).member_ids
    with pytest.raises(ProjectNotFound):
        await change(bo, add_member_ids=("per_bo",))
    with pytest.raises(InvalidArgument):
        await change(ann, remove_member_ids=("per_ann",))
    with pytest.raises(PersonNotInProject):
        await change(ann, owner_id="per_zoe")


async def test_who_has_open_tasks_stays_and_a_closed_project_takes_none(
    project: Project, change: Callable[..., Any], ann: Actor, add_task: Callable[..., Any]
) -> None:
    await add_task(project_id=project.id, assignee_ids=("per_bo",))
    with pytest.raises(MemberHasOpenTasks):
        await change(ann, remove_member_ids=("per_bo",))
    await add_task(assignee_ids=("per_cy",))
    assert (await change(ann, remove_member_ids=("per_cy",))).member_ids == ("per_ann", "per_bo")
    await change(ann, add_member_ids=("per_cy", "per_dee"))
    await add_task(project_id=project.id, owner_id="per_cy")
    with pytest.raises(MemberHasOpenTasks) as refused:
        await change(ann, remove_member_ids=("per_cy", "per_dee"))
    assert refused.value.metadata["person_id"] == "per_cy"
    await change(ann, closed=True)
    with pytest.raises(ProjectClosed):
        await add_task(project_id=project.id)
    await change(ann, closed=False)
    assert (await add_task(project_id=project.id)).project_id == project.id


async def test_gw_06_a_repeated_change_of_a_project_is_made_once(
    change: Callable[..., Any], ann: Actor
) -> None:
    await change(ann, name="Once", request_id="r7")
    twice = await change(ann, name="Twice")
    assert await change(ann, name="Once", request_id="r7") == twice
