"""The mask dimension of the matrix: columns hidden from `member`, on every path (GW-3).

Each path is walked three times by the same member: while nothing is hidden, while message texts,
task titles and addresses are hidden, and after they are shown again.
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
from plexus.directory.v1 import access_pb2
from plexus.directory.v1 import access_service_pb2 as access_pb
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1 import personal_service_pb2 as personal_pb
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messages_pb2 import Mention, Message
from plexus.notify.v1 import notify_service_pb2 as notify_pb
from plexus.search.v1.search_service_pb2 import SearchRequest
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus.tasks.v1.tasks_pb2 import Task
from plexus_sdk import Plexus, Refused, open_channel
from plexus_testkit.harness import PASSWORD, Platform
from plexus_testkit.wait import eventually
from plexuskit.grpc import refused

from .streams import sent_in_a_stream

WITHIN = 40
MASKED = "FIELD_MASKED"
HIDDEN = ((Person, "email", "time_zone"), (Message, "text"), (Task, "title"))


@dataclass
class Scene:
    """Ann, an administrator with a message and a task, and Bob, who reads both as a member."""

    root: Plexus
    ann: Plexus
    bob: Plexus
    ann_id: str
    bob_id: str
    room: str
    task: str
    word: str
    email: str
    platform: Platform
    handle: str


Path = Callable[[Scene], Awaitable[str]]
"""Walks a path as Bob; returns `shown`, `hidden`, `done` or the reason of a refusal."""


def _holds(scene: Scene, answer: Any) -> str:
    content = answer.SerializeToString()
    words = (scene.word.encode(), scene.email.encode())
    return "shown" if any(each in content for each in words) else "hidden"


async def _asked(person: Plexus, method: Any, request: Any) -> str:
    try:
        await person.call(method, request)
    except Refused as error:
        return error.reason
    return "done"


async def get_message(scene: Scene) -> str:
    request = messaging_pb.GetMessageRequest(conversation_id=scene.room, seq=1)
    return _holds(scene, await scene.bob.call(scene.bob.messaging.GetMessage, request))


async def list_messages(scene: Scene) -> str:
    request = messaging_pb.ListMessagesRequest(conversation_id=scene.room)
    return _holds(scene, await scene.bob.call(scene.bob.messaging.ListMessages, request))


async def list_changes(scene: Scene) -> str:
    request = messaging_pb.ListChangesRequest(conversation_id=scene.room)
    return _holds(scene, await scene.bob.call(scene.bob.messaging.ListChanges, request))


async def react(scene: Scene) -> str:
    """React to a message: the answer contains it under a permission other than `messages.read`."""
    request = messaging_pb.ReactToMessageRequest(
        request_id=secrets.token_hex(8), conversation_id=scene.room, seq=1, emoji="+1"
    )
    return _holds(scene, await scene.bob.call(scene.bob.messaging.ReactToMessage, request))


async def versions_of_a_message(scene: Scene) -> str:
    request = messaging_pb.ListMessageVersionsRequest(conversation_id=scene.room, seq=1)
    return _holds(scene, await scene.bob.call(scene.bob.messaging.ListMessageVersions, request))


async def proof_of_a_conversation(scene: Scene) -> str:
    request = messaging_pb.VerifyConversationRequest(conversation_id=scene.room)
    return _holds(scene, await scene.bob.call(scene.bob.messaging.VerifyConversation, request))


async def history_of_a_task(scene: Scene) -> str:
    request = tasks_pb.ListTaskHistoryRequest(task_id=scene.task)
    return _holds(scene, await scene.bob.call(scene.bob.tasks.ListTaskHistory, request))


async def get_task(scene: Scene) -> str:
    request = tasks_pb.GetTaskRequest(task_id=scene.task)
    return _holds(scene, await scene.bob.call(scene.bob.tasks.GetTask, request))


async def get_person(scene: Scene) -> str:
    request = directory_pb.GetPersonRequest(person_id=scene.ann_id)
    return _holds(scene, await scene.bob.call(scene.bob.directory.GetPerson, request))


async def preview_of_a_send(scene: Scene) -> str:
    """Preview a send on a Sunday at noon, when Ann is off: the answer contains local times."""
    now = datetime.now(UTC)
    sunday = (now + timedelta(days=7 - now.weekday() + 6)).replace(hour=12)
    at = Timestamp()
    at.FromDatetime(sunday)
    request = messaging_pb.PreviewSendRequest(conversation_id=scene.room, send_at=at)
    answer = await scene.bob.call(scene.bob.messaging.PreviewSend, request)
    assert answer.audience == 1
    assert len(answer.people) == answer.off_hours
    return "shown" if answer.people else "hidden"


async def sign_in(scene: Scene) -> str:
    """Sign in: the answer shows the person before any access token exists."""
    async with open_channel(scene.platform.grpc_address) as channel:
        request = SignInRequest(handle=scene.handle, password=PASSWORD, device="masks")
        return _holds(scene, await SessionServiceStub(channel).SignIn(request, timeout=20))


async def list_people(scene: Scene) -> str:
    request = directory_pb.ListPeopleRequest(page_size=1000)
    return _holds(scene, await scene.bob.call(scene.bob.directory.ListPeople, request))


async def drafts(scene: Scene) -> str:
    answer = await scene.bob.call(scene.bob.personal.ListDrafts, personal_pb.ListDraftsRequest())
    return _holds(scene, answer)


async def scheduled_messages(scene: Scene) -> str:
    request = personal_pb.ListScheduledMessagesRequest()
    return _holds(scene, await scene.bob.call(scene.bob.personal.ListScheduledMessages, request))


async def search_for_a_message(scene: Scene) -> str:
    return await _found(scene, scene.word, "message")


async def search_for_a_task(scene: Scene) -> str:
    return await _found(scene, scene.word, "task")


async def search_for_an_address(scene: Scene) -> str:
    return await _found(scene, scene.email, "person")


async def _found(scene: Scene, query: str, type_: str) -> str:
    answer = await scene.bob.call(
        scene.bob.search.Search, SearchRequest(query=query, types=[type_])
    )
    assert answer.total == len(answer.hits)
    return "shown" if answer.hits else "hidden"


async def notifications(scene: Scene) -> str:
    answer = await scene.bob.call(
        scene.bob.notify.ListNotifications, notify_pb.ListNotificationsRequest()
    )
    assert any(each.source.conversation_id == scene.room for each in answer.notifications)
    return _holds(scene, answer)


async def stream(scene: Scene) -> str:
    """Receive Ann's message and its notification in a live stream."""
    call = scene.bob.live.Subscribe(
        SubscribeRequest(device="masks"), metadata=await scene.bob.metadata()
    )
    marker = secrets.token_hex(8)
    heard = set[str]()
    seen = b""
    try:
        async with asyncio.timeout(WITHIN):
            await call.read()
            await _say(scene, f"{scene.word} {marker}")
            while heard != {"events", "personal"}:
                for frame in (await call.read()).frames:
                    kind = frame.WhichOneof("frame")
                    if (
                        kind == "events"
                        and any(each.type.endswith("MessagePosted") for each in frame.events.events)
                    ) or (kind == "personal" and "Notification" in frame.personal.event.type):
                        heard.add(kind)
                    seen += frame.SerializeToString()
    finally:
        call.cancel()
    return "shown" if marker.encode() in seen else "hidden"


async def export_of_the_ledger(scene: Scene) -> str:
    call = scene.bob.audit.ExportAudit(
        audit_pb.ExportAuditRequest(from_no=1), metadata=await scene.bob.metadata()
    )
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return refused(error).reason
    finally:
        call.cancel()
    return "done"


async def send(scene: Scene) -> str:
    return await _asked(scene.bob, scene.bob.messaging.SendMessage, _message(scene))


async def send_batch(scene: Scene) -> str:
    request = messaging_pb.SendMessagesRequest(items=[_message(scene)])
    return await _asked(scene.bob, scene.bob.messaging.SendMessages, request)


async def send_in_a_stream(scene: Scene) -> str:
    return await sent_in_a_stream(scene.bob, scene.room, _message(scene), within=WITHIN)


async def forward(scene: Scene) -> str:
    request = messaging_pb.ForwardMessagesRequest(
        request_id=secrets.token_hex(8),
        conversation_id=scene.room,
        seqs=[1],
        to_conversation_id=scene.room,
    )
    return await _asked(scene.bob, scene.bob.messaging.ForwardMessages, request)


async def save_draft(scene: Scene) -> str:
    request = personal_pb.SaveDraftRequest(
        conversation_id=scene.room, text=f"draft {scene.word}", written_at=_at(timedelta())
    )
    return await _asked(scene.bob, scene.bob.personal.SaveDraft, request)


async def schedule(scene: Scene) -> str:
    content = personal_pb.ScheduledContent(conversation_id=scene.room, text=f"later {scene.word}")
    request = personal_pb.ScheduleMessageRequest(
        request_id=secrets.token_hex(8), message=content, send_at=_at(timedelta(days=1))
    )
    return await _asked(scene.bob, scene.bob.personal.ScheduleMessage, request)


async def update_task(scene: Scene) -> str:
    request = tasks_pb.UpdateTaskRequest(
        request_id=secrets.token_hex(8), task_id=scene.task, title=f"plan {scene.word}"
    )
    return await _asked(scene.bob, scene.bob.tasks.UpdateTask, request)


def _message(scene: Scene) -> messaging_pb.SendMessageRequest:
    return messaging_pb.SendMessageRequest(
        conversation_id=scene.room, request_id=secrets.token_hex(8), text="said"
    )


def _at(later: timedelta) -> Timestamp:
    at = Timestamp()
    at.FromDatetime(datetime.now(UTC) + later)
    return at


async def _say(scene: Scene, text: str) -> None:
    request = messaging_pb.SendMessageRequest(
        conversation_id=scene.room,
        request_id=secrets.token_hex(8),
        text=text,
        mentions=[Mention(person_id=scene.bob_id)],
    )
    await scene.ann.call(scene.ann.messaging.SendMessage, request)


READING: tuple[Path, ...] = (
    get_message,
    list_messages,
    list_changes,
    react,
    versions_of_a_message,
    proof_of_a_conversation,
    get_task,
    history_of_a_task,
    get_person,
    preview_of_a_send,
    sign_in,
    list_people,
    drafts,
    scheduled_messages,
    search_for_a_message,
    search_for_a_task,
    search_for_an_address,
    notifications,
    stream,
)
WRITING: tuple[Path, ...] = (
    send,
    send_batch,
    send_in_a_stream,
    forward,
    save_draft,
    schedule,
    update_task,
    export_of_the_ledger,
)


@pytest.fixture(scope="module")
async def scene(platform: Platform) -> Any:
    handles = await platform.new_people("ann", "bob")
    ann_id, bob_id = platform.id_of(handles["ann"]), platform.id_of(handles["bob"])
    async with (
        platform.admin() as root,
        platform.signed_in(handles["ann"]) as ann,
        platform.signed_in(handles["bob"]) as bob,
    ):
        word = f"canary{secrets.token_hex(6)}"
        email = f"{secrets.token_hex(6)}@plexus.example"
        await root.call(
            root.directory.UpdatePerson,
            directory_pb.UpdatePersonRequest(
                person_id=ann_id, email=email, roles=["admin"], set_roles=True
            ),
        )
        await root.call(
            root.directory.UpdatePerson,
            directory_pb.UpdatePersonRequest(person_id=bob_id, email=f"bob{email}"),
        )
        room = await ann.call(
            ann.messaging.CreateConversation,
            messaging_pb.CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=Conversation.KIND_GROUP,
                name="masked",
                member_ids=[bob_id],
            ),
        )
        task = await ann.call(
            ann.tasks.CreateTask,
            tasks_pb.CreateTaskRequest(
                request_id=secrets.token_hex(8), title=word, assignee_ids=[bob_id]
            ),
        )
        made = Scene(
            root=root,
            ann=ann,
            bob=bob,
            ann_id=ann_id,
            bob_id=bob_id,
            room=room.conversation.id,
            task=task.task.id,
            word=word,
            email=email,
            platform=platform,
            handle=handles["bob"],
        )
        await _say(made, word)
        await ann.call(
            ann.messaging.EditMessage,
            messaging_pb.EditMessageRequest(
                request_id=secrets.token_hex(8),
                conversation_id=made.room,
                seq=1,
                text=f"{word} again",
                mentions=[Mention(person_id=bob_id)],
            ),
        )
        await _let_export(made)
        for path in (save_draft, schedule, update_task):
            assert await path(made) == "done"
        yield made


async def _let_export(scene: Scene) -> None:
    """Grant Bob `audit.export` by a separate role, which shows no people, messages or tasks."""
    role = await scene.root.call(
        scene.root.grants.CreateRole,
        access_pb.CreateRoleRequest(
            request_id=secrets.token_hex(8),
            name=f"exporter {secrets.token_hex(4)}",
            permissions=["audit.export"],
        ),
    )
    bind = access_pb.BindRoleRequest(
        request_id=secrets.token_hex(8), role_id=role.role.id, subject=f"person:{scene.bob_id}"
    )
    await scene.root.call(scene.root.grants.BindRole, bind)


@pytest.mark.rule("GW-3")
async def test_gw_03_what_is_hidden_from_members_is_hidden_on_every_path(scene: Scene) -> None:
    everything = (*READING, *WRITING)
    open_ = ["shown"] * len(READING) + ["done"] * len(WRITING)
    masked = ["hidden"] * len(READING) + [MASKED] * len(WRITING)

    await _until(scene, everything, open_)
    await _mask(scene, *HIDDEN)
    try:
        await _until(scene, everything, masked)
        # A process that has received the mask keeps applying it.
        assert [await path(scene) for path in everything] == masked
    finally:
        await _mask(scene)
    await _until(scene, everything, open_)


@pytest.mark.rule("GW-3")
async def test_gw_03_a_role_that_shows_a_column_shows_it_again_beside_member(scene: Scene) -> None:
    await _mask(scene, *HIDDEN)
    try:
        await _until(scene, (get_person, get_message), ["hidden", "hidden"])
        role = await scene.root.call(
            scene.root.grants.CreateRole,
            access_pb.CreateRoleRequest(
                request_id=secrets.token_hex(8),
                name=f"reader {secrets.token_hex(4)}",
                permissions=["people.read"],
            ),
        )
        bind = access_pb.BindRoleRequest(
            request_id=secrets.token_hex(8), role_id=role.role.id, subject=f"person:{scene.bob_id}"
        )
        bound = await scene.root.call(scene.root.grants.BindRole, bind)
        await _until(scene, (get_person, search_for_an_address), ["shown", "shown"])
        # The role shows people, but nothing else that `member` hides.
        assert await get_message(scene) == "hidden"
        await scene.root.call(
            scene.root.grants.UnbindRole,
            access_pb.UnbindRoleRequest(
                request_id=secrets.token_hex(8), binding_id=bound.binding.id
            ),
        )
        await _until(scene, (get_person, search_for_an_address), ["hidden", "hidden"])
    finally:
        await _mask(scene)
    await _until(scene, (get_person, get_message), ["shown", "shown"])


async def _until(scene: Scene, paths: tuple[Path, ...], wanted: list[str]) -> None:
    """Wait until every path gives its expected result: processes learn of a change one by one."""
    for path, expected in zip(paths, wanted, strict=True):
        came: list[str] = []

        async def come(path: Path = path, expected: str = expected, came: list[str] = came) -> bool:
            came.append(await path(scene))
            return came[-1] == expected

        try:
            await eventually(come, within=WITHIN)
        except AssertionError as failed:
            raise AssertionError(f"{path.__name__} came to {came}, not {expected}") from failed


async def _mask(scene: Scene, *hidden: tuple[Any, ...]) -> None:
    """Let `member` show every field of the messages except the given ones."""
    masks = [
        access_pb2.FieldMask(
            message=message.DESCRIPTOR.full_name,
            fields=[each for each in message.DESCRIPTOR.fields_by_name if each not in fields],
        )
        for message, *fields in hidden
    ]
    request = access_pb.UpdateRoleRequest(
        request_id=secrets.token_hex(8), role_id="member", set_masks=True, masks=masks
    )
    role = (await scene.root.call(scene.root.grants.UpdateRole, request)).role
    assert (role.id, role.built_in, len(role.masks)) == ("member", True, len(hidden))
