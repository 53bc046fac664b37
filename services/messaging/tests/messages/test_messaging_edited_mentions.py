"""Mentions that an edit adds count for those who have read the message (MSG-11)."""

import pytest
from messaging.conversations.domain.settings import SettingsChange
from messaging.conversations.operations.settings import update_conversation_settings
from messaging.messages.domain.messages import MessageContent
from messaging.messages.operations.messages import send_message
from messaging.reading.operations.cursors import advance_cursor
from messaging.reading.queries.conversations import get_conversation
from plexuskit.clock import SystemClock


@pytest.fixture
async def room(group, log, say):
    """A group of ann, bob and eve with two messages of ann's."""
    made = await group("ann", "bob", "eve")
    for text in ("货周五到", "请确认"):
        await send_message(log, new_message=say(made, "ann", text))
    return made


@pytest.fixture
def mentions(store, person):
    async def count(who, room):
        view = await get_conversation(store, actor=person(who), conversation_id=room)
        return view.mention_unread, view.unread

    return count


@pytest.fixture
def read(log, cursors, person):
    async def through(who, room, seq):
        await advance_cursor(
            log, cursors, actor=person(who), conversation_id=room, through_seq=seq, root_seq=0
        )

    return through


def naming(*people):
    return MessageContent("货周六到", mentions=people)


async def test_msg_11_a_mention_added_by_an_edit_counts_though_the_message_was_read(
    room, read, change, mentions
):
    await read("bob", room, 2)
    assert await mentions("bob", room) == (0, 0)
    await change("edit", "ann", room, 1, text="", content=naming("bob", "eve", "ann", "zoe"))
    assert await mentions("bob", room) == (1, 0)
    assert await mentions("eve", room) == (1, 2)
    assert await mentions("ann", room) == (0, 0)


async def test_reading_on_takes_it_off_also_where_the_cursor_stands_already(
    room, read, change, mentions, store
):
    await read("bob", room, 2)
    await change("edit", "ann", room, 1, text="", content=naming("bob"))
    await read("bob", room, 2)
    assert await mentions("bob", room) == (0, 0)
    settings = await store.settings.get(room, "bob")
    assert (settings.mention_seqs, settings.version) == ((), 2)


async def test_a_mention_that_is_removed_or_recalled_counts_no_more(room, read, change, mentions):
    await read("bob", room, 2)
    await read("eve", room, 2)
    await change("edit", "ann", room, 1, text="", content=naming("bob", "eve"))
    await change("edit", "ann", room, 1, text="", content=MessageContent("又改", mentions=("eve",)))
    assert await mentions("bob", room) == (0, 0)
    assert await mentions("eve", room) == (1, 0)
    await change("recall", "ann", room, 1)
    assert await mentions("eve", room) == (0, 0)


async def test_other_settings_stay_and_a_retried_edit_counts_once(
    room, read, change, mentions, store, person
):
    await update_conversation_settings(
        store,
        actor=person("bob"),
        conversation_id=room,
        change=SettingsChange(starred=True),
        now=SystemClock().now(),
    )
    await read("bob", room, 2)
    for _ in range(2):
        await change("edit", "ann", room, 1, text="", content=naming("bob"), request_id="once")
    settings = await store.settings.get(room, "bob")
    assert (settings.starred, settings.mention_seqs, settings.version) == (True, (1,), 2)
    assert await mentions("bob", room) == (1, 0)
