"""Delivery of messages to the other members: in order, once, and only while they are members."""

from typing import Any

from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.events_pb2 import (
    ConversationSettingsChanged,
    CursorAdvanced,
    DraftDeleted,
    DraftSaved,
)
from plexus.messaging.v1.messaging_service_pb2 import AdvanceCursorsRequest, CursorAdvance
from plexus.messaging.v1.personal_service_pb2 import (
    SaveDraftRequest,
    UpdateConversationSettingsRequest,
)
from plexus.messaging.v1.personal_service_pb2_grpc import PersonalServiceStub
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock


async def test_msg_05_a_message_of_one_reaches_the_other_in_order(gateway: Any) -> None:
    ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
    conversation = await ana.create("per_bo")
    await eventually(lambda: bo.events(conversation))

    said = [f"第{number}条" for number in range(50)]
    refs = await ana.send(conversation, *said)
    verdicts = await ana.answered(refs)

    assert [verdict.stored.seq for verdict in verdicts] == list(range(1, 51))
    await eventually(lambda: len(bo.texts(conversation)) == 50)
    assert bo.texts(conversation) == said
    assert [event.change_no for event in bo.events(conversation)] == list(range(1, 52))
    await eventually(lambda: ana.texts(conversation) == said)


async def test_msg_06_a_welcome_names_the_conversations_with_the_numbers_applied(
    gateway: Any,
) -> None:
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_cy")
    await ana.answered(await ana.send(conversation, "a", "b"))
    await eventually(lambda: len(ana.texts(conversation)) == 2)

    cy = await gateway.client("per_cy")

    positions = {each.conversation_id: each.through for each in cy.welcome.positions}
    assert positions[conversation] == 3
    assert cy.welcome.person_id == "per_cy"
    assert cy.welcome.session_id == "ses_per_cy"


async def test_msg_14_a_removed_member_hears_what_was_before_and_nothing_after(
    gateway: Any,
) -> None:
    ana, dan = await gateway.client("per_ana"), await gateway.client("per_dan")
    conversation = await ana.create("per_dan", "per_eve")
    await ana.answered(await ana.send(conversation, "before"))

    removed_at = await ana.remove(conversation, "per_dan")
    await ana.answered(await ana.send(conversation, "after"))
    await eventually(lambda: ana.texts(conversation) == ["before", "after"])
    other = await ana.create("per_dan")
    await eventually(lambda: dan.events(other))

    assert dan.texts(conversation) == ["before"]
    assert [event.change_no for event in dan.events(conversation)] == list(range(1, removed_at))
    closed = dan.of("conversation_closed")
    assert [(each.conversation_id, each.change_no) for each in closed] == [
        (conversation, removed_at)
    ]
    names = [
        frame.events.conversation_id
        for frame in dan.frames[_index_of_closed(dan) :]
        if frame.HasField("events")
    ]
    assert conversation not in names


def _index_of_closed(client: Any) -> int:
    return next(
        index for index, frame in enumerate(client.frames) if frame.HasField("conversation_closed")
    )


async def test_msg_14_a_late_joiner_hears_of_the_joining_and_all_after(gateway: Any) -> None:
    ana, fay = await gateway.client("per_ana"), await gateway.client("per_fay")
    conversation = await ana.create("per_bo")
    await ana.answered(await ana.send(conversation, "one", "two"))
    await eventually(lambda: len(ana.texts(conversation)) == 2)

    await ana.add(conversation, "per_fay")
    await ana.answered(await ana.send(conversation, "three"))

    await eventually(lambda: fay.texts(conversation) == ["three"])
    first = next(each for each in fay.of("events") if each.conversation_id == conversation)
    assert (first.after, first.events[0].change_no) == (3, 4)
    assert first.events[0].type == "plexus.messaging.v1.MembersAdded"


async def test_msg_14_who_comes_back_hears_again(gateway: Any) -> None:
    ana, gus = await gateway.client("per_ana"), await gateway.client("per_gus")
    conversation = await ana.create("per_gus")
    await ana.remove(conversation, "per_gus")
    await ana.answered(await ana.send(conversation, "hidden"))
    await ana.add(conversation, "per_gus")
    await ana.answered(await ana.send(conversation, "seen"))

    await eventually(lambda: gus.texts(conversation) == ["seen"])


async def test_msg_06_the_last_number_shows_in_a_heartbeat(gateway: Any) -> None:
    ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
    conversation = await ana.create("per_bo")
    await ana.answered(await ana.send(conversation, "last"))

    await eventually(
        lambda: any(
            (position.conversation_id, position.through) == (conversation, 2)
            for beat in bo.of("heartbeat")
            for position in beat.positions
        )
    )
    told = len(bo.of("heartbeat"))
    await eventually(lambda: len(bo.of("heartbeat")) > told + 2)
    assert not bo.of("heartbeat")[-1].positions


async def test_msg_07_a_cursor_reaches_ones_own_devices_and_nobody_else(gateway: Any) -> None:
    directory = gateway.world.directory
    phone = await gateway.client("per_bo")
    desk = await gateway.client("per_bo", token=directory.token("per_bo", session_id="ses_desk"))
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo", history=Conversation.HISTORY_ALL)
    await ana.answered(await ana.send(conversation, "read me"))

    await phone.messaging.AdvanceCursors(
        AdvanceCursorsRequest(
            advances=[CursorAdvance(conversation_id=conversation, through_seq=1)]
        ),
        metadata=phone.metadata,
    )

    await eventually(lambda: desk.of("personal") and phone.of("personal"))
    event = desk.of("personal")[0].event
    assert CursorAdvanced.FromString(event.fact).cursor.through_seq == 1
    assert not ana.of("personal")


async def test_what_one_keeps_for_oneself_reaches_ones_own_devices_and_nobody_else(
    gateway: Any,
) -> None:
    directory = gateway.world.directory
    phone = await gateway.client("per_bo")
    desk = await gateway.client("per_bo", token=directory.token("per_bo", session_id="ses_desk"))
    ana = await gateway.client("per_ana")
    conversation = await ana.create("per_bo")
    personal = PersonalServiceStub(phone.channel)

    for text in ("我想说", ""):
        draft = SaveDraftRequest(conversation_id=conversation, text=text)
        draft.written_at.FromDatetime(SystemClock().now())
        await personal.SaveDraft(draft, metadata=phone.metadata)
    await personal.UpdateConversationSettings(
        UpdateConversationSettingsRequest(conversation_id=conversation, starred=True),
        metadata=phone.metadata,
    )

    await eventually(lambda: len(desk.of("personal")) == len(phone.of("personal")) == 3)
    by_type = {each.event.type.rpartition(".")[2]: each.event.fact for each in desk.of("personal")}
    assert DraftSaved.FromString(by_type["DraftSaved"]).draft.text == "我想说"
    deleted = DraftDeleted.FromString(by_type["DraftDeleted"])
    assert (deleted.conversation_id, deleted.version) == (conversation, 2)
    changed = ConversationSettingsChanged.FromString(by_type["ConversationSettingsChanged"])
    assert changed.settings.starred
    assert not ana.of("personal")


async def test_subscribe_gives_the_same_frames_as_a_session(gateway: Any) -> None:
    ana = await gateway.client("per_ana")
    watcher = gateway.unopened("per_hal")
    call = SessionServiceStub(watcher.channel).Subscribe(
        SubscribeRequest(device="browser"), metadata=watcher.metadata
    )
    welcome = (await call.read()).frames[0].welcome
    assert welcome.person_id == "per_hal"

    conversation = await ana.create("per_hal")
    found: list[str] = []
    while not found:
        frames = (await call.read()).frames
        found = [f.events.conversation_id for f in frames if f.HasField("events")]

    assert found == [conversation]
    call.cancel()
