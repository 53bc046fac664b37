"""Streams deliver by the permissions of each stream's token, not of its person (GW-9, GW-10)."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.events_pb2 import DraftSaved
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.personal_service_pb2 import Draft
from plexus.notify.v1.events_pb2 import NotificationRaised
from plexus.notify.v1.notifications_pb2 import Notification, Source
from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_PERSON_V1,
    MESSAGING_PERSON_V1,
    NOTIFY_NOTIFICATION_V1,
)
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id
from plexuskit.kafka import producer

TENANT = "ten_acme"
EVERY = (
    "sessions.open",
    "messages.read",
    "messages.send",
    "notifications.read",
    "conversations.read",
)

Tell = Callable[..., Awaitable[None]]


def fact(message: Any, *, entity_id: str, version: int = 1) -> Envelope:
    now = SystemClock().now()
    stamp = Timestamp()
    stamp.FromDatetime(now)
    return Envelope(
        event_id=new_id("evt", now=now),
        tenant_id=TENANT,
        scope=entity_id,
        type=message.DESCRIPTOR.full_name,
        fact=message.SerializeToString(),
        entity_id=entity_id,
        entity_version=version,
        occurred_at=stamp,
        change_no=version,
        schema_version=1,
    )


@pytest.fixture
async def tell(world: Any):
    """Publish a fact as its owner's relay does."""
    async with producer(world.kafka) as sending:

        async def told(topic: Any, key: str, envelope: Envelope) -> None:
            await sending.send_batch([(topic.name, key, envelope.SerializeToString(), {})])

        yield told


def person(id_: str) -> Envelope:
    told = people_pb2.Person(
        id=id_,
        version=1,
        roles=["member"],
        kind=people_pb2.Person.KIND_HUMAN,
        state=people_pb2.Person.STATE_ACTIVE,
    )
    return fact(events_pb2.PersonChanged(person=told), entity_id=id_)


def policy(name: str, cedar: str, *, version: int = 1, removed: bool = False) -> Envelope:
    told = access_pb2.AccessPolicy(
        id=f"pol_{name}", name=name, cedar=cedar, enabled=True, version=version, removed=removed
    )
    changed = events_pb2.AccessPolicyChanged(policy=told)
    return fact(changed, entity_id=told.id, version=version)


def note(person_id: str, conversation_id: str, body: str) -> Envelope:
    told = Notification(
        id=f"ntf_{secrets.token_hex(4)}",
        person_id=person_id,
        body=body,
        source=Source(kind="message", id="msg_1", conversation_id=conversation_id, seq=1),
    )
    return fact(NotificationRaised(notification=told), entity_id=told.id)


def personal(client: Any) -> list[str]:
    return [frame.event.type.rpartition(".")[2] for frame in client.of("personal")]


def closed(client: Any) -> list[str]:
    return [frame.conversation_id for frame in client.of("conversation_closed")]


@pytest.mark.rule("GW-9")
@pytest.mark.parametrize("missing", EVERY[1:])
async def test_gw_09_a_stream_delivers_only_what_the_scopes_of_its_token_allow(
    gateway: Any, tell: Tell, missing: str
) -> None:
    name = f"per_{missing.replace('.', '_')}"
    tokens = gateway.world.directory
    ana = await gateway.client("per_ana")
    whole = await gateway.client(name, token=tokens.api_token(name, *EVERY))
    scopes = [each for each in EVERY if each != missing]
    limited = await gateway.client(name, token=tokens.api_token(name, *scopes))
    conversation = await ana.create(name)

    await ana.answered(await ana.send(conversation, "said"))
    draft = DraftSaved(draft=Draft(person_id=name, conversation_id=conversation, text="drafted"))
    await tell(MESSAGING_PERSON_V1, name, fact(draft, entity_id=f"drf_{name}"))
    await tell(NOTIFY_NOTIFICATION_V1, name, note(name, conversation, "noted"))

    await eventually(lambda: whole.texts(conversation) == ["said"], within=30)
    await eventually(lambda: len(personal(whole)) == 2, within=30)
    expected = {"messages.send": "DraftSaved", "notifications.read": "NotificationRaised"}
    # Events for both arrive in one order, so nothing can follow the last of them.
    await eventually(
        lambda: set(personal(limited)) == set(expected.values()) - {expected.get(missing)},
        within=30,
    )
    reads = missing != "messages.read"
    await eventually(lambda: (limited.texts(conversation) == ["said"]) == reads, within=30)
    assert bool(limited.of("events")) == reads


@pytest.mark.rule("GW-9")
async def test_gw_09_a_stream_without_scopes_for_messages_is_told_no_positions(
    gateway: Any,
) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_quiet")
    token = gateway.world.directory.api_token("per_quiet", "sessions.open")

    quiet = await gateway.client("per_quiet", token=token)
    other = await gateway.client("per_quiet")
    await ana.answered(await ana.send(conversation, "said"))
    await eventually(lambda: other.texts(conversation) == ["said"], within=30)
    await eventually(lambda: len(quiet.of("heartbeat")) >= 2, within=30)

    assert conversation in {each.conversation_id for each in other.welcome.positions}
    assert not quiet.welcome.positions
    assert not any(beat.positions for beat in quiet.of("heartbeat"))
    assert {frame.WhichOneof("frame") for frame in quiet.frames} == {"welcome", "heartbeat"}


@pytest.mark.rule("GW-9")
@pytest.mark.parametrize(
    ("scope", "call"),
    [
        ("messages.read", "AdvanceCursors"),
        ("messages.read", "FollowThread"),
        ("messages.read", "ForwardMessages"),
        ("messages.send", "ForwardMessages"),
        ("conversations.read", "LeaveConversation"),
    ],
)
async def test_gw_09_a_token_for_reading_changes_nothing(
    gateway: Any, scope: str, call: str
) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_reader")
    reader = gateway.unopened(
        "per_reader", token=gateway.world.directory.api_token("per_reader", scope)
    )
    requests = {
        "AdvanceCursors": messaging_service_pb2.AdvanceCursorsRequest(
            advances=[{"conversation_id": conversation, "through_seq": 1}]
        ),
        "FollowThread": messaging_service_pb2.FollowThreadRequest(
            conversation_id=conversation, root_seq=1
        ),
        "ForwardMessages": messaging_service_pb2.ForwardMessagesRequest(
            request_id="r", conversation_id=conversation, seqs=[1], to_conversation_id=conversation
        ),
        "LeaveConversation": messaging_service_pb2.LeaveConversationRequest(
            request_id="r", conversation_id=conversation
        ),
    }

    with pytest.raises(Exception, match="do not include the permission") as refused:
        await getattr(reader.messaging, call)(requests[call], metadata=reader.metadata)

    assert refused.value.code().name == "PERMISSION_DENIED"


@pytest.mark.rule("GW-10")
async def test_gw_10_a_policy_on_apps_keeps_messages_from_their_streams_alone(
    world: Any, tell: Tell
) -> None:
    forbid = (
        'forbid(principal, action == Plexus::Action::"messages.read", resource)'
        " when { context.app };"
    )
    world.directory.facts = [person("per_ana"), person("per_bo")]
    try:
        async with world.gateway(heartbeat_seconds=1) as gateway:
            ana = await gateway.client("per_ana")
            token = world.directory.api_token("per_bo", *EVERY)
            bo, app = await gateway.client("per_bo"), await gateway.client("per_bo", token=token)
            conversation = await ana.create("per_bo")
            await ana.answered(await ana.send(conversation, "before"))
            await eventually(lambda: app.texts(conversation) == ["before"], within=30)

            await tell(DIRECTORY_ACCESS_V1, TENANT, policy("apps", forbid))

            async def is_closed() -> bool:
                await ana.answered(await ana.send(conversation, "while forbidden"))
                return conversation in closed(app)

            await eventually(is_closed, within=30)
            heard = app.texts(conversation)
            await ana.answered(await ana.send(conversation, "after it"))
            await tell(NOTIFY_NOTIFICATION_V1, "per_bo", note("per_bo", conversation, "noted"))
            await eventually(lambda: "after it" in bo.texts(conversation), within=30)
            await eventually(lambda: personal(bo) == ["NotificationRaised"], within=30)
            assert app.texts(conversation) == heard
            assert personal(app) == []
            assert closed(bo) == []

            await tell(DIRECTORY_ACCESS_V1, TENANT, policy("apps", forbid, version=2, removed=True))
            await eventually(lambda: app.of("resync"), within=30)
            await ana.answered(await ana.send(conversation, "allowed again"))
            await eventually(lambda: "allowed again" in app.texts(conversation), within=30)
            assert app.texts(conversation) == [*heard, "allowed again"]
    finally:
        world.directory.facts = []


def masks(version: int, *hidden: str) -> Envelope:
    fields = [each for each in Message.DESCRIPTOR.fields_by_name if each not in hidden]
    mask = access_pb2.FieldMask(message="plexus.messaging.v1.Message", fields=fields)
    role = access_pb2.Role(
        id="member", built_in=True, version=version, masks=[mask] if hidden else []
    )
    return fact(events_pb2.RoleChanged(role=role), entity_id="member", version=version)


def bodies(client: Any) -> list[str]:
    return [
        NotificationRaised.FromString(frame.event.fact).notification.body
        for frame in client.of("personal")
        if frame.event.type.endswith("NotificationRaised")
    ]


@pytest.mark.rule("GW-3")
async def test_gw_03_a_stream_delivers_no_hidden_column(gateway: Any, tell: Tell) -> None:
    tokens = gateway.world.directory
    # An administrator sees, and so writes, everything.
    ana = await gateway.client("per_ana", token=tokens.token("per_ana", roles=("admin",)))
    mel = await gateway.client("per_mel", token=tokens.api_token("per_mel", *EVERY))
    conversation = await ana.create("per_mel")
    await tell(DIRECTORY_PERSON_V1, "per_mel", person("per_mel"))
    await ana.answered(await ana.send(conversation, "open"))
    await eventually(lambda: mel.texts(conversation) == ["open"], within=30)

    await tell(DIRECTORY_ACCESS_V1, TENANT, masks(1, "text"))
    sent = ["open"]

    async def hidden() -> bool:
        sent.append(f"hidden {len(sent)}")
        await ana.answered(await ana.send(conversation, sent[-1]))
        await eventually(lambda: len(mel.texts(conversation)) == len(sent), within=30)
        return mel.texts(conversation)[-1] == ""

    await eventually(hidden, within=30)
    await tell(NOTIFY_NOTIFICATION_V1, "per_mel", note("per_mel", conversation, "noted"))
    await eventually(lambda: bodies(mel) == [""], within=30)

    await tell(DIRECTORY_ACCESS_V1, TENANT, masks(2))

    async def shown() -> bool:
        return not await hidden()

    await eventually(shown, within=30)


@pytest.mark.rule("GW-9")
async def test_gw_09_a_token_without_messages_receives_notifications_without_words(
    gateway: Any, tell: Tell
) -> None:
    tokens = gateway.world.directory
    whole = await gateway.client("per_lea", token=tokens.api_token("per_lea", *EVERY))
    scopes = [each for each in EVERY if each != "messages.read"]
    limited = await gateway.client("per_lea", token=tokens.api_token("per_lea", *scopes))
    conversation = await (await gateway.client("per_ana")).create("per_lea")

    await tell(NOTIFY_NOTIFICATION_V1, "per_lea", note("per_lea", conversation, "noted"))

    await eventually(lambda: bodies(whole) == ["noted"], within=30)
    await eventually(lambda: bodies(limited) == [""], within=30)
