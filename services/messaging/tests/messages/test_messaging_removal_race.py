"""A removal in the middle of a read: nothing posted or edited after it is shown (MSG-14)."""

import pytest
from messaging.conversations.operations.members import add_members, remove_members
from messaging.conversations.queries.members import list_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Member, Role
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.operations.forwards import forward_messages
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import get_message, list_message_versions, list_messages
from messaging.messages.queries.pins import list_pins
from messaging.reading.operations.threads import follow_thread
from plexuskit.clock import SystemClock

NOW = SystemClock().now()


@pytest.fixture
def removed_meanwhile(store, log, say, person, monkeypatch, change, people):
    """Make a read race with the reader's removal and the changes after it.

    A message is posted and, with `edited`, an older one edited and a person added.
    """

    def arrange(room: str, name: str, *, edited: int = 0) -> None:
        find = store.conversations.member

        async def found_then_removed(conversation_id: str, person_id: str) -> Member | None:
            member = await find(conversation_id, person_id)
            monkeypatch.setattr(store.conversations, "member", find)
            await remove_members(
                log, actor=person("ann"), conversation_id=room, person_ids=[name], now=NOW
            )
            await send_message(log, new_message=say(room, "ann", "without you"))
            if edited:
                await change("edit", "ann", room, edited, text="edited without you")
                await add_members(
                    log,
                    people,
                    actor=person("ann"),
                    conversation_id=room,
                    person_ids=["eve"],
                    role=Role.MEMBER,
                    now=NOW,
                )
            return member

        monkeypatch.setattr(store.conversations, "member", found_then_removed)

    return arrange


@pytest.fixture
async def room(group, log, say):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "with you"))
    return room


async def test_msg_14_changes_read_across_a_removal_end_before_it(
    store, room, person, removed_meanwhile
):
    removed_meanwhile(room, "bob")
    changes = await list_changes(
        store, actor=person("bob"), conversation_id=room, since=0, limit=100
    )

    assert [message.text for _, message in changes.messages] == ["with you"]
    assert changes.through == 2
    assert not changes.more


async def test_msg_14_history_read_across_a_removal_ends_before_it(
    store, room, person, removed_meanwhile
):
    removed_meanwhile(room, "bob")
    messages, _, last_seq = await list_messages(
        store,
        actor=person("bob"),
        conversation_id=room,
        before_seq=100,
        after_seq=None,
        root_seq=0,
        limit=100,
    )

    assert [message.text for message in messages] == ["with you"]
    assert last_seq == 1


async def test_msg_14_one_message_read_across_a_removal_is_not_there(
    store, room, person, removed_meanwhile
):
    removed_meanwhile(room, "bob")
    with pytest.raises(MessageNotFound):
        await get_message(store, actor=person("bob"), conversation_id=room, seq=2, message_id="")


async def forward(log, actor, room, seq, own):
    return await forward_messages(
        log,
        actor=actor,
        conversation_id=room,
        seqs=[seq],
        to_conversation_id=own,
        merged=False,
        comment="",
        request_id="f1",
    )


async def test_msg_14_a_forward_across_a_removal_carries_nothing_posted_after_it(
    store, log, room, person, group, removed_meanwhile
):
    own = await group("bob")
    removed_meanwhile(room, "bob")

    with pytest.raises(MessageNotFound):
        await forward(log, person("bob"), room, 2, own)

    assert (await store.entries.head(own)).seq == 0


async def test_msg_14_a_thread_that_begins_after_a_removal_is_not_followed(
    store, room, person, removed_meanwhile
):
    removed_meanwhile(room, "bob")

    with pytest.raises(MessageNotFound):
        await follow_thread(
            store, actor=person("bob"), conversation_id=room, root_seq=2, follow=True
        )


READS = (
    "GetMessage",
    "GetMessage that quotes it",
    "ListMessages",
    "ListMessages of a thread",
    "ListMessageVersions",
    "ListPins",
    "ListChanges",
    "ListMembers",
    "ForwardMessages",
)


@pytest.fixture
async def own(group):
    return await group("bob")


@pytest.fixture
async def read(request, store, log, room, say, person, change, own):
    """A read of message 1, or of the members, by one of the members."""
    await send_message(log, new_message=say(room, "ann", "look", quote_seq=1))
    await change("pin", "ann", room, 1)
    bob = {"actor": person("bob"), "conversation_id": room}
    whole = {"before_seq": 0, "after_seq": None, "limit": 10}
    return {
        "GetMessage": lambda: get_message(store, **bob, seq=1, message_id=""),
        "GetMessage that quotes it": lambda: get_message(store, **bob, seq=2, message_id=""),
        "ListMessages": lambda: list_messages(store, **bob, **whole, root_seq=0),
        "ListMessages of a thread": lambda: list_messages(store, **bob, **whole, root_seq=1),
        "ListMessageVersions": lambda: list_message_versions(
            store, **bob, seq=1, after=0, limit=10
        ),
        "ListPins": lambda: list_pins(store, **bob, before=None, limit=10),
        "ListChanges": lambda: list_changes(store, **bob, since=0, limit=10),
        "ListMembers": lambda: list_members(store, **bob, after="", limit=10),
        "ForwardMessages": lambda: forward(log, person("bob"), room, 1, own),
    }[request.param]


@pytest.mark.parametrize("read", READS, indirect=True)
async def test_msg_14_a_read_across_a_removal_shows_no_edit_made_after_it(
    store, room, own, removed_meanwhile, read
):
    removed_meanwhile(room, "bob", edited=1)

    with pytest.raises(ConversationNotFound):
        await read()

    assert (await store.entries.head(own)).seq == 0


@pytest.mark.parametrize("read", READS, indirect=True)
async def test_msg_14_a_read_across_an_edit_is_answered_to_a_member(
    store, room, change, monkeypatch, read
):
    find = store.conversations.member

    async def found_then_edited(conversation_id: str, person_id: str) -> Member | None:
        member = await find(conversation_id, person_id)
        monkeypatch.setattr(store.conversations, "member", find)
        await change("edit", "ann", room, 1, text="edited with you")
        return member

    monkeypatch.setattr(store.conversations, "member", found_then_edited)
    assert await read()
