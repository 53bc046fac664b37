"""Policy dimension of the matrix: one policy, on every path to one conversation (GW-10).

Each path is walked three times by the same person: without the policy, while it keeps people
without a second factor from the conversation, and after its removal.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.audit.v1 import audit_service_pb2 as audit_pb
from plexus.directory.v1 import access_service_pb2 as access_pb
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.directory.v1 import session_service_pb2 as session_pb
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1 import personal_service_pb2 as personal_pb
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.notify.v1 import notify_service_pb2 as notify_pb
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus_sdk import Plexus, Refused
from plexus_testkit.harness import Platform
from plexus_testkit.wait import eventually
from plexuskit.grpc import refused

from .streams import sent_in_a_stream

WITHIN = 40
REFUSED = "POLICY_FORBIDS"
READ, SEND = "messages.read", "messages.send"


@dataclass
class Scene:
    """Two people, a conversation that the policy covers, and one that it does not cover."""

    root: Plexus
    ann: Plexus
    bob: Plexus
    bob_id: str
    ann_id: str
    ann_handle: str
    room: str
    other: str
    word: str

    async def say(self, person: Plexus, text: str, *mentions: str) -> None:
        request = messaging_pb.SendMessageRequest(
            conversation_id=self.room,
            request_id=secrets.token_hex(8),
            text=text,
            mentions=[Mention(person_id=each) for each in mentions],
        )
        await person.call(person.messaging.SendMessage, request)


Path = Callable[[Scene], Awaitable[str]]
"""Walks a path as bob; returns `shown`, `done`, `hidden` or the reason of a refusal."""


async def _asked(person: Plexus, method: Any, request: Any) -> str:
    try:
        await person.call(method, request)
    except Refused as error:
        return error.reason
    return "done"


async def list_messages(scene: Scene) -> str:
    request = messaging_pb.ListMessagesRequest(conversation_id=scene.room)
    return await _asked(scene.bob, scene.bob.messaging.ListMessages, request)


async def get_message(scene: Scene) -> str:
    request = messaging_pb.GetMessageRequest(conversation_id=scene.room, seq=1)
    return await _asked(scene.bob, scene.bob.messaging.GetMessage, request)


async def list_changes(scene: Scene) -> str:
    request = messaging_pb.ListChangesRequest(conversation_id=scene.room)
    return await _asked(scene.bob, scene.bob.messaging.ListChanges, request)


async def verify(scene: Scene) -> str:
    request = messaging_pb.VerifyConversationRequest(conversation_id=scene.room)
    return await _asked(scene.bob, scene.bob.messaging.VerifyConversation, request)


async def forward_from(scene: Scene) -> str:
    return await _forward(scene, scene.room, scene.other)


async def search(scene: Scene) -> str:
    request = SearchRequest(query=scene.word, types=["message"])
    answer = await scene.bob.call(scene.bob.search.Search, request)
    assert answer.total == len(answer.hits)
    # A message forwarded from the room before belongs to another conversation and is found there.
    return "done" if any(hit.conversation_id == scene.room for hit in answer.hits) else "hidden"


async def notifications(scene: Scene) -> str:
    answer = await scene.bob.call(
        scene.bob.notify.ListNotifications, notify_pb.ListNotificationsRequest()
    )
    about = [each for each in answer.notifications if each.source.conversation_id == scene.room]
    assert about
    return "done" if any(scene.word in each.body for each in about) else "hidden"


async def subscribe(scene: Scene) -> str:
    """Receive ann's message in the room, or notice that the room is closed to the stream."""
    call = scene.bob.live.Subscribe(
        SubscribeRequest(device="matrix"), metadata=await scene.bob.metadata()
    )
    marker = secrets.token_hex(8)
    try:
        async with asyncio.timeout(WITHIN):
            await call.read()
            await scene.say(scene.ann, marker)
            while True:
                for frame in (await call.read()).frames:
                    if frame.conversation_closed.conversation_id == scene.room:
                        return "hidden"
                    if marker.encode() in frame.SerializeToString():
                        return "done"
    finally:
        call.cancel()


async def send(scene: Scene) -> str:
    return await _asked(scene.bob, scene.bob.messaging.SendMessage, _message(scene.room))


async def send_batch(scene: Scene) -> str:
    items = [_message(scene.other), _message(scene.room)]
    answer = await scene.bob.call(
        scene.bob.messaging.SendMessages, messaging_pb.SendMessagesRequest(items=items)
    )
    first, second = answer.verdicts
    assert first.HasField("stored")
    return "done" if second.HasField("stored") else str(second.refused.reason)


async def send_in_a_stream(scene: Scene) -> str:
    return await sent_in_a_stream(scene.bob, scene.room, _message(scene.room), within=WITHIN)


async def forward_to(scene: Scene) -> str:
    return await _forward(scene, scene.other, scene.room)


async def schedule(scene: Scene) -> str:
    at = Timestamp()
    at.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    request = personal_pb.ScheduleMessageRequest(
        request_id=secrets.token_hex(8),
        message=personal_pb.ScheduledContent(conversation_id=scene.room, text="later"),
        send_at=at,
    )
    return await _asked(scene.bob, scene.bob.personal.ScheduleMessage, request)


async def save_draft(scene: Scene) -> str:
    at = Timestamp()
    at.FromDatetime(datetime.now(UTC))
    request = personal_pb.SaveDraftRequest(
        conversation_id=scene.room, text=f"draft {scene.word}", written_at=at
    )
    return await _asked(scene.bob, scene.bob.personal.SaveDraft, request)


async def list_drafts(scene: Scene) -> str:
    answer = await scene.bob.call(scene.bob.personal.ListDrafts, personal_pb.ListDraftsRequest())
    return "done" if any(scene.word in each.text for each in answer.drafts) else "hidden"


async def list_scheduled(scene: Scene) -> str:
    answer = await scene.bob.call(
        scene.bob.personal.ListScheduledMessages, personal_pb.ListScheduledMessagesRequest()
    )
    here = any(each.conversation_id == scene.room for each in answer.scheduled)
    return "done" if here else "hidden"


async def _forward(scene: Scene, source: str, target: str) -> str:
    request = messaging_pb.ForwardMessagesRequest(
        request_id=secrets.token_hex(8),
        conversation_id=source,
        seqs=[1],
        to_conversation_id=target,
    )
    return await _asked(scene.bob, scene.bob.messaging.ForwardMessages, request)


def _message(conversation_id: str) -> messaging_pb.SendMessageRequest:
    return messaging_pb.SendMessageRequest(
        conversation_id=conversation_id, request_id=secrets.token_hex(8), text="said"
    )


READING: tuple[tuple[Path, str], ...] = (
    (list_messages, REFUSED),
    (get_message, REFUSED),
    (list_changes, REFUSED),
    (verify, REFUSED),
    (forward_from, REFUSED),
    (search, "hidden"),
    (notifications, "hidden"),
    (subscribe, "hidden"),
)
WRITING: tuple[tuple[Path, str], ...] = (
    (send, REFUSED),
    (send_batch, REFUSED),
    (send_in_a_stream, REFUSED),
    (forward_to, REFUSED),
    (schedule, REFUSED),
    (save_draft, REFUSED),
    (list_drafts, "hidden"),
    (list_scheduled, "hidden"),
)


@pytest.fixture(scope="module")
async def scene(platform: Platform) -> Any:
    handles = await platform.new_people("ann", "bob")
    async with (
        platform.admin() as root,
        platform.signed_in(handles["ann"]) as ann,
        platform.signed_in(handles["bob"]) as bob,
    ):

        async def group(name: str) -> str:
            request = messaging_pb.CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=Conversation.KIND_GROUP,
                name=name,
                member_ids=[platform.id_of(handles["bob"])],
            )
            made = await ann.call(ann.messaging.CreateConversation, request)
            return str(made.conversation.id)

        made = Scene(
            root=root,
            ann=ann,
            bob=bob,
            bob_id=platform.id_of(handles["bob"]),
            ann_id=platform.id_of(handles["ann"]),
            ann_handle=handles["ann"],
            room=await group("policed"),
            other=await group("open"),
            word=f"canary{secrets.token_hex(6)}",
        )
        await made.say(ann, made.word, made.bob_id)
        await ann.call(ann.messaging.SendMessage, _message(made.other))
        assert await save_draft(made) == "done"
        yield made


@pytest.mark.rule("GW-10")
@pytest.mark.parametrize(
    ("permission", "paths"), [(READ, READING), (SEND, WRITING)], ids=["reading", "writing"]
)
async def test_gw_10_a_policy_holds_on_every_path_for_as_long_as_it_stands(
    scene: Scene, permission: str, paths: tuple[tuple[Path, str], ...]
) -> None:
    await _until(scene, paths, lambda _: "done")

    await _put(scene, permission, enabled=True)
    try:
        await _until(scene, paths, lambda expected: expected)
        # A process that has received the policy keeps applying it.
        assert [await path(scene) for path, _ in paths] == [expected for _, expected in paths]
    finally:
        await _put(scene, permission, enabled=False)

    await _until(scene, paths, lambda _: "done")


@pytest.mark.rule("GW-10")
async def test_gw_10_lists_of_people_leave_out_whom_a_policy_keeps_from_the_caller(
    scene: Scene,
) -> None:
    directory = scene.bob.directory
    group = await scene.root.call(
        scene.root.directory.CreateGroup,
        directory_pb.CreateGroupRequest(
            request_id=secrets.token_hex(8), name=secrets.token_hex(8), member_ids=[scene.ann_id]
        ),
    )
    lists = (
        (directory.ListPeople, directory_pb.ListPeopleRequest(query=scene.ann_handle)),
        (directory.BatchGetPeople, directory_pb.BatchGetPeopleRequest(person_ids=[scene.ann_id])),
        (
            directory.ListGroupMembers,
            directory_pb.ListGroupMembersRequest(group_id=group.group.id),
        ),
    )

    async def seen() -> list[bool]:
        answers = [await scene.bob.call(method, request) for method, request in lists]
        return [any(each.id == scene.ann_id for each in answer.people) for answer in answers]

    async def comes_to(expected: bool) -> None:  # noqa: FBT001 - read aloud where it is called
        async def come() -> bool:
            return await seen() == [expected] * len(lists)

        await eventually(come, within=WITHIN)

    get = directory_pb.GetPersonRequest(handle=scene.ann_handle)
    await comes_to(expected=True)
    await _put(scene, "people.read", enabled=True, about=f"person:{scene.ann_id}")
    try:
        await comes_to(expected=False)
        assert await _asked(scene.bob, directory.GetPerson, get) == REFUSED
    finally:
        await _put(scene, "people.read", enabled=False, about=f"person:{scene.ann_id}")
    await comes_to(expected=True)
    assert await _asked(scene.bob, directory.GetPerson, get) == "done"


@pytest.mark.rule("GW-10")
async def test_gw_10_proofs_and_changes_follow_the_policy_on_reading_conversations(
    scene: Scene,
) -> None:
    proof = messaging_pb.VerifyConversationRequest(conversation_id=scene.room)
    changes = messaging_pb.ListChangesRequest(conversation_id=scene.room)

    async def named() -> bool:
        answer = await scene.bob.call(scene.bob.messaging.ListChanges, changes)
        return b"policed" in answer.SerializeToString()

    async def comes_to(reason: str, *, names: bool) -> None:
        async def come() -> bool:
            verified = await _asked(scene.bob, scene.bob.messaging.VerifyConversation, proof)
            return (verified, await named()) == (reason, names)

        await eventually(come, within=WITHIN)

    await comes_to("done", names=True)
    about = f"conversation:{scene.room}"
    await _put(scene, "conversations.read", enabled=True, about=about)
    try:
        await comes_to(REFUSED, names=False)
    finally:
        await _put(scene, "conversations.read", enabled=False, about=about)
    await comes_to("done", names=True)


@pytest.mark.rule("GW-10")
async def test_gw_10_administrators_change_at_once_what_they_have_just_made(scene: Scene) -> None:
    directory, permissions = scene.root.directory, ("people.manage", "departments.manage")
    about = dict(zip(permissions, ("person:per_nobody", "department:dep_nobody"), strict=True))
    for permission in permissions:
        await _put(scene, permission, enabled=True, about=about[permission])
    try:
        for _ in range(3):
            department = await scene.root.call(
                directory.CreateDepartment,
                directory_pb.CreateDepartmentRequest(
                    request_id=secrets.token_hex(8), name=secrets.token_hex(8)
                ),
            )
            made = await scene.root.call(
                directory.CreatePerson,
                directory_pb.CreatePersonRequest(
                    request_id=secrets.token_hex(8),
                    handle=f"made-{secrets.token_hex(4)}",
                    display_name="made",
                    department_ids=[department.department.id],
                ),
            )
            password = session_pb.SetPasswordRequest(
                person_id=made.person.id,
                new_password=f"{secrets.token_hex(8)} x",
                reason="a new colleague",
            )
            await scene.root.call(scene.root.sessions.SetPassword, password)
        absent = directory_pb.UpdatePersonRequest(
            request_id=secrets.token_hex(8), person_id=f"{scene.bob_id[:-4]}ZZZZ"
        )
        assert await _asked(scene.root, directory.UpdatePerson, absent) == "PERSON_NOT_FOUND"
    finally:
        for permission in permissions:
            await _put(scene, permission, enabled=False, about=about[permission])


@pytest.mark.rule("GW-10")
async def test_gw_10_a_policy_about_a_project_holds_for_tasks_that_are_made_in_it(
    scene: Scene,
) -> None:
    project = await scene.bob.call(
        scene.bob.tasks.CreateProject,
        tasks_pb.CreateProjectRequest(request_id=secrets.token_hex(8), name="policed"),
    )

    async def made(project_id: str) -> str:
        request = tasks_pb.CreateTaskRequest(
            request_id=secrets.token_hex(8), project_id=project_id, title="made"
        )
        return await _asked(scene.bob, scene.bob.tasks.CreateTask, request)

    async def comes_to(expected: str) -> None:
        async def come() -> bool:
            return await made(project.project.id) == expected

        await eventually(come, within=WITHIN)

    await comes_to("done")
    await _put(scene, "tasks.create", enabled=True, about=f"project:{project.project.id}")
    try:
        await comes_to(REFUSED)
        assert await made("") == "done"
    finally:
        await _put(scene, "tasks.create", enabled=False, about=f"project:{project.project.id}")
    await comes_to("done")


@pytest.mark.rule("GW-10")
async def test_gw_10_a_policy_holds_for_exports(scene: Scene) -> None:
    async def export() -> str:
        call = scene.root.audit.ExportAudit(
            audit_pb.ExportAuditRequest(from_no=1), metadata=await scene.root.metadata()
        )
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            return refused(error).reason
        finally:
            call.cancel()
        return "done"

    async def comes_to(expected: str) -> None:
        async def come() -> bool:
            return await export() == expected

        await eventually(come, within=WITHIN)

    await comes_to("done")
    await _put(scene, "audit.export", enabled=True, everywhere=True)
    try:
        await comes_to(REFUSED)
    finally:
        await _put(scene, "audit.export", enabled=False, everywhere=True)
    await comes_to("done")


async def _until(
    scene: Scene, paths: tuple[tuple[Path, str], ...], wanted: Callable[[str], str]
) -> None:
    """Wait until every path gives its expected result: processes learn of a change one by one."""
    for path, expected in paths:
        came: list[str] = []

        async def come(path: Path = path, expected: str = expected, came: list[str] = came) -> bool:
            came.append(await path(scene))
            return came[-1] == wanted(expected)

        try:
            await eventually(come, within=WITHIN)
        except AssertionError as failed:
            raise AssertionError(f"{path} came to {came}, not {wanted(expected)}") from failed


async def _put(
    scene: Scene, permission: str, *, enabled: bool, everywhere: bool = False, about: str = ""
) -> None:
    named = about or f"conversation:{scene.room}"
    resource = "resource" if everywhere else f'resource == Plexus::Object::"{named}"'
    cedar = (
        f'forbid(principal, action == Plexus::Action::"{permission}", {resource})'
        " when { !context.second_factor };"
    )
    request = access_pb.PutAccessPolicyRequest(
        request_id=secrets.token_hex(8),
        name=f"matrix {permission}",
        cedar=cedar,
        enabled=enabled,
    )
    await scene.root.call(scene.root.grants.PutAccessPolicy, request)
