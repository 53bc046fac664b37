import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from plexus.tasks.v1 import events_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.errors import VersionConflict
from plexuskit.mongo import Database
from plexuskit.request_ids import RequestIdReused
from tasks import operations, queries
from tasks.domain.dues import DueAt
from tasks.domain.identity import Actor
from tasks.domain.people import Person
from tasks.domain.projects import Project
from tasks.domain.refusals import (
    NeighbourNotInColumn,
    PersonNotInProject,
    ProjectNotFound,
    TaskNotFound,
    TransitionNotAllowed,
)
from tasks.domain.states import State
from tasks.domain.steps import Edit, NewTask
from tasks.events import task_message
from tasks.store import Store

from ..requests_support import identified

AddTask = Callable[..., Any]


async def test_a_task_gets_the_next_key_of_its_tenant(
    store: Store, add_task: AddTask, person: Callable[..., Actor], now: datetime
) -> None:
    first = await add_task()
    second = await add_task()
    elsewhere = await operations.create_task(
        store,
        actor=person("dee", tenant="ten_b"),
        project_id="",
        new=NewTask(title="Theirs"),
        request=None,
        now=now,
    )

    assert [first.key, second.key, elsewhere.key] == ["T-1", "T-2", "T-1"]


async def test_twenty_writers_at_once_get_dense_keys(add_task: AddTask) -> None:
    tasks = await asyncio.gather(*(add_task(f"Task {number}") for number in range(20)))

    assert sorted(task.number for task in tasks) == list(range(1, 21))


@pytest.mark.rule("GW-13")
async def test_gw_13_many_tasks_of_one_person_delay_nobody_elses(
    store: Store, person: Callable[..., Actor], now: datetime
) -> None:
    def made(name: str, number: int) -> asyncio.Task[Any]:
        return asyncio.create_task(
            operations.create_task(
                store,
                actor=person(name),
                project_id="",
                new=NewTask(title=f"{name} {number}"),
                request=None,
                now=now,
            )
        )

    flood = [made("ann", number) for number in range(30)]
    bystander = made("bo", 0)

    # One of hers is being made; his is the next, whatever else of hers waits.
    assert (await bystander).number == 2
    assert sum(task.done() for task in flood) <= 2
    assert len({task.number for task in await asyncio.gather(*flood)}) == 30


async def test_a_refused_task_takes_no_key(add_task: AddTask, project: Project) -> None:
    with pytest.raises(PersonNotInProject):
        await add_task(project_id=project.id, owner_id="per_stranger")

    assert (await add_task()).key == "T-1"


async def test_tsk_01_twenty_parallel_updates_leave_dense_versions_and_full_history(
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    task = await add_task("Title 0")

    async def rename(number: int) -> None:
        await operations.update_task(
            store,
            actor=ann,
            task_id=task.id,
            expected_version=0,
            edit=Edit(title=f"Title {number}"),
            request=None,
            now=now + timedelta(seconds=number),
        )

    await asyncio.gather(*(rename(number) for number in range(1, 21)))

    final = await queries.get_task(store, actor=ann, task_id=task.id)
    page = await queries.list_task_history(
        store, actor=ann, task_id=task.id, page_size=200, page_token=""
    )
    assert final.version == 21
    assert [change.version for change in page.items] == list(range(1, 22))
    values = ["Title 0", *(change.to_value for change in page.items[1:])]
    assert [change.from_value for change in page.items[1:]] == values[:-1]
    assert values[-1] == final.title
    assert sorted(values) == sorted(f"Title {number}" for number in range(21))

    events = await facts(task.id)
    assert [event.change_no for event in events] == list(range(1, 22))
    assert [event.entity_version for event in events] == list(range(1, 22))
    last = events_pb2.TaskChanged.FromString(events[-1].fact)
    assert last.task == task_message(final), "the last fact is the state that is stored"


async def test_tsk_01_of_twenty_with_the_same_version_one_wins_and_the_others_are_told(
    store: Store, add_task: AddTask, ann: Actor, now: datetime
) -> None:
    task = await add_task()

    outcomes = await asyncio.gather(
        *(
            operations.update_task(
                store,
                actor=ann,
                task_id=task.id,
                expected_version=1,
                edit=Edit(title=f"Title {number}"),
                request=None,
                now=now,
            )
            for number in range(20)
        ),
        return_exceptions=True,
    )

    refused = [outcome for outcome in outcomes if isinstance(outcome, VersionConflict)]
    assert len(refused) == 19
    assert {refusal.metadata["current_version"] for refusal in refused} == {"2"}


async def test_tsk_01_a_refused_transition_leaves_no_trace(
    store: Store,
    add_task: AddTask,
    ann: Actor,
    move: Callable[..., Any],
    facts: Callable[..., Any],
) -> None:
    task = await add_task()

    with pytest.raises(TransitionNotAllowed):
        await move(task, state=State.DONE)

    assert await queries.get_task(store, actor=ann, task_id=task.id) == task
    assert len(await facts(task.id)) == 1


async def test_an_assignment_says_who_is_new(
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    task = await add_task(assignee_ids=("per_bo",))

    assigned = await operations.assign_task(
        store,
        actor=ann,
        task_id=task.id,
        expected_version=1,
        assignee_ids=["per_bo", "per_cy"],
        request=None,
        now=now,
    )

    created, changed = await facts(task.id)
    fact = events_pb2.TaskChanged.FromString(changed.fact)
    assert (created.type, changed.type) == (
        "plexus.tasks.v1.TaskCreated",
        "plexus.tasks.v1.TaskChanged",
    )
    assert list(fact.added_assignee_ids) == ["per_cy"]
    assert [(change.field, change.to_value) for change in fact.changes] == [
        ("assignee_ids", "per_bo,per_cy")
    ]
    assert fact.task == task_message(assigned)
    assert changed.actor_id == "per_ann"


async def test_gw_06_a_repeated_request_gets_its_task_as_it_is_now_and_changes_nothing(
    store: Store, add_task: AddTask, ann: Actor, now: datetime, facts: Callable[..., Any]
) -> None:
    task = await add_task("Once", request_id="r1")
    changed = await operations.update_task(
        store,
        actor=ann,
        task_id=task.id,
        expected_version=1,
        edit=Edit(title="Changed since"),
        request=None,
        now=now,
    )

    again = await add_task("Once", request_id="r1", now=now + timedelta(days=6))

    assert again == changed
    assert len(await facts(task.id)) == 2
    assert (await add_task("Next")).number == 2, "the repetition took no key"


async def test_gw_06_twenty_repetitions_at_once_make_one_task(
    store: Store, add_task: AddTask, ann: Actor
) -> None:
    tasks = await asyncio.gather(*(add_task("Once", request_id="r1") for _ in range(20)))

    assert len({task.id for task in tasks}) == 1
    assert (await queries.get_tasks_status(store, actor=ann)).tasks == 1


@pytest.mark.parametrize("title", ["Other", "once"])
async def test_gw_06_a_request_id_with_other_content_is_refused(
    add_task: AddTask, title: str
) -> None:
    await add_task("Once", request_id="r1")

    with pytest.raises(RequestIdReused):
        await add_task(title, request_id="r1")


async def test_gw_06_a_request_id_belongs_to_one_person_and_to_one_verb(
    store: Store, add_task: AddTask, ann: Actor, person: Callable[..., Actor], now: datetime
) -> None:
    task = await add_task("Once", request_id="r1")
    theirs = await operations.create_task(
        store,
        actor=person("bo"),
        project_id="",
        new=NewTask(title="Another"),
        request=identified(pb.CreateTaskRequest(request_id="r1", title="Another"), person("bo")),
        now=now,
    )
    assert theirs.id != task.id

    with pytest.raises(RequestIdReused):
        await operations.create_project(
            store,
            actor=ann,
            name="Once",
            goal="",
            member_ids=[],
            request=identified(pb.CreateProjectRequest(request_id="r1", name="Once"), ann),
            now=now,
        )


async def test_gw_06_after_seven_days_a_request_id_is_new(add_task: AddTask, now: datetime) -> None:
    task = await add_task("Once", request_id="r1")

    later = await add_task("Once", request_id="r1", now=now + timedelta(days=7))

    assert later.id != task.id


async def test_gw_06_a_refused_request_may_come_again(add_task: AddTask, project: Project) -> None:
    with pytest.raises(ProjectNotFound):
        await add_task(request_id="r1", project_id="prj_unknown")

    assert (await add_task(request_id="r1", project_id=project.id)).number == 1


async def test_gw_02_every_verb_answers_alike_for_hidden_and_absent_tasks(
    store: Store,
    add_task: AddTask,
    project: Project,
    person: Callable[..., Actor],
    now: datetime,
) -> None:
    loose = await add_task()
    inside = await add_task(project_id=project.id)
    writing = {"expected_version": 0, "request": None, "now": now}

    for stranger in (person("zoe"), person("ann", tenant="ten_b")):
        for reference in (loose.id, inside.id, loose.key, "tsk_absent"):
            asked: dict[str, Any] = {"actor": stranger, "task_id": reference}
            calls = [
                queries.get_task(store, **asked),
                queries.list_task_history(store, **asked, page_size=0, page_token=""),
                operations.update_task(store, **asked, **writing, edit=Edit(title="Mine")),
                operations.assign_task(store, **asked, **writing, assignee_ids=[]),
                operations.move_task(
                    store,
                    **asked,
                    **writing,
                    state=State.DOING,
                    column_id="",
                    after_task_id="",
                ),
            ]
            for call in calls:
                with pytest.raises(TaskNotFound) as refused:
                    await call
                assert dict(refused.value.metadata) == {"task_id": reference}


async def test_gw_02_a_project_of_others_is_absent_and_its_tasks_are_no_neighbours(
    store: Store,
    add_task: AddTask,
    project: Project,
    person: Callable[..., Actor],
    now: datetime,
) -> None:
    hidden = await add_task(project_id=project.id)
    zoe = person("zoe")
    theirs = await operations.create_project(
        store, actor=zoe, name="Theirs", goal="", member_ids=[], request=None, now=now
    )
    task = await operations.create_task(
        store,
        actor=zoe,
        project_id=theirs.id,
        new=NewTask(title="Mine"),
        request=None,
        now=now,
    )

    with pytest.raises(ProjectNotFound):
        await queries.get_board(store, actor=zoe, project_id=project.id)
    for neighbour in (hidden.id, hidden.key, "tsk_absent"):
        with pytest.raises(NeighbourNotInColumn):
            await operations.move_task(
                store,
                actor=zoe,
                task_id=task.id,
                expected_version=0,
                state=State.TODO,
                column_id="",
                after_task_id=neighbour,
                request=None,
                now=now,
            )


async def test_every_document_says_its_schema_version(
    db: Database, store: Store, add_task: AddTask, project: Project
) -> None:
    await add_task(project_id=project.id, request_id="r1", due=DueAt(project.created_at))
    ann = Person(id="per_ann", tenant_id="ten_a", time_zone="Asia/Shanghai", version=1)
    await store.people.put([ann])

    for name in await db.collection_names():
        documents = await db.collection(name, schema_version=1).find_all({})
        assert documents, name
        version = 2 if name == "requests" else 1
        assert all(document["schema_version"] == version for document in documents), name
