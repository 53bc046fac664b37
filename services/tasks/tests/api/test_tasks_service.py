from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexus.tasks.v1.tasks_pb2 import (
    TASK_PRIORITY_NORMAL,
    TASK_PRIORITY_URGENT,
    Due,
    Task,
)
from plexuskit.grpc import open_channel, refused

SignedIn = Callable[..., Any]
# In a table of requests: the task that the test makes.
MADE = "tsk_made"
ABSENT = {"task_id": "tsk_absent"}


async def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    outcome = refused(failed.value)
    assert outcome.domain == "plexus.tasks"
    assert outcome.message(), "every refusal says something to a person"
    return outcome.code, outcome.reason


async def make_task(person: Any, **fields: Any) -> Task:
    request = pb.CreateTaskRequest(**{"title": "Order desks", **fields})
    return (await person.CreateTask(request)).task


async def test_a_task_from_its_making_to_done(signed_in: SignedIn) -> None:
    ann, bo = signed_in("ann"), signed_in("bo")
    made = (
        await ann.CreateProject(
            pb.CreateProjectRequest(name="Move", goal="New office", member_ids=["per_bo"])
        )
    ).project
    task = await make_task(
        ann,
        project_id=made.id,
        title="Desks for the third floor 三楼",
        description="Forty of them",
        due=Due(date="2036-03-02"),
        assignee_ids=["per_bo"],
    )
    assert (task.key, task.version, task.state) == ("T-1", 1, Task.STATE_TODO)
    assert (task.owner_id, task.creator_id) == ("per_ann", "per_ann")
    assert (task.priority, task.column_id) == (TASK_PRIORITY_NORMAL, "todo")
    assert task.tenant_id == "ten_a"

    moved = (
        await bo.MoveTask(
            pb.MoveTaskRequest(task_id=task.id, expected_version=1, state=Task.STATE_DOING)
        )
    ).task
    edited = (
        await ann.UpdateTask(
            pb.UpdateTaskRequest(
                task_id=task.id,
                expected_version=moved.version,
                priority=TASK_PRIORITY_URGENT,
                owner_id="per_bo",
                clear_due=True,
            )
        )
    ).task
    assigned = (
        await ann.AssignTask(
            pb.AssignTaskRequest(task_id=task.id, assignee_ids=["per_ann", "per_bo"])
        )
    ).task
    done = (await bo.MoveTask(pb.MoveTaskRequest(task_id=task.id, column_id="done"))).task

    assert (edited.priority, edited.owner_id) == (TASK_PRIORITY_URGENT, "per_bo")
    assert not edited.HasField("due")
    assert list(assigned.assignee_ids) == ["per_ann", "per_bo"]
    assert (done.state, done.version) == (Task.STATE_DONE, 5)
    assert done.HasField("completed_at")
    assert (await ann.GetTask(pb.GetTaskRequest(key="T-1"))).task == done

    board = await bo.GetBoard(pb.GetBoardRequest(project_id=made.id))
    assert [lane.column.name for lane in board.lanes] == ["To do", "Doing", "Blocked", "Done"]
    assert [[card.key for card in lane.tasks] for lane in board.lanes] == [[], [], [], ["T-1"]]
    assert board.project == made

    history = await bo.ListTaskHistory(pb.ListTaskHistoryRequest(task_id=task.id))
    assert [
        (change.version, change.actor_id)
        for change in history.changes
        if change.field in {"created", "state"}
    ] == [(1, "per_ann"), (2, "per_bo"), (5, "per_bo")]


async def test_due_values_come_back_as_they_were_sent(signed_in: SignedIn) -> None:
    at = Timestamp(seconds=2_088_032_400, nanos=123_000_000)

    instant = await make_task(signed_in("ann"), due=Due(at=at))
    day = await make_task(signed_in("ann"), due=Due(date="2036-02-29"))

    assert instant.due == Due(at=at)
    assert day.due == Due(date="2036-02-29")


async def test_lists_and_figures(signed_in: SignedIn) -> None:
    ann, bo = signed_in("ann"), signed_in("bo")
    project = (await ann.CreateProject(pb.CreateProjectRequest(name="Move"))).project
    for number in range(3):
        await make_task(ann, title=f"t{number}", assignee_ids=["per_bo"] if number else [])

    first = await ann.ListTasks(pb.ListTasksRequest(page_size=2))
    second = await ann.ListTasks(pb.ListTasksRequest(page_size=2, page_token=first.next_page_token))
    theirs = await bo.ListTasks(pb.ListTasksRequest(states=[Task.STATE_TODO]))

    assert [task.title for task in (*first.tasks, *second.tasks)] == ["t2", "t1", "t0"]
    assert not second.next_page_token
    assert [task.title for task in theirs.tasks] == ["t2", "t1"]
    assert list((await ann.ListProjects(pb.ListProjectsRequest())).projects) == [project]
    assert not (await bo.ListProjects(pb.ListProjectsRequest())).projects
    status = await signed_in("auditor").GetTasksStatus(pb.GetTasksStatusRequest())
    assert (status.tasks, status.projects) == (3, 1)


@pytest.mark.parametrize(
    ("method", "request_", "code", "reason"),
    [
        ("CreateTask", pb.CreateTaskRequest(), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", assignee_ids=[f"per_{n}" for n in range(51)]),
            "INVALID_ARGUMENT",
            "TOO_MANY_ASSIGNEES",
        ),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", due=Due(date="tomorrow")),
            "INVALID_ARGUMENT",
            "INVALID_ARGUMENT",
        ),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", due=Due()),
            "INVALID_ARGUMENT",
            "INVALID_ARGUMENT",
        ),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", due=Due(at=Timestamp(seconds=10**15))),
            "INVALID_ARGUMENT",
            "FIELD_OUT_OF_RANGE",
        ),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", priority=77),  # type: ignore[arg-type]  # on purpose
            "INVALID_ARGUMENT",
            "FIELD_OUT_OF_RANGE",
        ),
        (
            "CreateTask",
            pb.CreateTaskRequest(title="x", project_id="prj_absent"),
            "NOT_FOUND",
            "PROJECT_NOT_FOUND",
        ),
        ("GetTask", pb.GetTaskRequest(key="T-99"), "NOT_FOUND", "TASK_NOT_FOUND"),
        ("GetTask", pb.GetTaskRequest(task_id="T-1"), "NOT_FOUND", "TASK_NOT_FOUND"),
        ("GetTask", pb.GetTaskRequest(), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (
            "GetTask",
            pb.GetTaskRequest(task_id=MADE, key="T-1"),
            "INVALID_ARGUMENT",
            "INVALID_ARGUMENT",
        ),
        ("GetBoard", pb.GetBoardRequest(project_id="x"), "NOT_FOUND", "PROJECT_NOT_FOUND"),
        (
            "MoveTask",
            pb.MoveTaskRequest(task_id=MADE, state=Task.STATE_DONE),
            "FAILED_PRECONDITION",
            "TRANSITION_NOT_ALLOWED",
        ),
        (
            "MoveTask",
            pb.MoveTaskRequest(task_id=MADE, state=Task.STATE_DOING, column_id="doing"),
            "FAILED_PRECONDITION",
            "TASK_NOT_ON_BOARD",
        ),
        (
            "MoveTask",
            pb.MoveTaskRequest(task_id=MADE, state=Task.STATE_DOING, expected_version=9),
            "ABORTED",
            "VERSION_CONFLICT",
        ),
        (
            "UpdateTask",
            pb.UpdateTaskRequest(task_id=MADE, owner_id=""),
            "INVALID_ARGUMENT",
            "OWNER_REQUIRED",
        ),
        (
            "UpdateTask",
            pb.UpdateTaskRequest(task_id=MADE, expected_version=2, title="y"),
            "ABORTED",
            "VERSION_CONFLICT",
        ),
        (
            "AssignTask",
            pb.AssignTaskRequest(request_id="r1", task_id=MADE),
            "ALREADY_EXISTS",
            "REQUEST_ID_REUSED",
        ),
        (
            "ListTasks",
            pb.ListTasksRequest(page_token="made-up"),
            "INVALID_ARGUMENT",
            "INVALID_PAGE_TOKEN",
        ),
        (
            "ListTasks",
            pb.ListTasksRequest(states=[0]),  # type: ignore[list-item]  # on purpose
            "INVALID_ARGUMENT",
            "FIELD_OUT_OF_RANGE",
        ),
    ],
)
async def test_refusals_have_a_status_and_a_name(
    signed_in: SignedIn, method: str, request_: Any, code: str, reason: str
) -> None:
    ann = signed_in("ann")
    made = await make_task(ann, request_id="r1")
    if getattr(request_, "task_id", "") == MADE:
        request_.task_id = made.id

    assert await refusal(getattr(ann, method)(request_)) == (grpc.StatusCode[code], reason)


async def test_gw_02_a_hidden_task_answers_as_an_absent_one_to_the_letter(
    signed_in: SignedIn,
) -> None:
    made = await make_task(signed_in("ann"))
    stranger, foreigner = signed_in("zoe"), signed_in("ann", tenant="ten_b")

    async def answer(person: Any, **named: str) -> tuple[Any, ...]:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await person.GetTask(pb.GetTaskRequest(**named))
        outcome = refused(failed.value)
        text = outcome.message().replace(*named.values(), "…")
        return outcome.code, outcome.reason, text, sorted(outcome.metadata)

    for hidden, absent in (({"key": "T-1"}, {"key": "T-2"}), ({"task_id": made.id}, ABSENT)):
        expected = await answer(stranger, **absent)
        assert await answer(stranger, **hidden) == expected
        assert await answer(foreigner, **hidden) == expected


async def test_gw_01_without_a_signed_caller_nothing_is_served(client: Any) -> None:
    call = client.ListTasks(pb.ListTasksRequest(), timeout=5)

    assert await refusal(call) == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_CONTEXT_MISSING")


async def test_gw_01_people_cannot_ask_the_authority(target: str, signed_in: SignedIn) -> None:
    metadata = signed_in("ann").metadata
    async with open_channel(target) as opened:
        # The gateway forwards no internal method; a person's context alone does not open it.
        call = AuthorityStub(opened).ReadableContainers(
            authority_pb2.ReadableContainersRequest(tenant_id="ten_a", person_id="per_bo"),
            metadata=metadata,
            timeout=5,
        )
        assert await refusal(call) == (grpc.StatusCode.PERMISSION_DENIED, "INTERNAL_ONLY")
