"""Edit, recall, reactions, pins and labels on a real mongod: MSG-11, MSG-12, MSG-16."""

import asyncio
from datetime import timedelta

import pytest
from messaging.app import conversation_log
from messaging.config import LogSection
from messaging.conversations.domain.refusals import ConversationIsArchived
from messaging.conversations.operations.conversations import update_conversation
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.entries import EntryKind
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import History
from messaging.messages.domain.messages import MessageContent
from messaging.messages.domain.refusals import (
    EditWindowClosed,
    MentionAllDenied,
    MessageIsRecalled,
    MessageNotFound,
    NotYourMessage,
    RecallWindowClosed,
    TooManyEdits,
    TooManyPins,
    TooManyReactions,
)
from messaging.messages.events import states
from messaging.messages.operations import messages
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.messages import get_message, list_message_versions
from messaging.messages.queries.pins import list_pins
from messaging.reading.queries.conversations import get_conversation
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexuskit.clock import SystemClock
from plexuskit.errors import VersionConflict
from plexuskit.request_ids import RequestIdReused


async def pins_of(store, actor, room):
    pins, end = await list_pins(store, actor=actor, conversation_id=room, before=None, limit=200)
    assert end is None
    return pins


@pytest.fixture
async def room(group, log, say):
    """A group of ann (owner), bob and eve with one message of bob's."""
    made = await group("ann", "bob", "eve")
    await send_message(log, new_message=say(made, "bob", "货周五到", request_id="first"))
    return made


async def read(store, person, room, who="ann", seq=1):
    return await get_message(store, actor=person(who), conversation_id=room, seq=seq, message_id="")


async def test_msg_11_an_edit_keeps_the_number_and_shows_that_it_was_edited(
    store, room, change, person
):
    told = await change("edit", "bob", room, 1, text="货周六到")

    found = await read(store, person, room)
    assert found == told
    assert (found.seq, found.text, found.version, found.revision) == (1, "货周六到", 1, 2)
    assert found.HasField("edited_at")
    assert found.change_no == 3


async def test_msg_11_every_version_is_kept(store, room, change, person):
    await change("edit", "bob", room, 1, text="second")
    await change("edit", "bob", room, 1, text="third")

    versions, after = await list_message_versions(
        store, actor=person("eve"), conversation_id=room, seq=1, after=0, limit=100
    )
    assert after == 0

    assert [(each.version, each.text) for each in versions] == [
        (0, "货周五到"),
        (1, "second"),
        (2, "third"),
    ]


async def test_msg_11_the_same_words_make_no_version(store, room, change):
    told = await change("edit", "bob", room, 1, text="货周五到")

    assert told.version == 0
    assert (await store.entries.head(room)).change_no == 2


async def test_msg_11_only_the_sender_edits(room, change):
    with pytest.raises(NotYourMessage):
        await change("edit", "ann", room, 1, text="not mine")


async def test_msg_11_the_window_of_the_tenant_closes(room, change):
    late = SystemClock().now() + timedelta(hours=25)

    with pytest.raises(EditWindowClosed) as refused:
        await change("edit", "bob", room, 1, text="too late", now=late)

    assert refused.value.metadata["window_seconds"] == str(24 * 3600)


async def test_msg_11_at_most_20_versions(room, change):
    for number in range(20):
        await change("edit", "bob", room, 1, text=f"version {number}")

    with pytest.raises(TooManyEdits):
        await change("edit", "bob", room, 1, text="one more")


async def test_msg_11_concurrent_edits_use_the_expected_version(room, change):
    await change("edit", "bob", room, 1, text="first", expected_version=0)

    with pytest.raises(VersionConflict):
        await change("edit", "bob", room, 1, text="second", expected_version=0)


async def test_msg_11_an_edit_after_a_recall_is_refused(room, change):
    await change("recall", "bob", room, 1)

    with pytest.raises(MessageIsRecalled):
        await change("edit", "bob", room, 1, text="again")


async def test_msg_11_only_added_mentions_are_told(store, group, log, say, change):
    room = await group("ann", "bob", "eve")
    await send_message(log, new_message=say(room, "bob", "@ann", mentions=("ann",)))

    await change(
        "edit",
        "bob",
        room,
        1,
        text="",
        content=MessageContent("@ann @eve", mentions=("ann", "eve")),
    )

    fact = await last_fact(store, room)
    assert [mention.person_id for mention in fact.added_mentions] == ["eve"]


async def test_msg_13_an_edit_addresses_everybody_only_where_a_message_might(room, change):
    with pytest.raises(MentionAllDenied):
        await change(
            "edit", "bob", room, 1, text="", content=MessageContent("@all", mention_all=True)
        )


async def last_fact(store, room):
    entry = (await store.entries.list_changes(room, since=0, limit=1000))[-1]
    envelope = Envelope.FromString(bytes(entry["event"]))
    kind = getattr(events_pb2, envelope.type.rpartition(".")[2])
    return kind.FromString(envelope.fact)


async def test_msg_12_a_recall_leaves_the_number_and_nothing_of_the_content(
    store, room, change, person
):
    await change("edit", "bob", room, 1, text="edited secret")
    await change("react", "eve", room, 1, emoji="ok")
    await change("label", "eve", room, 1, add=("急",))
    await change("pin", "ann", room, 1)

    told = await change("recall", "bob", room, 1)

    assert (told.seq, told.recalled, told.recalled_by, told.text) == (1, True, "bob", "")
    assert not told.reactions
    assert not told.labels
    assert not told.HasField("pin")
    assert await pins_of(store, person("ann"), room) == []
    versions, _ = await list_message_versions(
        store, actor=person("ann"), conversation_id=room, seq=1, after=0, limit=100
    )
    assert [each.text for each in versions] == ["", ""]
    raw = await store.db.collection("entries", schema_version=1).find_all({})
    assert not [entry for entry in raw if b"secret" in b"".join(octets(entry))]
    assert not [entry for entry in raw if "货周五到".encode() in b"".join(octets(entry))]


def octets(entry):
    return [bytes(value) for value in entry.values() if isinstance(value, bytes)]


async def test_msg_12_recalling_twice_is_recalling_once(store, room, change):
    first = await change("recall", "bob", room, 1)
    second = await change("recall", "bob", room, 1)

    assert first == second
    assert (await store.entries.head(room)).change_no == 3


async def test_msg_12_the_sender_has_two_minutes_an_administrator_longer_an_officer_for_ever(
    room, change, log, say
):
    later = SystemClock().now() + timedelta(minutes=3)
    with pytest.raises(RecallWindowClosed):
        await change("recall", "bob", room, 1, now=later)
    with pytest.raises(NotYourMessage):
        await change("recall", "eve", room, 1)

    assert (await change("recall", "ann", room, 1, now=later)).recalled_by == "ann"

    await send_message(log, new_message=say(room, "bob", "old"))
    years = SystemClock().now() + timedelta(days=1000)
    with pytest.raises(NotYourMessage):
        await change("recall", "ann", room, 2, now=years)


@pytest.mark.rule("GW-12")
@pytest.mark.parametrize("role", ["compliance", "admin", "auditor"])
async def test_gw_12_a_role_of_the_caller_context_alters_no_message(log, group, say, change, role):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "words"))

    for kind, fields in (("recall", {}), ("react", {"emoji": "ok"}), ("pin", {})):
        with pytest.raises(ConversationNotFound):
            await change(kind, ("outsider", role), room, 1, **fields)
    with pytest.raises(NotYourMessage):
        await change("recall", ("bob", role), room, 1)


async def test_gw_02_a_stranger_learns_nothing_by_changing(room, change):
    with pytest.raises(ConversationNotFound):
        await change("recall", "mallory", room, 1)
    with pytest.raises(ConversationNotFound):
        await change("react", "mallory", "cnv_none", 1, emoji="ok")


async def test_msg_14_what_one_may_not_see_one_may_not_change(
    log, group, say, change, people, person
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "before"))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["eve"],
        role=1,
        now=SystemClock().now(),
    )

    with pytest.raises(MessageNotFound):
        await change("react", "eve", room, 1, emoji="ok")


async def test_msg_08_a_recalled_message_is_unread_for_nobody(
    store, room, change, log, say, person
):
    await send_message(log, new_message=say(room, "bob", "@ann", mentions=("ann",)))

    async def unread():
        view = await get_conversation(store, actor=person("ann"), conversation_id=room)
        return view.unread, view.mention_unread

    assert await unread() == (2, 1)
    await change("recall", "bob", room, 2)
    assert await unread() == (1, 0)
    await change("edit", "bob", room, 1, text="", content=MessageContent("@ann", mentions=("ann",)))
    assert await unread() == (1, 1)


async def test_msg_16_reactions_are_a_set(room, change):
    await change("react", "ann", room, 1, emoji=":thumbsup:")
    await change("react", "eve", room, 1, emoji="+1")
    await change("react", "ann", room, 1, emoji="👍")
    told = await change("react", "ann", room, 1, emoji="🎉")

    assert [(r.emoji, list(r.person_ids)) for r in told.reactions] == [
        ("👍", ["ann", "eve"]),
        ("🎉", ["ann"]),
    ]
    told = await change("react", "ann", room, 1, emoji="🎉", remove=True)
    assert [r.emoji for r in told.reactions] == ["👍"]
    assert told.change_no == 6


async def test_msg_16_at_most_50_emoji(room, change):
    for number in range(50):
        await change("react", "ann", room, 1, emoji=f"e{number}")

    with pytest.raises(TooManyReactions):
        await change("react", "ann", room, 1, emoji="one_more")
    assert await change("react", "eve", room, 1, emoji="e7")


async def test_msg_16_a_pin_names_who_pinned_first_and_twice_is_once(store, room, change, person):
    await change("pin", "eve", room, 1)
    told = await change("pin", "bob", room, 1)

    assert told.pin.person_id == "eve"
    assert await pins_of(store, person("ann"), room) == [told]
    await change("pin", "bob", room, 1, unpin=True)
    assert await pins_of(store, person("ann"), room) == []


async def test_msg_16_so_many_pins_and_no_more(room, change, log, say, monkeypatch):
    monkeypatch.setattr(messages, "MAX_PINS", 1)
    await send_message(log, new_message=say(room, "bob", "second"))
    await change("pin", "ann", room, 1)

    with pytest.raises(TooManyPins):
        await change("pin", "ann", room, 2)


async def test_labels_are_free_words_in_order(room, change):
    await change("label", "ann", room, 1, add=("客户", " 急  件 "))
    told = await change("label", "eve", room, 1, add=("a",), remove=("客户",))

    assert list(told.labels) == ["a", "急 件"]


async def test_msg_03_a_retry_is_answered_and_not_carried_out_again(room, change):
    await change("react", "ann", room, 1, emoji="ok", request_id="r1")
    await change("react", "ann", room, 1, emoji="ok", remove=True)

    again = await change("react", "ann", room, 1, emoji="ok", request_id="r1")

    assert not again.reactions
    assert again.change_no == 4
    with pytest.raises(RequestIdReused):
        await change("react", "ann", room, 1, emoji="other", request_id="r1")


async def test_msg_12_a_retry_of_an_edit_after_the_recall_shows_no_content(room, change):
    await change("edit", "bob", room, 1, text="edited", request_id="r1")
    await change("recall", "ann", room, 1)

    assert (await change("edit", "bob", room, 1, text="edited", request_id="r1")).text == ""


async def test_msg_01_changes_and_sends_of_two_processes_leave_no_hole(
    store, runtime, log, room, change, say
):
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        await asyncio.gather(
            *(
                change("react", name, room, 1, emoji=f"e{n}", through=log if n % 2 else other)
                for n in range(20)
                for name in ("ann", "bob")
            ),
            *(
                send_message(other if n % 2 else log, new_message=say(room, "eve", f"m{n}"))
                for n in range(40)
            ),
        )

    rows = await store.entries.list_changes(room, since=0, limit=1000)
    assert [row["change_no"] for row in rows] == list(range(1, 83))
    entry = await store.messages.find_entry(room, 1)
    assert len({r["_id"] for r in rows}) == 82
    assert [row["about_seq"] for row in rows if "about_seq" in row] == [1] * 40
    found = states.state_of(states.messages_pb2.Message.FromString(entry["current"]))
    assert sum(len(reaction.person_ids) for reaction in found.reactions) == 40


async def test_gw_02_who_was_removed_by_another_process_changes_nothing(
    store, runtime, room, change, person
):
    await change("react", "eve", room, 1, emoji="ok")
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        await remove_members(
            other,
            actor=person("ann"),
            conversation_id=room,
            person_ids=["eve"],
            now=SystemClock().now(),
        )

    with pytest.raises(ConversationNotFound):
        await change("react", "eve", room, 1, emoji="ok")
    with pytest.raises(ConversationNotFound):
        await change("react", "eve", room, 1, emoji="other")


async def test_who_was_added_by_another_process_may_write_at_once(
    store, runtime, log, room, people, person, say
):
    await send_message(log, new_message=say(room, "ann", "the tail is in memory"))
    other = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with other.running(runtime):
        await add_members(
            other,
            people,
            actor=person("ann"),
            conversation_id=room,
            person_ids=["dora"],
            role=1,
            now=SystemClock().now(),
        )

    stored = await send_message(log, new_message=say(room, "dora", "hello"))

    assert stored.seq == 3


async def test_every_change_has_its_kind_and_its_fact(store, room, change):
    await change("edit", "bob", room, 1, text="second")
    await change("react", "ann", room, 1, emoji="ok")
    await change("pin", "ann", room, 1)
    await change("label", "ann", room, 1, add=("x",))
    await change("recall", "bob", room, 1)

    rows = await store.entries.list_changes(room, since=2, limit=10)
    assert [EntryKind(row["kind"]) for row in rows] == [
        EntryKind.EDITED,
        EntryKind.REACTED,
        EntryKind.PINNED,
        EntryKind.LABELED,
        EntryKind.RECALLED,
    ]
    envelopes = [Envelope.FromString(bytes(row["event"])) for row in rows]
    assert [each.entity_version for each in envelopes] == [2, 3, 4, 5, 6]
    assert [each.type.rpartition(".")[2] for each in envelopes] == [
        "MessageEdited",
        "MessageReacted",
        "MessagePinned",
        "MessageLabeled",
        "MessageRecalled",
    ]


async def test_nothing_is_changed_in_an_archived_group_but_recalled(log, room, change, person):
    await update_conversation(
        log,
        actor=person("ann"),
        conversation_id=room,
        name=None,
        topic=None,
        archived=True,
        confidential=None,
        expected_version=0,
        now=SystemClock().now(),
    )
    for kind, fields in (("react", {"emoji": "ok"}), ("pin", {}), ("edit", {"text": "x"})):
        with pytest.raises(ConversationIsArchived):
            await change(kind, "bob", room, 1, **fields)
    assert (await change("recall", "bob", room, 1)).recalled


async def test_msg_14_quotes_show_the_present_words_to_those_who_may_see_them(
    store, log, group, say, change, people, person
):
    room = await group("ann", "bob", history=History.SINCE_JOIN)
    await send_message(log, new_message=say(room, "bob", "original"))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["eve"],
        role=1,
        now=SystemClock().now(),
    )
    await send_message(log, new_message=say(room, "ann", "as bob says", quote_seq=1))

    async def quote(who):
        return (await read(store, person, room, who, seq=2)).quote

    assert (await quote("bob")).text == "original"
    assert (await quote("eve")).unavailable
    await change("edit", "bob", room, 1, text="changed")
    assert (await quote("ann")).text == "changed"
    await change("recall", "bob", room, 1)
    assert ((await quote("ann")).text, (await quote("ann")).unavailable) == ("", True)
