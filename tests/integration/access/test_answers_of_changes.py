"""GW-9, GW-10: the answer to a change shows no more than its caller may read."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plexus.directory.v1 import access_service_pb2 as access_pb
from plexus.directory.v1 import session_service_pb2 as session_pb
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.tasks.v1 import tasks_service_pb2 as tasks_pb
from plexus_sdk import Plexus, Profiles, Refused
from plexus_sdk.profiles import api_token_profile
from plexus_testkit.harness import Platform
from plexus_testkit.wait import eventually
from plexuskit.grpc import open_channel

pytestmark = pytest.mark.rule("GW-10")

WORD = "canary of a text"
WITHIN = 40
# `seq` of the message that the other member sent.
FIRST = 1


class Scene:
    """A member, a room with another member's message, and a task of the member."""

    root: Plexus
    ann: Plexus
    bob: Plexus
    room: str
    task: tasks_pb.GetTaskResponse

    def changes(self) -> dict[str, tuple[str, Any]]:
        """Return requests of bob that leave the state unchanged, by their permission."""
        room, task = self.room, self.task.task.id
        return {
            "ReactToMessage": (
                "messages.send",
                messaging_pb.ReactToMessageRequest(
                    conversation_id=room, seq=FIRST, emoji="\U0001f44d", remove=True
                ),
            ),
            "PinMessage": (
                "messages.send",
                messaging_pb.PinMessageRequest(conversation_id=room, seq=FIRST, unpin=True),
            ),
            "LabelMessage": (
                "messages.send",
                messaging_pb.LabelMessageRequest(conversation_id=room, seq=FIRST),
            ),
            "UpdateConversation": (
                "conversations.manage",
                messaging_pb.UpdateConversationRequest(conversation_id=room),
            ),
            "FollowThread": (
                "messages.follow",
                messaging_pb.FollowThreadRequest(conversation_id=room, root_seq=FIRST),
            ),
            "UpdateTask": ("tasks.update", tasks_pb.UpdateTaskRequest(task_id=task)),
        }


@pytest.fixture(scope="module")
async def scene(platform: Platform) -> Any:
    handles = await platform.new_people("ann", "bob")
    made = Scene()
    async with (
        platform.admin() as made.root,
        platform.signed_in(handles["ann"]) as made.ann,
        platform.signed_in(handles["bob"]) as made.bob,
    ):
        ann, bob_id = made.ann, platform.id_of(handles["bob"])
        request = messaging_pb.CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name=WORD,
            topic=WORD,
            member_ids=[bob_id],
        )
        created = await made.bob.call(made.bob.messaging.CreateConversation, request)
        made.room = created.conversation.id
        add = messaging_pb.AddMembersRequest(
            request_id=secrets.token_hex(8),
            conversation_id=made.room,
            person_ids=[platform.id_of(handles["ann"])],
        )
        await made.bob.call(made.bob.messaging.AddMembers, add)
        for reply_to in (0, FIRST):
            say = messaging_pb.SendMessageRequest(
                conversation_id=made.room,
                request_id=secrets.token_hex(8),
                text=WORD,
                reply_to_seq=reply_to,
            )
            stored = await ann.call(ann.messaging.SendMessage, say)
        assert stored.seq == FIRST + 1
        task = tasks_pb.CreateTaskRequest(
            request_id=secrets.token_hex(8), title=WORD, description=WORD, assignee_ids=[bob_id]
        )
        task_id = (await ann.call(ann.tasks.CreateTask, task)).task.id
        made.task = await ann.call(ann.tasks.GetTask, tasks_pb.GetTaskRequest(task_id=task_id))
        yield made


def _owner(person: Plexus, method: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(
        person.tasks if method == "UpdateTask" else person.messaging, method
    )
    return found


@asynccontextmanager
async def _app(scene: Scene, platform: Platform, *scopes: str) -> AsyncIterator[Plexus]:
    """Connect with an API token of bob that has these permissions."""
    request = session_pb.CreateApiTokenRequest(
        request_id=secrets.token_hex(8), name=secrets.token_hex(4), scopes=scopes
    )
    request.expires_at.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    made = await scene.bob.call(scene.bob.sessions.CreateApiToken, request)
    async with open_channel(platform.grpc_address) as channel:
        profile = api_token_profile(url=platform.grpc_address, token=made.secret)
        yield Plexus(channel, profile, Profiles(platform.layout.root / "no-credentials.json"))


@pytest.mark.parametrize(
    "method",
    [
        "ReactToMessage",
        "PinMessage",
        "LabelMessage",
        "UpdateConversation",
        "FollowThread",
        "UpdateTask",
    ],
)
async def test_gw_09_a_token_that_may_change_and_not_read_gets_ids_alone(
    scene: Scene, platform: Platform, method: str
) -> None:
    permission, request = scene.changes()[method]
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = secrets.token_hex(8)
    reading = {"messages": "messages.read", "conversations": "conversations.read"}.get(
        permission.partition(".")[0], "tasks.read"
    )
    async with _app(scene, platform, permission) as blind:
        answer = await blind.call(_owner(blind, method), request)
    assert WORD.encode() not in answer.SerializeToString()
    first = answer.ListFields()[0][1]
    assert {field.name for field, _ in first.ListFields()} <= {
        *("id", "tenant_id", "version", "change_no", "request_id", "conversation_id", "seq")
    }
    assert first.ListFields(), "what identifies the object is shown"

    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.request_id = secrets.token_hex(8)
    async with _app(scene, platform, permission, reading) as seeing:
        answer = await seeing.call(_owner(seeing, method), request)
    shows = method == "FollowThread" or WORD.encode() in answer.SerializeToString()
    assert shows
    assert len(answer.ListFields()[0][1].ListFields()) > 4


async def test_gw_10_a_policy_on_reading_holds_for_the_answers_of_changes(scene: Scene) -> None:
    _, request = scene.changes()["PinMessage"]

    async def shown() -> bool:
        answer = await scene.bob.call(scene.bob.messaging.PinMessage, request)
        return WORD in answer.message.text

    assert await shown()
    await _put(scene, "messages.read", f"conversation:{scene.room}", enabled=True)
    try:

        async def hidden() -> bool:
            return not await shown()

        await eventually(hidden, within=WITHIN)
    finally:
        await _put(scene, "messages.read", f"conversation:{scene.room}", enabled=False)
    await eventually(shown, within=WITHIN)


async def test_gw_10_a_policy_about_a_task_holds_when_it_is_named_by_its_key(scene: Scene) -> None:
    task = scene.task.task

    async def comes_to(expected: set[str]) -> None:
        async def come() -> bool:
            read = tasks_pb.GetTaskRequest(key=task.key)
            by_id = tasks_pb.GetTaskRequest(task_id=task.id)
            return {
                await _asked(scene.bob, scene.bob.tasks.GetTask, each) for each in (read, by_id)
            } == expected

        await eventually(come, within=WITHIN)

    await comes_to({"done"})
    await _put(scene, "tasks.read", f"task:{task.id}", enabled=True)
    try:
        await comes_to({"POLICY_FORBIDS"})
        # No other request accepts a key: no policy would recognise the object by that second name.
        for request in (
            tasks_pb.UpdateTaskRequest(task_id=task.key, title="by key"),
            tasks_pb.MoveTaskRequest(task_id=task.key, state=2),
            tasks_pb.AssignTaskRequest(task_id=task.key),
            tasks_pb.ListTaskHistoryRequest(task_id=task.key),
        ):
            method = type(request).__name__.removesuffix("Request")
            call = getattr(scene.bob.tasks, method)
            assert await _asked(scene.bob, call, request) == "TASK_NOT_FOUND"
    finally:
        await _put(scene, "tasks.read", f"task:{task.id}", enabled=False)
    await comes_to({"done"})


async def test_gw_10_a_policy_about_a_person_holds_for_what_is_theirs(
    scene: Scene, platform: Platform
) -> None:
    handle = (await platform.new_people("victim"))["victim"]
    person_id = platform.id_of(handle)
    root = scene.root
    paths = {
        "people.manage": [
            (
                root.sessions.SetPassword,
                session_pb.SetPasswordRequest(
                    person_id=person_id, new_password=f"{secrets.token_hex(8)} x"
                ),
            ),
        ],
        "sessions.manage": [
            (root.sessions.ListSessions, session_pb.ListSessionsRequest(person_id=person_id)),
            (root.sessions.RevokeSessions, session_pb.RevokeSessionsRequest(person_id=person_id)),
            (
                root.sessions.RemoveSecondFactor,
                session_pb.RemoveSecondFactorRequest(person_id=person_id, factor_id="fac_absent"),
            ),
        ],
        "api_tokens.manage": [
            (
                root.sessions.CreateApiToken,
                session_pb.CreateApiTokenRequest(
                    person_id=person_id, name="x", scopes=["messages.read"]
                ),
            ),
        ],
    }
    for permission, calls in paths.items():
        for method, request in calls:
            assert await _asked(root, method, request) != "POLICY_FORBIDS"
        await _put(scene, permission, f"person:{person_id}", enabled=True)
        try:
            for method, request in calls:

                async def refused(method: Any = method, request: Any = request) -> bool:
                    return await _asked(root, method, request) == "POLICY_FORBIDS"

                await eventually(refused, within=WITHIN)
            # A policy about another person does not forbid a caller's own sessions.
            own = session_pb.ListSessionsRequest()
            assert await _asked(root, root.sessions.ListSessions, own) == "done"
        finally:
            await _put(scene, permission, f"person:{person_id}", enabled=False)


async def _asked(person: Plexus, method: Any, request: Any) -> str:
    try:
        await person.call(method, request)
    except Refused as error:
        return error.reason
    return "done"


async def _put(scene: Scene, permission: str, about: str, *, enabled: bool) -> None:
    cedar = (
        f'forbid(principal, action == Plexus::Action::"{permission}",'
        f' resource == Plexus::Object::"{about}") when {{ !context.second_factor }};'
    )
    request = access_pb.PutAccessPolicyRequest(
        request_id=secrets.token_hex(8),
        name=f"answers {permission}",
        cedar=cedar,
        enabled=enabled,
    )
    await scene.root.call(scene.root.grants.PutAccessPolicy, request)
