from collections.abc import Callable
from datetime import datetime
from typing import Any

from plexus.tasks.v1 import events_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from tasks import operations
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
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
