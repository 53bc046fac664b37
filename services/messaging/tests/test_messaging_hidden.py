"""A conversation without the caller and one that does not exist behave the same (GW-2)."""

import pytest
from messaging.conversations.queries.members import list_members
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import list_message_versions, list_messages
from messaging.messages.queries.pins import list_pins
from messaging.reading.queries.conversations import get_conversation
from plexuskit.errors import Refusal

NEVER = "cnv_01JZZZZZZZZZZZZZZZZZZZZZZZ"


@pytest.fixture
async def rooms(group):
    """One that is hidden from eve, and one that never was."""
    return {"hidden": await group("ann", "bob"), "absent": NEVER}


ATTEMPTS = {
    "view": get_conversation,
    "members": lambda store, **asked: list_members(store, limit=10, after="", **asked),
    "messages": lambda store, **asked: list_messages(
        store, before_seq=0, after_seq=None, root_seq=0, limit=10, **asked
    ),
    "changes": lambda store, **asked: list_changes(store, since=0, limit=10, **asked),
    "pins": lambda store, **asked: list_pins(store, before=None, limit=10, **asked),
    "versions": lambda store, **asked: list_message_versions(
        store, seq=1, after=0, limit=10, **asked
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_gw_02_reads_ask_the_store_the_same(commands, store, person, rooms, attempt):
    eve, heard, told = person("eve"), {}, {}
    for which, room in rooms.items():

        async def read(room=room):
            return await ATTEMPTS[attempt](store, actor=eve, conversation_id=room)

        heard[which] = await commands.of(read, without={room: "ROOM"})
        with pytest.raises(Refusal) as refused:
            await read()
        told[which] = (refused.value.kind, refused.value.reason, refused.value.text)
    assert heard["hidden"]
    assert heard["hidden"] == heard["absent"]
    assert told["hidden"] == told["absent"]
