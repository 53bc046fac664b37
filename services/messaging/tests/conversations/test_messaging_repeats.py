"""Changes of conversations and messages that come again with their request id (GW-6)."""

import asyncio
import hashlib

import pytest
from messaging.app import conversation_log
from messaging.config import LogSection
from messaging.conversations.operations.conversations import (
    begin_once,
    create_group,
    leave_conversation,
    open_direct,
    update_conversation,
)
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import History, Role
from messaging.messages.operations.messages import send_message
from plexus.messaging.v1 import conversations_pb2
from plexus.messaging.v1 import messaging_service_pb2 as pb
from plexus.messaging.v1.personal_service_pb2 import (
    ScheduledContent,
    ScheduledMessage,
    ScheduleMessageRequest,
    ScheduleMessageResponse,
)
from plexuskit.clock import SystemClock
from plexuskit.errors import VersionConflict
from plexuskit.request_ids import Request, RequestIdReused

NOW = SystemClock().now()


@pytest.fixture
def identified(person):
    """Recognise a person's request as the edge does."""

    def make(who, message):
        me = person(who)
        return Request.of(message, tenant_id=me.tenant_id, person_id=me.person_id)

    return make


@pytest.fixture
def adding(log, people, person, identified):
    async def add(room, *names, request_id="r1", through=None, who="ann"):
        asked = pb.AddMembersRequest(request_id=request_id, conversation_id=room, person_ids=names)
        return await add_members(
            through or log,
            people,
            actor=person(who),
            conversation_id=room,
            person_ids=names,
            role=Role.MEMBER,
            now=NOW,
            request=identified(who, asked),
        )

    return add


@pytest.fixture
def removing(log, person, identified):
    async def remove(room, *names, request_id="r1"):
        asked = pb.RemoveMembersRequest(
            request_id=request_id, conversation_id=room, person_ids=names
        )
        return await remove_members(
            log,
            actor=person("ann"),
            conversation_id=room,
            person_ids=names,
            now=NOW,
            request=identified("ann", asked),
        )

    return remove


@pytest.fixture
def leaving(log, person, identified):
    async def leave(room, who, request_id):
        asked = pb.LeaveConversationRequest(request_id=request_id, conversation_id=room)
        return await leave_conversation(
            log,
            actor=person(who),
            conversation_id=room,
            now=NOW,
            request=identified(who, asked),
        )

    return leave


@pytest.fixture
def renaming(log, person, identified):
    async def rename(room, name, *, request_id="r1", expected_version=1):
        asked = pb.UpdateConversationRequest(
            request_id=request_id,
            conversation_id=room,
            name=name,
            expected_version=expected_version,
        )
        return await update_conversation(
            log,
            actor=person("ann"),
            conversation_id=room,
            name=name,
            topic=None,
            archived=None,
            confidential=None,
            expected_version=expected_version,
            now=NOW,
            request=identified("ann", asked),
        )

    return rename


async def entries(store, room):
    return len(await store.entries.list_changes(room, since=0, limit=100))


async def test_gw_06_a_repeated_addition_names_those_whom_the_first_one_added(
    store, group, adding, removing
):
    room = await group("ann", "bob")
    first = await adding(room, "eve", "bob")
    await removing(room, "eve", request_id="r2")

    again = await adding(room, "eve", "bob")

    assert first.person_ids == again.person_ids == ("eve",)
    assert await entries(store, room) == 3, "eve is not brought back"
    with pytest.raises(RequestIdReused):
        await adding(room, "carl")


async def test_gw_06_a_repeated_removal_does_not_remove_who_came_back(
    store, group, adding, removing
):
    room = await group("ann", "bob")
    first = await removing(room, "bob")
    await adding(room, "bob", request_id="r2")

    assert (await removing(room, "bob")).person_ids == first.person_ids == ("bob",)
    assert await entries(store, room) == 3


async def test_gw_06_an_id_is_of_one_method(group, adding, removing, renaming):
    room = await group("ann", "bob")
    await adding(room, "eve")

    with pytest.raises(RequestIdReused):
        await removing(room, "eve")
    with pytest.raises(RequestIdReused):
        await renaming(room, "other")


async def test_gw_06_copies_in_two_processes_have_one_effect(store, runtime, log, group, adding):
    room = await group("ann", "bob")
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        outcomes = await asyncio.gather(
            *(adding(room, "eve", through=log if n % 2 else other) for n in range(10))
        )

    assert {each.person_ids for each in outcomes} == {("eve",)}
    assert await entries(store, room) == 2


async def test_gw_06_who_has_left_is_answered_again_and_others_are_not(
    group, adding, leaving, removing
):
    room = await group("ann", "bob", "eve")
    await leaving(room, "bob", "r1")
    await leaving(room, "bob", "r1")

    with pytest.raises(ConversationNotFound):
        await leaving(room, "bob", "r2")
    # Answers show a conversation to its members alone, also those of repeats (GW-2).
    await adding(room, "carl", who="eve", request_id="r3")
    await removing(room, "eve", request_id="r4")
    with pytest.raises(ConversationNotFound):
        await adding(room, "carl", who="eve", request_id="r3")


async def test_gw_06_a_repeated_update_is_no_conflict_with_itself(store, group, renaming):
    room = await group("ann", "bob")
    first = await renaming(room, "目标")

    again = await renaming(room, "目标")

    assert first.conversation == again.conversation
    with pytest.raises(VersionConflict):
        await renaming(room, "目标", request_id="r2")
    with pytest.raises(RequestIdReused):
        await renaming(room, "另一个")
    assert await entries(store, room) == 2


async def test_gw_06_an_update_that_changed_nothing_changes_nothing_later(store, group, renaming):
    room = await group("ann", "bob")
    await renaming(room, "采购", expected_version=0)
    await renaming(room, "other", request_id="r2", expected_version=0)

    again = await renaming(room, "采购", expected_version=0)

    assert again.conversation.name == "other"
    assert await entries(store, room) == 2


async def test_gw_06_a_reaction_that_was_there_is_not_put_back_by_a_repeat(group, change, log, say):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "bob", "hello"))
    await change("react", "ann", room, 1, emoji="ok")
    await change("react", "ann", room, 1, emoji="ok", request_id="r1")
    await change("react", "ann", room, 1, emoji="ok", remove=True)

    again = await change("react", "ann", room, 1, emoji="ok", request_id="r1")

    assert not again.reactions


async def test_gw_06_copies_of_a_change_of_a_message_in_two_processes_have_one_effect(
    store, runtime, log, group, change, say
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "hello"))
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        await asyncio.gather(
            *(
                change(
                    "react",
                    "ann",
                    room,
                    1,
                    emoji="ok",
                    request_id="r1",
                    through=log if n % 2 else other,
                )
                for n in range(10)
            )
        )

    assert await entries(store, room) == 3


@pytest.fixture
def creating(store, people, person, identified):
    async def create(name, *, request_id="r1"):
        asked = pb.CreateConversationRequest(request_id=request_id, name=name)
        write = await create_group(
            store,
            people,
            actor=person("ann"),
            name=name,
            topic="",
            history=History.SINCE_JOIN,
            member_ids=["bob", "eve"],
            now=NOW,
        )
        return await begin_once(
            store, write, request=identified("ann", asked), actor=person("ann"), now=NOW
        )

    return create


async def test_gw_06_copies_of_a_new_group_at_once_are_one_group(creating, renaming):
    made = await asyncio.gather(*(creating("采购") for _ in range(10)))

    assert len({each.conversation.id for each in made}) == 1
    assert sorted(each.deduplicated for each in made) == [False, *(9 * [True])]
    await renaming(made[0].conversation.id, "later", request_id="r2")
    assert (await creating("采购")).conversation.name == "later"
    with pytest.raises(RequestIdReused):
        await creating("另一个")


async def test_gw_06_the_id_of_a_direct_conversation_is_of_one_peer(
    store, people, person, identified
):
    async def direct(peer):
        asked = pb.CreateConversationRequest(request_id="r1", member_ids=[peer])
        return await open_direct(
            store,
            people,
            actor=person("ann"),
            peer_id=peer,
            now=NOW,
            request=identified("ann", asked),
        )

    first = await direct("bob")

    assert (await direct("bob")).conversation == first.conversation
    with pytest.raises(RequestIdReused):
        await direct("eve")


@pytest.mark.parametrize(
    ("message", "other", "response", "answer"),
    [
        (
            pb.CreateConversationRequest(request_id="r1", name="采购"),
            pb.CreateConversationRequest(request_id="r1", name="另一个"),
            pb.CreateConversationResponse(conversation=conversations_pb2.Conversation(id="cnv_1")),
            {"id": "cnv_1"},
        ),
        (
            ScheduleMessageRequest(request_id="r1"),
            ScheduleMessageRequest(request_id="r1", message=ScheduledContent(text="other")),
            ScheduleMessageResponse(scheduled=ScheduledMessage(id="sch_1")),
            {"id": "sch_1"},
        ),
        (
            pb.PinMessageRequest(request_id="r1", conversation_id="cnv_1", seq=7),
            pb.PinMessageRequest(request_id="r1", conversation_id="cnv_1", seq=8),
            pb.PinMessageResponse(),
            {"id": "cnv_1", "seq": 7},
        ),
    ],
)
async def test_gw_06_a_repeat_after_an_upgrade_is_recognised(
    store, db, identified, message, other, response, answer
):
    content = message.SerializeToString(deterministic=True)
    key = f"ann:{message.DESCRIPTOR.full_name}:r1"
    await db.collection("requests", schema_version=1).insert(
        {
            "_id": key,
            "hash": hashlib.sha256(content).digest(),
            "response": response.SerializeToString(),
            "at": NOW,
        }
    )

    assert await store.requests.answer(identified("ann", message), now=NOW) == answer
    with pytest.raises(RequestIdReused):
        await store.requests.answer(identified("ann", other), now=NOW)
