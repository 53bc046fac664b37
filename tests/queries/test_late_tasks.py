"""Calls of tasks at their largest size, on a MongoDB that takes 3 ms more for each command."""

from zoneinfo import ZoneInfo

import pytest
from plexus.authz.v1 import authority_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.mongo import Database
from tasks.api import AuthorityApi, TasksApi
from tasks.domain.inputs import ASSIGNEES, DESCRIPTION_BYTES, MEMBERS, PAGE_LIMIT
from tasks.operations.work import TOGETHER
from tasks.queries.readable import RECHECK_LIMIT
from tasks.store import Store

FEW = 16


@pytest.fixture
async def store(late_db: Database) -> Store:
    store = Store(late_db, zone=ZoneInfo("Asia/Shanghai"))
    await store.provision()
    return store


@pytest.mark.largest(
    "tasks.TasksService",
    "CreateProject",
    "CreateTask",
    "GetTask",
    "UpdateTask",
    "GetTasksStatus",
    "ListTasks",
    "GetBoard",
    "AssignTask",
    "MoveTask",
    "ListProjects",
    "ListTaskHistory",
)
@pytest.mark.largest("tasks.Authority", "Recheck", "ReadableContainers")
async def test_tasks_at_their_largest(store, called, as_person):
    as_person("ann")
    api, authority = (
        TasksApi(store, decisions=Company().decisions, clock=SystemClock()),
        AuthorityApi(store),
    )
    people = [f"per_{number}" for number in range(MEMBERS - 1)]

    made = await called(
        lambda: api.CreateProject(pb.CreateProjectRequest(name="Move", member_ids=people), None),
        maximum=FEW,
    )
    project_id = made.project.id
    tasks = [
        (
            await api.CreateTask(
                pb.CreateTaskRequest(title=f"t{number}", project_id=project_id), None
            )
        ).task
        for number in range(PAGE_LIMIT)
    ]
    # At the end of a full column, with the maximum number of assignees.
    last = await called(
        lambda: api.CreateTask(
            pb.CreateTaskRequest(
                title="last",
                description="d" * 10_000,
                project_id=made.project.id,
                assignee_ids=people[:ASSIGNEES],
                request_id="once",
            ),
            None,
        ),
        maximum=FEW,
    )
    await called(lambda: api.GetTask(pb.GetTaskRequest(task_id=last.task.id), None), maximum=FEW)
    await called(
        lambda: api.UpdateTask(
            pb.UpdateTaskRequest(task_id=last.task.id, title="later", request_id="twice"), None
        ),
        maximum=FEW,
    )
    await called(lambda: api.GetTasksStatus(pb.GetTasksStatusRequest(), None), maximum=FEW)
    containers = await called(
        lambda: authority.ReadableContainers(
            authority_pb2.ReadableContainersRequest(tenant_id="ten_acme", person_id="ann"), None
        ),
        maximum=FEW,
        deadline=3,
    )
    listed = await called(
        lambda: api.ListTasks(
            pb.ListTasksRequest(project_id=project_id, page_size=PAGE_LIMIT), None
        ),
        maximum=FEW,
    )
    board = await called(
        lambda: api.GetBoard(pb.GetBoardRequest(project_id=project_id), None), maximum=FEW
    )
    assigned = await called(
        lambda: api.AssignTask(
            pb.AssignTaskRequest(task_id=tasks[0].id, assignee_ids=people[:ASSIGNEES]), None
        ),
        maximum=FEW,
    )
    moved = await called(
        lambda: api.MoveTask(
            pb.MoveTaskRequest(task_id=tasks[0].id, after_task_id=tasks[-1].id), None
        ),
        maximum=FEW,
    )
    await called(lambda: api.ListProjects(pb.ListProjectsRequest(page_size=200), None), maximum=FEW)
    await called(
        lambda: api.ListTaskHistory(
            pb.ListTaskHistoryRequest(task_id=tasks[0].id, page_size=PAGE_LIMIT), None
        ),
        maximum=FEW,
    )
    refs = [
        authority_pb2.ObjectRef(kind="task", id=tasks[number % PAGE_LIMIT].id)
        for number in range(RECHECK_LIMIT)
    ]
    rechecked = await called(
        lambda: authority.Recheck(
            authority_pb2.RecheckRequest(tenant_id="ten_acme", person_id="ann", refs=refs), None
        ),
        maximum=FEW,
        deadline=3,
    )

    assert len(listed.tasks) == PAGE_LIMIT
    assert sum(len(lane.tasks) for lane in board.lanes) == PAGE_LIMIT + 1
    assert {each.kind for each in containers.containers} == {"project", "task-participant"}
    assert len(assigned.task.assignee_ids) == ASSIGNEES
    assert moved.task.version == 3
    assert all(verdict.readable for verdict in rechecked.verdicts)


@pytest.mark.largest("tasks.TasksService", "UpdateProject", "ListOpenWork", "ReassignWork")
async def test_projects_and_work_that_change_hands_at_their_largest(store, called, as_person):
    as_person("ann")
    api = TasksApi(store, decisions=Company().decisions, clock=SystemClock())
    half = MEMBERS // 2
    people = [f"per_{number}" for number in range(MEMBERS + half)]

    async def begin(number):
        request = pb.CreateProjectRequest(name=f"p{number}", member_ids=people[: MEMBERS - 2])
        project_id = (await api.CreateProject(request, None)).project.id
        task = pb.CreateTaskRequest(
            title=f"t{number}", description="d" * 10_000, project_id=project_id
        )
        await api.CreateTask(task, None)
        return project_id

    projects = [await begin(number) for number in range(PAGE_LIMIT)]
    changed = await called(
        lambda: api.UpdateProject(
            pb.UpdateProjectRequest(
                project_id=projects[0],
                name="Moved",
                goal="g" * DESCRIPTION_BYTES,
                remove_member_ids=people[:half],
                add_member_ids=people[MEMBERS : MEMBERS + half - 1],
                request_id="once",
            ),
            None,
        ),
        maximum=FEW,
    )
    listed = await called(
        lambda: api.ListOpenWork(
            pb.ListOpenWorkRequest(person_id="ann", page_size=PAGE_LIMIT), None
        ),
        maximum=FEW,
    )
    given = await called(
        lambda: api.ReassignWork(
            pb.ReassignWorkRequest(person_id="ann", to_person_id=people[-1], request_id="twice"),
            None,
        ),
        maximum=FEW,
    )

    assert changed.project.name == "Moved"
    assert len(listed.tasks) == len(listed.projects) == PAGE_LIMIT
    assert len(given.tasks) == TOGETHER
    assert given.more
