"""A removal in the middle of a read: what is said after it is not shown (MSG-14)."""

import pytest
from messaging.conversations.operations.members import remove_members
from messaging.log.domain.states import Member
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.operations.sends import send_message
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import get_message, list_messages
from plexuskit.clock import SystemClock

NOW = SystemClock().now()


@pytest.fixture
def removed_meanwhile(store, log, say, person, monkeypatch):
    """Let a read that has found its reader a member meet a removal and a message after it."""

    def arrange(room: str, name: str) -> None:
        find = store.conversations.member

        async def found_then_removed(conversation_id: str, person_id: str) -> Member | None:
            member = await find(conversation_id, person_id)
            monkeypatch.setattr(store.conversations, "member", find)
            await remove_members(
                log, actor=person("ann"), conversation_id=room, person_ids=[name], now=NOW
            )
            await send_message(log, new_message=say(room, "ann", "without you"))
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
