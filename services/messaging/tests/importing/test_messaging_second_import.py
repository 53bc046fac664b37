"""A later export applies edits, reactions, deletions, names and departures: MSG-19, GW-11."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from messaging.conversations.domain import conversations
from messaging.conversations.domain.refusals import GroupTooLarge
from messaging.conversations.operations.conversations import leave_conversation, update_conversation
from messaging.importing.operations.conversations import ForeignConversation, import_conversation
from messaging.importing.operations.imports import finish_import
from messaging.importing.operations.messages import (
    ForeignMessage,
    ImportRun,
    import_messages,
    place_imported_cursors,
)
from messaging.log.domain.states import History, Kind, Role
from messaging.messages.domain.messages import Imported, Reaction, new_message
from messaging.messages.domain.policies import DEFAULT
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.verifications import verify_conversation
from messaging.reading.operations.cursors import place_cursors
from plexuskit.clock import SystemClock

from ..conftest import Everybody

KNOWN = Everybody()
THEN = datetime(2018, 5, 11, 8, 30, tzinfo=UTC)
LATER = THEN + timedelta(hours=1)
NOW = SystemClock().now()
GROUP = ForeignConversation(
    external_id="slack:C1",
    kind=Kind.GROUP,
    name="plan",
    topic="",
    member_ids=("ann", "bob"),
    owner_id="ann",
    history=History.ALL,
    archived=False,
    created_at=THEN,
)
PAIR = replace(GROUP, external_id="slack:D1", kind=Kind.DIRECT, name="", owner_id="")


def old(
    room: str,
    number: int,
    text: str,
    *,
    sender: str = "ann",
    edited_at: datetime | None = None,
    deleted: bool = False,
    **reactions: tuple[str, ...],
) -> ForeignMessage:
    made = new_message(
        conversation_id=room,
        sender_id=sender,
        request_id=f"slack:C1:{number}",
        text=text,
        imported=Imported(
            sent_at=THEN + timedelta(seconds=number),
            edited_at=edited_at,
            reactions=tuple(Reaction(emoji, who) for emoji, who in reactions.items()),
            deleted=deleted,
        ),
    )
    return ForeignMessage(made, "")


@pytest.fixture
def bring(log, people, person):
    async def brought(foreign: ForeignConversation = GROUP, **fields: object):
        return await import_conversation(
            log, people, actor=person("root", "admin"), foreign=replace(foreign, **fields), now=NOW
        )

    return brought


@pytest.fixture
async def room(bring):
    return (await bring()).conversation.id


@pytest.fixture
def write(log, person):
    """Import messages in a run of their own; gives (imported, changed, skipped, kept, refusals)."""

    async def written(*messages: ForeignMessage):
        run = ImportRun(person("root", "admin"))
        outcome = await import_messages(log, KNOWN, run, messages=messages)
        await place_imported_cursors(
            log, run, place_cursors=partial(place_cursors, log.store), now=NOW
        )
        reasons = [why.reason for _, why in outcome.refusals]
        return outcome.imported, outcome.changed, outcome.skipped, outcome.kept, reasons

    return written


@pytest.fixture
def shown(store):
    async def message(room: str, seq: int = 1):
        (found,) = await store.messages.find_messages(room, [seq])
        return found

    return message


def reactions(message) -> dict[str, list[str]]:
    return {each.emoji: list(each.person_ids) for each in message.reactions}


async def test_msg_19_an_edit_in_the_other_system_comes_along_once(store, room, write, shown):
    await write(old(room, 1, "as it was"))
    edited = old(room, 1, "as it is", edited_at=LATER)
    assert await write(edited, old(room, 2, "new")) == (1, 1, 0, 0, [])

    message = await shown(room)
    assert (message.text, message.version, message.origin) == ("as it is", 1, "import")
    assert message.edited_at.ToDatetime(tzinfo=UTC) == LATER
    head = await store.entries.head(room)
    assert await write(edited, old(room, 2, "new")) == (0, 0, 2, 0, [])
    assert await store.entries.head(room) == head
    assert await write(old(room, 1, "as it was")) == (0, 1, 0, 0, [])
    assert (await shown(room)).text == "as it was"


async def test_msg_19_an_edit_that_has_no_time_shows_none(room, write, shown):
    await write(old(room, 1, ":tada:"))
    assert await write(old(room, 1, "🎉")) == (0, 1, 0, 0, [])

    message = await shown(room)
    assert message.text == "🎉"
    assert not message.HasField("edited_at")


async def test_msg_19_the_whole_history_still_verifies(store, person, room, write):
    await write(*(old(room, number, f"m{number}") for number in range(1, 5)))
    await write(
        old(room, 1, "edited", edited_at=LATER, eyes=("bob",)),
        old(room, 2, "", deleted=True),
        old(room, 3, "m3", eyes=("ann", "bob")),
        old(room, 4, "m4"),
    )

    verified = await verify_conversation(
        store, actor=person("ann"), conversation_id=room, first=0, last=0
    )
    assert not verified.problems


async def test_msg_16_reactions_follow_and_those_of_people_here_stay(change, room, write, shown):
    await write(old(room, 1, "hi", eyes=("ann",), tada=("ann", "bob")))
    await change("react", "bob", room, 1, emoji="+1")
    await change("react", "bob", room, 1, emoji="tada", remove=True)
    following = old(room, 1, "hi", tada=("ann", "bob"), eyes=("bob",), heart=("ann",))
    assert await write(following) == (0, 1, 0, 0, [])

    assert reactions(await shown(room)) == {
        "🎉": ["ann"],
        "👍": ["bob"],
        "👀": ["bob"],
        "❤️": ["ann"],
    }
    assert await write(following) == (0, 0, 1, 0, [])
    await change("react", "ann", room, 1, emoji="heart", remove=True)
    assert await write(following) == (0, 0, 1, 0, [])
    assert await write(old(room, 1, "hi")) == (0, 1, 0, 0, [])
    assert reactions(await shown(room)) == {"👍": ["bob"]}


async def test_msg_12_a_message_that_was_deleted_there_is_recalled_here(store, room, write, shown):
    await write(old(room, 1, "secret", eyes=("bob",)), old(room, 2, "stays"))
    gone = old(room, 1, "This message was deleted.", sender="bob", deleted=True)
    assert await write(gone) == (0, 1, 0, 0, [])

    message = await shown(room)
    assert (message.recalled, message.text, message.sender_id) == (True, "", "ann")
    assert not message.reactions
    assert await write(gone, old(room, 2, "stays")) == (0, 0, 2, 0, [])
    entry = await store.messages.find_entry(room, 1)
    assert b"secret" not in bytes(entry["event"])


async def test_msg_19_a_message_that_was_deleted_before_comes_in_as_told(room, write, shown):
    gone = old(room, 1, "This message was deleted.", deleted=True)
    assert await write(gone) == (1, 0, 0, 0, [])
    assert await write(gone) == (0, 0, 1, 0, [])
    assert (await shown(room)).text == "This message was deleted."


async def test_msg_11_words_that_were_changed_here_stay(change, room, write, shown):
    await write(old(room, 1, "as it was"))
    always = replace(DEFAULT, edit_window=NOW - THEN + timedelta(days=1))
    await change("edit", "ann", room, 1, text="by ann", policy=always)
    assert await write(old(room, 1, "as it was")) == (0, 0, 1, 0, [])
    assert await write(old(room, 1, "by slack", edited_at=LATER)) == (0, 0, 1, 0, [])
    assert (await shown(room)).text == "by ann"


async def test_msg_19_a_message_is_known_by_its_id_alone_when_its_sender_changes(
    store, room, write, shown
):
    await write(old(room, 1, "hi", sender="ann"))
    assert await write(old(room, 1, "hi", sender="bob")) == (0, 0, 1, 0, [])
    assert (await store.entries.head(room)).seq == 1
    assert (await shown(room)).sender_id == "ann"


@pytest.mark.rule("GW-11")
async def test_gw_11_what_people_use_follows_nothing(store, log, bring, room, write, say, shown):
    await write(old(room, 1, "old", eyes=("bob",)))
    await send_message(log, new_message=say(room, "ann", "native"))
    head = await store.entries.head(room)

    again = await bring(name="renamed", member_ids=("ann", "carol"))
    assert (again.conversation.name, again.changed) == ("plan", False)
    assert await write(old(room, 1, "forged")) == (0, 0, 0, 0, ["IMPORT_CLOSED"])
    assert await store.entries.head(room) == head
    assert (await shown(room)).text == "old"


@pytest.mark.rule("GW-11")
async def test_gw_11_an_open_stream_changes_nothing_after_a_native_message_or_the_end(
    log, person, bring, say, shown
):
    for number, close in enumerate(
        (
            lambda here: send_message(log, new_message=say(here, "ann", "native")),
            lambda _: finish_import(log, actor=person("root", "admin"), source="slack"),
        )
    ):
        here = (await bring(external_id=f"slack:O{number}")).conversation.id
        run = ImportRun(person("root", "admin"))
        await import_messages(log, KNOWN, run, messages=[old(here, 1, "old")])
        await close(here)
        run.known.clear()
        outcome = await import_messages(log, KNOWN, run, messages=[old(here, 1, "forged")])
        assert [why.reason for _, why in outcome.refusals] == ["IMPORT_CLOSED"]
        assert (await shown(here)).text == "old"


@pytest.mark.rule("GW-11")
async def test_gw_11_nothing_in_a_direct_conversation_is_changed(bring, write, shown):
    here = (await bring(PAIR)).conversation.id
    await write(old(here, 1, "old"))

    changed = old(here, 1, "forged", eyes=("bob",))
    assert await write(changed, old(here, 2, "more")) == (1, 0, 0, 1, [])
    message = await shown(here)
    assert (message.text, reactions(message)) == ("old", {})


@pytest.mark.usefixtures("room")
async def test_a_group_follows_its_name_topic_and_archiving(bring):
    again = await bring(name="plan-2026", topic="new topic", archived=True)
    assert (again.conversation.name, again.conversation.topic) == ("plan-2026", "new topic")
    assert (again.conversation.archived, again.changed) == (True, True)

    once_more = await bring(name="plan-2026", topic="new topic", archived=True)
    assert not once_more.changed
    assert once_more.change_no == again.change_no
    back = await bring(name="plan-2026", topic="new topic")
    assert not back.conversation.archived


async def test_a_name_that_was_given_here_stays(log, person, bring, room):
    await update_conversation(
        log,
        actor=person("ann"),
        conversation_id=room,
        name="ours",
        topic=None,
        archived=None,
        confidential=None,
        expected_version=0,
        now=NOW,
    )
    again = await bring(name="theirs", topic="their topic")

    assert (again.conversation.name, again.conversation.topic) == ("ours", "their topic")
    assert (await bring(name="theirs", topic="their topic")).conversation.name == "ours"


async def test_who_left_in_the_other_system_leaves_and_may_come_back(log, bring, room):
    gone = await bring(member_ids=("ann", "carol"))
    state = await log.log_states.load(room)
    assert set(state.members) == {"ann", "carol"}
    assert (gone.conversation.member_count, gone.changed) == (2, True)

    await bring(member_ids=("ann", "bob"))
    assert set((await log.log_states.load(room)).members) == {"ann", "bob"}
    # An export without a list of members leaves the members unchanged.
    assert not (await bring(member_ids=())).changed


async def test_who_left_here_stays_away_and_who_was_added_here_stays(
    log, people, person, bring, room
):
    from messaging.conversations.operations.members import add_members  # noqa: PLC0415 - beside its use

    await leave_conversation(log, actor=person("bob"), conversation_id=room, now=NOW)
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["dave"],
        role=Role.MEMBER,
        now=NOW,
    )
    await bring(member_ids=("ann", "bob", "carol"))

    assert set((await log.log_states.load(room)).members) == {"ann", "carol", "dave"}


async def test_a_group_whose_owner_leaves_has_another(log, bring, room):
    await bring(member_ids=("bob", "carol"), owner_id="carol")

    members = (await log.log_states.load(room)).members
    assert {who: member.role for who, member in members.items()} == {
        "bob": Role.MEMBER,
        "carol": Role.OWNER,
    }


async def test_what_an_earlier_version_imported_follows_too(store, log, bring, room):
    assert await store.imports._imports.update({"_id": room}, {"$unset": {"exported": ""}})
    again = await bring(name="renamed", member_ids=("ann", "carol"))

    assert again.conversation.name == "renamed"
    assert set((await log.log_states.load(room)).members) == {"ann", "carol"}


@pytest.mark.rule("SCALE-1")
async def test_scale_1_an_import_makes_no_group_larger_than_the_limit(store, bring, monkeypatch):
    monkeypatch.setattr(conversations, "MEMBER_LIMIT", 4)
    with pytest.raises(GroupTooLarge):
        await bring(member_ids=("ann", "bob", "carol", "dave", "erin"))
    room = (await bring(member_ids=("ann", "bob", "carol", "dave"))).conversation.id

    # As many come as leave, then one too many beside those who were added here.
    await bring(member_ids=("ann", "bob", "erin", "frank"))
    members = await store.conversations.active_ids(room)
    assert members == {"ann", "bob", "erin", "frank"}
    with pytest.raises(GroupTooLarge):
        await bring(member_ids=("ann", "bob", "erin", "frank", "greta"))
    assert await store.conversations.active_ids(room) == members
