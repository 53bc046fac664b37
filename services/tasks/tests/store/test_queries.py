from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Database
from plexuskit.paging import MAX_PAGE_BYTES, InvalidPageToken
from tasks import operations, queries
from tasks.domain.dues import DueAt
from tasks.domain.identity import Actor
from tasks.domain.projects import Project, ProjectEdit
from tasks.domain.refusals import MemberHasOpenTasks, ProjectNotFound
from tasks.domain.relations import Reference, project_relations, task_relations
from tasks.domain.states import State
from tasks.domain.steps import NewTask
from tasks.store import Store

AddTask = Callable[..., Any]


@pytest.fixture
def listed(store: Store, ann: Actor) -> Callable[..., Any]:
    async def titles(actor: Actor | None = None, **asked: Any) -> list[str]:
        fields = {"project_id": "", "assignee_id": "", "states": [], "page_size": 0}
        page = await queries.list_tasks(
            store, actor=actor or ann, page_token="", **{**fields, **asked}
        )
        return [task.title for task in page.items]

    return titles


async def test_gw_02_a_list_shows_what_one_may_see_last_changed_first(
    add_task: AddTask,
    project: Project,
    person: Callable[..., Actor],
    listed: Callable[..., Any],
    now: datetime,
) -> None:
    await add_task("in project", project_id=project.id, now=now)
    await add_task("for dee", assignee_ids=("per_dee",), now=now + timedelta(seconds=1))
    await add_task("private", now=now + timedelta(seconds=2))

    assert await listed() == ["private", "for dee", "in project"]
    assert await listed(person("bo")) == ["in project"]
    assert await listed(person("dee")) == ["for dee"]
    assert await listed(person("zoe")) == []
    assert await listed(person("ann", tenant="ten_b")) == []


async def test_a_list_can_be_narrowed(
    add_task: AddTask,
    project: Project,
    listed: Callable[..., Any],
    now: datetime,
    move: Callable[..., Any],
) -> None:
    task = await add_task("a", project_id=project.id, assignee_ids=("per_bo",), now=now)
    await add_task("b", assignee_ids=("per_bo",), now=now + timedelta(seconds=1))
    await add_task("c", now=now + timedelta(seconds=2))
    await move(task, state=State.DOING, now=now + timedelta(seconds=3))

    assert await listed(project_id=project.id) == ["a"]
    assert await listed(assignee_id="per_bo") == ["a", "b"]
    assert await listed(states=[State.TODO]) == ["c", "b"]
    assert await listed(assignee_id="per_bo", states=[State.DOING, State.DONE]) == ["a"]
    with pytest.raises(ProjectNotFound):
        await listed(project_id="prj_absent")


async def test_pages_join_to_the_whole_list_even_within_one_millisecond(
    store: Store, add_task: AddTask, ann: Actor, project: Project
) -> None:
    tasks = [
        await add_task(f"t{number}", project_id=project.id if number % 2 else "")
        for number in range(11)
    ]
    asked: dict[str, Any] = {"actor": ann, "project_id": "", "assignee_id": "", "states": []}
    seen, token = [], ""
    while True:
        page = await queries.list_tasks(store, **asked, page_size=3, page_token=token)
        seen += [task.title for task in page.items]
        token = page.next_page_token
        if not token:
            break

    assert seen == [task.title for task in reversed(tasks)]


async def test_a_page_token_is_bound_to_person_and_filters(
    store: Store, add_task: AddTask, ann: Actor, person: Callable[..., Actor]
) -> None:
    for _ in range(3):
        await add_task(assignee_ids=("per_bo",))
    asked: dict[str, Any] = {"project_id": "", "assignee_id": "", "states": [], "page_size": 1}
    token = (await queries.list_tasks(store, actor=ann, **asked, page_token="")).next_page_token

    for actor, changed in (
        (person("bo"), {}),
        (ann, {"assignee_id": "per_bo"}),
        (ann, {"states": [State.TODO]}),
    ):
        with pytest.raises(InvalidPageToken):
            await queries.list_tasks(store, actor=actor, **{**asked, **changed}, page_token=token)
    with pytest.raises(InvalidArgument):
        await queries.list_tasks(store, actor=ann, **{**asked, "page_size": -1}, page_token="")


async def test_projects_are_listed_to_their_members_newest_first(
    store: Store, ann: Actor, person: Callable[..., Actor], now: datetime
) -> None:
    for number in range(5):
        await operations.create_project(
            store,
            actor=ann,
            name=f"p{number}",
            goal="",
            member_ids=["per_bo"] if number % 2 else [],
            request=None,
            now=now + timedelta(seconds=number),
        )

    names, token = [], ""
    while True:
        page = await queries.list_projects(store, actor=ann, page_size=2, page_token=token)
        names += [project.name for project in page.items]
        token = page.next_page_token
        if not token:
            break
    theirs = await queries.list_projects(store, actor=person("bo"), page_size=0, page_token="")

    assert names == ["p4", "p3", "p2", "p1", "p0"]
    assert [project.name for project in theirs.items] == ["p3", "p1"]


async def test_tsk_01_history_pages_join_to_the_whole_history(
    store: Store, add_task: AddTask, ann: Actor, project: Project, move: Callable[..., Any]
) -> None:
    task = await add_task(project_id=project.id)
    for state in (State.DOING, State.BLOCKED, State.DONE):
        await move(task, state=state)

    asked: dict[str, Any] = {"actor": ann, "task_id": task.id}
    whole = await queries.list_task_history(store, **asked, page_size=200, page_token="")
    pieces, token = [], ""
    while True:
        page = await queries.list_task_history(store, **asked, page_size=2, page_token=token)
        pieces += page.items
        token = page.next_page_token
        if not token:
            break

    assert tuple(pieces) == whole.items
    assert [change.field for change in whole.items[:4]] == ["created", "state", "column_id", "rank"]
    assert [change.to_value for change in whole.items if change.field == "state"] == [
        "doing",
        "blocked",
        "done",
    ]


async def test_figures_are_those_of_the_tenant(
    store: Store, add_task: AddTask, project: Project, person: Callable[..., Actor]
) -> None:
    await add_task()
    await add_task(project_id=project.id)

    ours = await queries.get_tasks_status(store, actor=person("zoe"))
    theirs = await queries.get_tasks_status(store, actor=person("zoe", tenant="ten_b"))

    assert (ours.tasks, ours.projects) == (2, 1)
    assert (theirs.tasks, theirs.projects) == (0, 0)


async def test_src_01_containers_are_the_projects_and_one_for_all_loose_tasks(
    store: Store, add_task: AddTask, project: Project, person: Callable[..., Actor], now: datetime
) -> None:
    bo = person("bo")
    before = await queries.readable_containers(store, person=bo)
    await add_task(assignee_ids=("per_bo",))
    same = await queries.readable_containers(store, person=bo)
    await operations.create_project(
        store, actor=bo, name="More", goal="", member_ids=[], request=None, now=now
    )
    after = await queries.readable_containers(store, person=bo)

    assert [(container.kind, container.id) for container in before.containers] == [
        ("project", project.id),
        ("task-participant", "per_bo"),
    ]
    assert before == same
    assert after.version != before.version
    assert len(after.containers) == 3


async def test_src_02_a_recheck_answers_each_object_in_order(
    store: Store, add_task: AddTask, project: Project, person: Callable[..., Actor]
) -> None:
    inside = await add_task(project_id=project.id)
    loose = await add_task(assignee_ids=("per_dee",))
    references = [
        Reference(kind="task", id=inside.id),
        Reference(kind="task", id=loose.id),
        Reference(kind="task", id="tsk_absent"),
        Reference(kind="project", id=project.id),
        Reference(kind="message", id=inside.id),
        Reference(kind="task", id=inside.id),
    ]

    async def readable(actor: Actor) -> list[int]:
        verdicts = await queries.recheck(store, person=actor, references=references)
        assert all(verdict.readable == bool(verdict.version) for verdict in verdicts)
        return [verdict.version for verdict in verdicts]

    assert await readable(person("ann")) == [1, 1, 0, 1, 0, 1]
    assert await readable(person("bo")) == [1, 0, 0, 1, 0, 1]
    assert await readable(person("dee")) == [0, 1, 0, 0, 0, 0]
    assert await readable(person("ann", tenant="ten_b")) == [0] * 6
    with pytest.raises(InvalidArgument):
        await queries.recheck(store, person=person("ann"), references=references * 100)


async def test_a_snapshot_holds_every_relation(
    store: Store, add_task: AddTask, project: Project, person: Callable[..., Actor], now: datetime
) -> None:
    inside = await add_task(project_id=project.id)
    loose = await add_task(assignee_ids=("per_dee",))
    foreign = await operations.create_task(
        store,
        actor=person("eve", tenant="ten_b"),
        project_id="",
        new=NewTask(title="Theirs"),
        request=None,
        now=now,
    )

    ours = [relation async for relation in queries.snapshot(store, tenant_id="ten_a")]
    everybody = [relation async for relation in queries.snapshot(store, tenant_id="")]

    written = {f"{r.object}#{r.relation}@{r.subject}" for r in ours}
    assert written == {
        *(f"project:{project.id}#member@person:per_{name}" for name in ("ann", "bo", "cy")),
        f"task:{inside.id}#project@project:{project.id}",
        f"task:{loose.id}#participant@person:per_ann",
        f"task:{loose.id}#participant@person:per_dee",
    }
    assert set(everybody) == {*ours, *task_relations(foreign)}
    assert set(project_relations(project)) <= set(ours)


async def test_every_query_is_served_by_an_index(
    db: Database,
    store: Store,
    add_task: AddTask,
    project: Project,
    ann: Actor,
    now: datetime,
    listed: Callable[..., Any],
) -> None:
    for number in range(60):
        await add_task(
            f"t{number}",
            project_id=project.id if number % 2 else "",
            assignee_ids=("per_bo",) if number % 15 == 0 else (),
            due=DueAt(now) if number % 20 == 0 else None,
        )
    await listed()
    await listed(project_id=project.id)
    await listed(assignee_id="per_bo")
    await queries.get_board(store, actor=ann, project_id=project.id)
    task = await queries.get_task(store, actor=ann, task_id="", key="T-7")
    await queries.get_task(store, actor=ann, task_id=task.id)
    assert len(await store.tasks.overdue(now=now, limit=10)) == 3
    await queries.list_open_work(store, actor=ann, person_id="per_bo", page_size=0, page_token="")
    with pytest.raises(MemberHasOpenTasks):
        await operations.update_project(
            store,
            actor=ann,
            project_id=project.id,
            edit=ProjectEdit(remove_member_ids=("per_bo",)),
            expected_version=0,
            request=None,
            now=now,
        )

    indexes = await db.collection("tasks", schema_version=1).aggregate([{"$indexStats": {}}])
    assert {index["name"] for index in indexes if not index["accesses"]["ops"]} == set()


@pytest.mark.rule("MSG-21")
async def test_msg_21_pages_of_tasks_with_long_descriptions_end_by_bytes(
    store: Store, ann: Actor, now: datetime
) -> None:
    for number in range(40):
        new = NewTask(title=f"t{number}", description="x" * 64_000)
        await operations.create_task(
            store,
            actor=ann,
            project_id="",
            new=new,
            request=None,
            now=now + timedelta(seconds=number),
        )
    titles, token, pages = [], "", 0
    while pages == 0 or token:
        page = await queries.list_tasks(
            store,
            actor=ann,
            project_id="",
            assignee_id="",
            states=[],
            page_size=200,
            page_token=token,
        )
        assert sum(len(task.description) for task in page.items) <= MAX_PAGE_BYTES
        titles += [task.title for task in page.items]
        token, pages = page.next_page_token, pages + 1

    assert titles == [f"t{number}" for number in reversed(range(40))]
    assert pages > 1
