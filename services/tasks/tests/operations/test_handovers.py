"""Open work of a person who leaves is listed and given to another person."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from plexus.tasks.v1 import events_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.errors import InvalidArgument
from tasks import operations, queries
from tasks.domain.identity import Actor
from tasks.domain.projects import Project
from tasks.domain.states import State
from tasks.store import Store

from ..requests_support import identified

AddTask = Callable[..., Any]


async def open_work(store: Store, actor: Actor, person: str, **page: Any) -> Any:
    asked = {"page_size": 0, "page_token": ""} | page
    return await queries.list_open_work(store, actor=actor, person_id=person, **asked)


@pytest.fixture
async def work(add_task: AddTask, project: Project, move: Callable[..., Any]) -> Any:
    """Bo owns T-1, works on T-2 in the project, and has closed T-3; T-4 is not Bo's."""
    await add_task("owned", owner_id="per_bo")
    await add_task("assigned", project_id=project.id, assignee_ids=("per_bo", "per_cy"))
    closed = await add_task("closed", owner_id="per_bo")
    await move(closed, state=State.CANCELLED)
    await add_task("other")


@pytest.mark.usefixtures("work")
async def test_what_is_open_of_a_person_is_listed_in_pages(store: Store, ann: Actor) -> None:
    every = await open_work(store, ann, "per_bo")
    assert [task.title for task in every.tasks] == ["owned", "assigned"]
    assert every.next_page_token == ""
    first = await open_work(store, ann, "per_bo", page_size=1)
    rest = await open_work(store, ann, "per_bo", page_token=first.next_page_token)
    assert [*first.tasks, *rest.tasks] == list(every.tasks)
    owner = await open_work(store, ann, "per_ann")
    assert [project.name for project in owner.projects] == ["Move to Pudong"]


@pytest.mark.usefixtures("work")
async def test_all_of_it_goes_to_somebody_else_who_becomes_a_member(
    store: Store, ann: Actor, project: Project, now: datetime, facts: Callable[..., Any]
) -> None:
    done = await operations.reassign_work(
        store, actor=ann, person_id="per_bo", to_person_id="per_dee", now=now
    )
    assert [(task.title, task.owner_id, task.assignee_ids) for task in done.tasks] == [
        ("owned", "per_dee", ()),
        ("assigned", "per_ann", ("per_dee", "per_cy")),
    ]
    assert not done.more
    (taken,) = done.projects
    assert taken.member_ids == ("per_ann", "per_bo", "per_cy", "per_dee")
    event = (await facts(project.id))[-1]
    assert (event.type, event.change_no, event.actor_id) == (
        "plexus.tasks.v1.ProjectChanged",
        2,
        "per_ann",
    )
    told = (await facts(done.tasks[1].id))[-1]
    assert list(events_pb2.TaskChanged.FromString(told.fact).added_assignee_ids) == ["per_dee"]
    assert not (await open_work(store, ann, "per_bo")).tasks


async def test_projects_of_an_owner_go_along_and_a_repeat_finds_nothing(
    store: Store, ann: Actor, project: Project, now: datetime
) -> None:
    done = await operations.reassign_work(
        store, actor=ann, person_id="per_ann", to_person_id="per_bo", now=now
    )
    assert [(each.id, each.owner_id) for each in done.projects] == [(project.id, "per_bo")]
    again = await operations.reassign_work(
        store, actor=ann, person_id="per_ann", to_person_id="per_bo", now=now
    )
    assert (again.tasks, again.projects, again.more) == ((), (), False)
    with pytest.raises(InvalidArgument):
        await operations.reassign_work(
            store, actor=ann, person_id="per_bo", to_person_id="per_bo", now=now
        )


async def test_much_work_goes_in_several_calls(
    store: Store, ann: Actor, add_task: AddTask, now: datetime
) -> None:
    for number in range(53):
        await add_task(f"task {number}", owner_id="per_bo")
    sizes = []
    more = True
    while more:
        done = await operations.reassign_work(
            store, actor=ann, person_id="per_bo", to_person_id="per_cy", now=now
        )
        sizes.append(len(done.tasks))
        more = done.more
    assert sizes == [50, 3]


@pytest.mark.usefixtures("work")
async def test_gw_06_a_repeated_request_gives_nothing_more_away(
    store: Store, ann: Actor, add_task: AddTask, now: datetime
) -> None:
    asked: dict[str, Any] = {
        "actor": ann,
        "person_id": "per_bo",
        "to_person_id": "per_dee",
        "now": now,
        "request": identified(
            pb.ReassignWorkRequest(request_id="r9", person_id="per_bo", to_person_id="per_dee"),
            ann,
        ),
    }
    done = await operations.reassign_work(store, **asked)
    await add_task("later", owner_id="per_bo")
    again = await operations.reassign_work(store, **asked)
    assert [task.id for task in again.tasks] == [task.id for task in done.tasks]
    assert (again.projects, again.more) == (done.projects, False)
    assert [task.title for task in (await open_work(store, ann, "per_bo")).tasks] == ["later"]
