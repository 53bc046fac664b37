"""Roles of members, handing a group over, and what its history shows: on a real mongod."""

import pytest
from messaging.conversations.domain.people import Person
from messaging.conversations.domain.refusals import (
    DirectConversationFixed,
    LastOwner,
    MemberNotFound,
    NotGroupAdmin,
)
from messaging.conversations.domain.working_hours import DEFAULT
from messaging.conversations.operations.conversations import (
    leave_conversation,
    open_direct,
    update_conversation,
)
from messaging.conversations.operations.members import (
    add_members,
    change_member_role,
    remove_members,
)
from messaging.conversations.queries.events import list_conversation_events
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import History, Role
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.authority import readable_containers
from messaging.messages.queries.verifications import verify_conversation
from plexus.authz.v1.authority_pb2 import ReadableContainersRequest
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationEvent, Member
from plexuskit.clock import SystemClock

NOW = SystemClock().now


@pytest.fixture
async def room(group):
    """A group of ann (owner), bob and eve."""
    return await group("ann", "bob", "eve")


@pytest.fixture
def give(log, person):
    """Change a role: `await give("ann", room, "bob", Role.ADMIN)`."""

    async def change(who, room, whom, role, *, transfer=False):
        return await change_member_role(
            log,
            actor=person(who),
            conversation_id=room,
            person_id=whom,
            role=role,
            transfer=transfer,
            now=NOW(),
        )

    return change


@pytest.fixture
def roles(store):
    async def read(room):
        members = await store.conversations.members(room, active=True)
        return {member.person_id: member.role for member in members}

    return read


@pytest.fixture
def events(store, person):
    async def read(who, room, **bounds):
        bounds = {"after_seq": 0, "through_seq": 0, "after_change": 0, "limit": 100} | bounds
        return await list_conversation_events(
            store, actor=person(who), conversation_id=room, **bounds
        )

    return read


async def test_an_owner_changes_roles_and_a_repeat_changes_nothing(room, give, roles):
    changed = await give("ann", room, "bob", Role.ADMIN)
    assert changed.person_ids == ("bob",)
    assert await roles(room) == {"ann": Role.OWNER, "bob": Role.ADMIN, "eve": Role.MEMBER}
    again = await give("ann", room, "bob", Role.ADMIN)
    assert (again.person_ids, again.change_no) == ((), changed.change_no)


async def test_a_group_is_handed_over_in_one_change(room, give, roles):
    changed = await give("ann", room, "bob", Role.OWNER, transfer=True)
    assert changed.person_ids == ("ann", "bob")
    assert await roles(room) == {"ann": Role.ADMIN, "bob": Role.OWNER, "eve": Role.MEMBER}
    with pytest.raises(NotGroupAdmin):
        await give("ann", room, "ann", Role.OWNER)


async def test_nobody_gives_or_takes_a_role_above_their_own(room, give):
    with pytest.raises(NotGroupAdmin):
        await give("bob", room, "eve", Role.ADMIN)
    await give("ann", room, "bob", Role.ADMIN)
    with pytest.raises(NotGroupAdmin):
        await give("bob", room, "eve", Role.OWNER)
    with pytest.raises(NotGroupAdmin):
        await give("bob", room, "ann", Role.MEMBER)
    assert (await give("bob", room, "eve", Role.ADMIN)).person_ids == ("eve",)


async def test_a_group_keeps_an_owner_and_roles_are_members_alone(
    room, give, store, people, person
):
    with pytest.raises(LastOwner):
        await give("ann", room, "ann", Role.MEMBER)
    with pytest.raises(MemberNotFound):
        await give("ann", room, "zoe", Role.ADMIN)
    with pytest.raises(ConversationNotFound):
        await give("zoe", room, "bob", Role.ADMIN)
    direct = await open_direct(store, people, actor=person("ann"), peer_id="bob", now=NOW())
    with pytest.raises(DirectConversationFixed):
        await give("ann", direct.conversation.id, "bob", Role.OWNER)


async def test_a_group_whose_owner_has_left_the_company_gets_another(room, give, roles, store):
    await give("ann", room, "bob", Role.ADMIN)
    with pytest.raises(NotGroupAdmin):
        await give("bob", room, "bob", Role.OWNER)
    await store.people.put([somebody("ann", active=False)])
    with pytest.raises(NotGroupAdmin):
        await give("eve", room, "eve", Role.OWNER)
    await give("bob", room, "bob", Role.OWNER)
    assert (await roles(room))["bob"] is Role.OWNER


async def test_without_any_active_manager_a_member_becomes_owner(room, give, roles, store):
    await store.people.put([somebody("ann", active=False)])
    await give("eve", room, "eve", Role.OWNER)
    assert (await roles(room))["eve"] is Role.OWNER


async def test_a_new_role_keeps_what_the_member_has_seen_and_the_chain_whole(
    group, log, give, say, store, person
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "一"))
    await give("ann", room, "bob", Role.ADMIN)
    member = await store.conversations.member(room, "bob")
    assert [(stay.first_seq, stay.left_version) for stay in member.stays] == [(1, 0)]
    proof = await verify_conversation(
        store, actor=person("bob"), conversation_id=room, first=0, last=0
    )
    assert not proof.problems


async def test_the_history_shows_who_came_went_and_what_was_renamed(
    log, people, person, group, give, say, events
):
    room = await group("ann", "bob", history=History.ALL)
    await send_message(log, new_message=say(room, "ann", "一"))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["eve", "dan"],
        role=Role.MEMBER,
        now=NOW(),
    )
    await give("ann", room, "eve", Role.ADMIN)
    await send_message(log, new_message=say(room, "ann", "二"))
    await rename(log, person("eve"), room, name="采购二部", topic="芯片")
    await remove_members(
        log, actor=person("ann"), conversation_id=room, person_ids=["dan"], now=NOW()
    )
    await leave_conversation(log, actor=person("bob"), conversation_id=room, now=NOW())
    await rename(log, person("ann"), room, archived=True)

    page = await events("ann", room)
    kinds = ConversationEvent.Kind
    assert [(event.kind, event.after_seq, event.actor_id) for event in page.events] == [
        (kinds.KIND_CREATED, 0, "ann"),
        (kinds.KIND_JOINED, 1, "ann"),
        (kinds.KIND_ROLE_CHANGED, 1, "ann"),
        (kinds.KIND_CHANGED, 2, "eve"),
        (kinds.KIND_REMOVED, 2, "ann"),
        (kinds.KIND_LEFT, 2, "bob"),
        (kinds.KIND_CHANGED, 2, "ann"),
    ]
    assert [list(event.changed) for event in page.events if event.changed] == [
        ["name", "topic"],
        ["archived"],
    ]
    joined, role = page.events[1], page.events[2]
    assert {member.person_id for member in joined.members} == {"eve", "dan"}
    assert [(member.person_id, member.role) for member in role.members] == [
        ("eve", Member.ROLE_ADMIN)
    ]
    between = await events("ann", room, after_seq=1, through_seq=1)
    assert [event.kind for event in between.events] == [
        kinds.KIND_JOINED,
        kinds.KIND_ROLE_CHANGED,
    ]
    since = await events("ann", room, after_seq=2)
    assert list(since.events) == list(page.events)[3:]
    assert not (await events("ann", room, after_seq=3)).events
    assert list((await events("ann", room, through_seq=3)).events) == list(page.events)
    first = await events("ann", room, limit=3)
    rest = await events("ann", room, after_change=first.following)
    assert [*first.events, *rest.events] == list(page.events)


async def test_msg_14_events_before_joining_are_seen_only_with_an_open_history(
    log, people, person, room, events
):
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["dan"],
        role=Role.MEMBER,
        now=NOW(),
    )
    seen = await events("dan", room)
    assert [event.kind for event in seen.events] == [ConversationEvent.KIND_JOINED]
    await rename(log, person("ann"), room, history=History.ALL)
    opened = (await events("dan", room)).events
    assert [event.kind for event in opened] == [
        ConversationEvent.KIND_CREATED,
        ConversationEvent.KIND_JOINED,
        ConversationEvent.KIND_CHANGED,
    ]
    assert list(opened[-1].changed) == ["history"]
    assert opened[-1].conversation.history == Conversation.HISTORY_ALL
    with pytest.raises(ConversationNotFound):
        await events("zoe", room)


async def test_src_01_another_history_is_another_version_of_what_may_be_read(
    log, store, person, room
):
    async def readable(known=""):
        request = ReadableContainersRequest(
            tenant_id="ten_acme", person_id="bob", known_version=known
        )
        return await readable_containers(store, request)

    first = await readable()
    assert (await readable(first.version)).unchanged
    await rename(log, person("ann"), room, history=History.ALL)
    opened = await readable(first.version)
    assert (opened.unchanged, len(opened.containers[0].intervals)) == (False, 0)


def somebody(id_, *, active):
    return Person(
        id=id_,
        tenant_id="ten_acme",
        active=active,
        is_app=False,
        time_zone="Asia/Shanghai",
        hours=DEFAULT,
        department_ids=(),
        version=5,
    )


async def rename(log, actor, room, **fields):
    changes = dict.fromkeys(("name", "topic", "archived", "confidential", "history")) | fields
    return await update_conversation(
        log, actor=actor, conversation_id=room, expected_version=0, now=NOW(), **changes
    )
