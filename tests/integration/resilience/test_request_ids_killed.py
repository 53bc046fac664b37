"""A service killed between the commit of a change and its answer: a repeat is answered (GW-6)."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from plexus.audit.v1.audit_service_pb2 import ListAuditEntriesRequest, RecordSkipRequest
from plexus.directory.v1.directory_service_pb2 import (
    CreateDepartmentRequest,
    ListDepartmentsRequest,
)
from plexus.messaging.v1.messaging_service_pb2 import AddMembersRequest
from plexus.tasks.v1.tasks_service_pb2 import CreateTaskRequest, ListTasksRequest
from plexus_sdk import Plexus
from plexus_testkit.wait import eventually

pytestmark = pytest.mark.rule("GW-6")

DIES_WITHIN = 20


@pytest.fixture
def killed(armed, patiently) -> Callable[..., Awaitable[Any]]:
    """Send a request to a process that dies after the commit; return the answer to a repeat."""

    async def sent(process: str, point: str, caller: Plexus, method: Any, request: Any) -> Any:
        doomed = await armed(process, f"{point}:kill@1")
        await doomed.serves()

        async def died_by_it() -> bool:
            # The gateway may still be connecting anew: the request has not arrived then.
            with pytest.raises(grpc.aio.AioRpcError):
                await method(request, metadata=await caller.metadata(), timeout=15)
            return not doomed.running

        await eventually(died_by_it, within=DIES_WITHIN, every=0.2)
        await doomed.begin()
        again = await patiently(caller, method, request)
        assert await patiently(caller, method, request) == again
        return again

    return sent


async def test_gw_06_directory_is_killed_before_it_answers(platform, killed):
    name = f"killed {secrets.token_hex(4)}"
    request = CreateDepartmentRequest(request_id=secrets.token_hex(8), name=name)
    async with platform.admin() as root:
        method = root.directory.CreateDepartment
        answer = await killed("directory", "reorganise.after_commit", root, method, request)
        listed = await root.call(root.directory.ListDepartments, ListDepartmentsRequest())

    found = [each for each in listed.departments if each.name == name]
    assert found == [answer.department]


async def test_gw_06_tasks_is_killed_before_it_answers(people, killed):
    ann, title = people["ann"], f"killed {secrets.token_hex(4)}"
    request = CreateTaskRequest(request_id=secrets.token_hex(8), title=title)

    answer = await killed("tasks", "once.after_commit", ann, ann.tasks.CreateTask, request)

    listed = await ann.call(ann.tasks.ListTasks, ListTasksRequest())
    assert [each.id for each in listed.tasks if each.title == title] == [answer.task.id]


async def test_gw_06_audit_is_killed_before_it_answers(platform, killed):
    request = RecordSkipRequest(
        request_id=secrets.token_hex(8),
        topic="tasks.task.v1",
        offset=secrets.randbelow(2**40),
        reason="a test of repeats",
    )
    async with platform.admin() as root:
        answer = await killed("audit", "skip.after_commit", root, root.audit.RecordSkip, request)
        wanted = ListAuditEntriesRequest(object=answer.entry.object)
        listed = await root.call(root.audit.ListAuditEntries, wanted)

    assert list(listed.entries) == [answer.entry]


async def test_gw_06_messaging_is_killed_before_it_answers(people, room, killed):
    ann, conversation = people["ann"], await room("ann", "bob")
    doras_id = people["dora"].profile.person_id
    request = AddMembersRequest(
        request_id=secrets.token_hex(8), conversation_id=conversation, person_ids=[doras_id]
    )

    method = ann.messaging.AddMembers
    answer = await killed("messaging-api", "change.after_commit", ann, method, request)

    assert list(answer.added_person_ids) == [doras_id]
    assert answer.conversation.member_count == 3
