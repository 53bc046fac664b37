"""Drafts and settings on a real mongod: MSG-4, MSG-7, MSG-18, GW-2."""

import asyncio
from datetime import timedelta

import pytest
from messaging.conversations.domain.settings import SettingsChange
from messaging.conversations.operations.members import remove_members
from messaging.conversations.operations.settings import update_conversation_settings
from messaging.log.domain.refusals import ConversationNotFound
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.operations.messages import send_message
from messaging.personal.domain.drafts import DRAFT_LIMIT, Draft, DraftKey
from messaging.personal.domain.refusals import TooManyDrafts
from messaging.personal.operations.drafts import save_draft
from messaging.personal.queries.drafts import list_drafts
from messaging.reading.operations.cursors import advance_cursor
from messaging.reading.queries.conversations import get_conversation, list_conversations
from messaging.reading.queries.receipts import Audiences, list_receipts
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, personal_service_pb2
from plexuskit.clock import SystemClock

TENANT = "ten_acme"
SECOND = timedelta(seconds=1)


@pytest.fixture
def now():
    return SystemClock().now()


@pytest.fixture
def write(store, person, now):
    """Save a person's draft: `await write("ann", room, "words", ago=3)`."""

    async def written(name, conversation_id, text, *, ago=0.0, root_seq=0):
        words = personal_service_pb2.Draft(text=text).SerializeToString()
        draft = Draft(
            key=DraftKey(name, conversation_id, root_seq),
            tenant_id=TENANT,
            words=words,
            written_at=now - ago * SECOND,
        )
        return await save_draft(store, actor=person(name), draft=draft, now=now)

    return written


@pytest.fixture
def drafts_of(store, person):
    async def found(name):
        page, _ = await list_drafts(
            store, actor=person(name), before=None, limit=500, may=lambda _: True
        )
        return [personal_service_pb2.Draft.FromString(draft.words).text for draft in page]

    return found


@pytest.fixture
def facts(db):
    """The facts of the outbox, oldest first, as (type, fact)."""

    async def read():
        found = await db.collection("outbox", schema_version=1).find_all({}, sort=[("_id", 1)])
        envelopes = [Envelope.FromString(document["event"]) for document in found]
        assert all(document["topic"] == "messaging.person.v1" for document in found)
        return [
            getattr(events_pb2, each.type.rpartition(".")[2]).FromString(each.fact)
            for each in envelopes
        ]

    return read


async def test_of_a_place_the_newest_draft_is_kept_and_told_of(write, group, drafts_of, facts):
    room = await group("ann", "bob")
    await write("ann", room, "second", ago=1)
    kept = await write("ann", room, "first, and late", ago=2)
    assert personal_service_pb2.Draft.FromString(kept.words).text == "second"

    assert await drafts_of("ann") == ["second"]
    (saved,) = await facts()
    assert (saved.draft.text, saved.draft.version) == ("second", 1)
    assert saved.draft.conversation_id == room


async def test_emptying_deletes_a_draft_and_an_older_one_does_not_come_back(
    write, group, drafts_of, facts
):
    room = await group("ann", "bob")
    await write("ann", room, "words", ago=3)
    await write("ann", room, "", ago=1)
    await write("ann", room, "late", ago=2)
    assert await drafts_of("ann") == []

    _, deleted = await facts()
    assert isinstance(deleted, events_pb2.DraftDeleted)
    assert (deleted.person_id, deleted.conversation_id, deleted.version) == ("ann", room, 2)
    await write("ann", room, "again")
    assert (await facts())[-1].draft.version == 3


async def test_emptying_what_is_empty_is_no_fact_but_is_remembered(write, group, drafts_of, facts):
    room = await group("ann", "bob")
    await write("ann", room, "", ago=1)
    await write("ann", room, "older", ago=2)
    assert await facts() == []
    assert await drafts_of("ann") == []


async def test_msg_15_every_thread_has_its_own_draft(log, write, group, say, drafts_of):
    room = await group("ann", "bob")
    root = (await send_message(log, new_message=say(room, "bob", "root"))).seq
    reply = await send_message(log, new_message=say(room, "bob", "re", reply_to_seq=root))

    await write("ann", room, "line", ago=1)
    await write("ann", room, "thread", root_seq=root)
    assert await drafts_of("ann") == ["thread", "line"]
    for nowhere in (reply.seq, 99):
        with pytest.raises(MessageNotFound):
            await write("ann", room, "x", root_seq=nowhere)


async def test_gw_02_a_draft_takes_a_membership_and_is_hidden_without_it(
    log, write, group, person, drafts_of, now
):
    room, other = await group("ann", "bob"), await group("bob", "cy")
    with pytest.raises(ConversationNotFound):
        await write("ann", other, "I am not in it")
    with pytest.raises(ConversationNotFound):
        await write("ann", "cnv_none", "nobody is")

    await write("bob", room, "mine")
    await write("bob", other, "elsewhere", ago=1)
    gone = {"actor": person("ann"), "conversation_id": room, "person_ids": ["bob"], "now": now}
    await remove_members(log, **gone)
    assert await drafts_of("bob") == ["elsewhere"]
    with pytest.raises(ConversationNotFound):
        await write("bob", room, "still")


async def test_two_devices_that_write_at_once_end_the_same(write, group, drafts_of):
    room = await group("ann", "bob")
    await asyncio.gather(*(write("ann", room, f"state {n}", ago=30 - n) for n in range(30)))
    assert await drafts_of("ann") == ["state 29"]


async def test_msg_18_one_draft_too_many_is_refused_by_name(log, db, write, group, person, now):
    room, left = await group("ann", "bob"), await group("ann", "bob")
    await write("bob", left, "in a room that bob leaves")
    await write("bob", room, "1")
    documents = [
        {
            "_id": f"bob:{room}:{n}",
            "tenant_id": TENANT,
            "person_id": "bob",
            "conversation_id": room,
            "root_seq": n,
            "words": b"x",
            "has_words": True,
            "written_at": now,
            "version": 1,
        }
        for n in range(1, DRAFT_LIMIT - 1)
    ]
    await db.collection("drafts", schema_version=1).insert_many(documents)
    other = await group("ann", "bob")
    with pytest.raises(TooManyDrafts):
        await write("bob", other, "too many")
    await write("bob", room, "the same one again")

    gone = {"actor": person("ann"), "conversation_id": left, "person_ids": ["bob"], "now": now}
    await remove_members(log, **gone)
    await write("bob", other, "the hidden one does not count")


async def test_drafts_are_read_page_by_page(store, write, group, person):
    rooms = [await group("ann", f"p{n}") for n in range(7)]
    for n, room in enumerate(rooms):
        await write("ann", room, f"{n}", ago=n // 2)
    seen, end = [], None
    while True:
        page, end = await list_drafts(
            store, actor=person("ann"), before=end, limit=2, may=lambda _: True
        )
        seen += [draft.key.conversation_id for draft in page]
        if end is None:
            break
    assert sorted(seen) == sorted(rooms)
    assert set(seen[:2]) == set(rooms[:2])


async def test_settings_are_in_every_view_and_one_fact_each(store, group, person, now, facts):
    room = await group("ann", "bob")
    other = await group("ann", "bob")
    ann = person("ann")
    change = SettingsChange(folder="供应商", starred=True, muted_until=now + timedelta(hours=8))
    for _ in range(2):
        await update_conversation_settings(
            store, actor=ann, conversation_id=room, change=change, now=now
        )

    listed, _ = await list_conversations(
        store, actor=ann, position=None, limit=10, include_archived=False
    )
    settings = {view.conversation.id: view.settings for view in listed}
    assert (settings[room].folder, settings[room].starred) == ("供应商", True)
    assert (settings[other].version, settings[other].starred) == (0, False)
    one = await get_conversation(store, actor=ann, conversation_id=room)
    assert one.settings == settings[room]
    bobs = await get_conversation(store, actor=person("bob"), conversation_id=room)
    assert bobs.settings.version == 0, "nobody else's"
    (fact,) = await facts()
    assert (fact.person_id, fact.settings.conversation_id, fact.settings.version) == (
        "ann",
        room,
        1,
    )


async def test_a_page_of_conversations_reads_settings_once(store, group, person, monkeypatch):
    for _ in range(5):
        await group("ann", "bob")
    find, asked = store.settings.find, []

    async def counted(person_id, conversation_ids):
        asked.append(len(conversation_ids))
        return await find(person_id, conversation_ids)

    monkeypatch.setattr(store.settings, "find", counted)
    page, _ = await list_conversations(
        store, actor=person("ann"), position=None, limit=4, include_archived=False
    )
    assert (len(page), asked) == (4, [4])


async def test_gw_02_only_a_member_arranges_a_conversation(store, group, person, now):
    room = await group("ann", "bob")
    for where in (room, "cnv_none"):
        with pytest.raises(ConversationNotFound):
            await update_conversation_settings(
                store,
                actor=person("eve"),
                conversation_id=where,
                change=SettingsChange(starred=True),
                now=now,
            )


async def test_concurrent_changes_of_settings_lose_nothing(store, group, person, now):
    room = await group("ann", "bob")
    changes = [
        SettingsChange(folder="f"),
        SettingsChange(starred=True),
        SettingsChange(marked_unread=True),
        SettingsChange(muted_until=now + timedelta(days=1)),
    ]
    await asyncio.gather(
        *(
            update_conversation_settings(
                store, actor=person("ann"), conversation_id=room, change=change, now=now
            )
            for change in changes
        )
    )
    kept = await store.settings.get(room, "ann")
    assert kept.version == 4
    assert (kept.folder, kept.starred, kept.marked_unread) == ("f", True, True)
    assert kept.muted_until is not None


@pytest.fixture
def advance(log, cursors, person):
    async def advanced(name, room, through, root_seq=0):
        return await advance_cursor(
            log,
            cursors,
            actor=person(name),
            conversation_id=room,
            through_seq=through,
            root_seq=root_seq,
        )

    return advanced


async def test_msg_07_a_mark_withdraws_no_receipt_and_reading_on_takes_it_off(
    log, store, group, say, person, now, advance, facts
):
    room = await group("ann", "bob")
    for text in ("one", "two"):
        await send_message(log, new_message=say(room, "ann", text))
    bob, mark = person("bob"), SettingsChange(marked_unread=True)
    await advance("bob", room, 2)

    async def marked():
        return (await store.settings.get(room, "bob")).marked_unread

    async def set_mark():
        await update_conversation_settings(
            store, actor=bob, conversation_id=room, change=mark, now=now
        )

    await set_mark()
    view = await get_conversation(store, actor=bob, conversation_id=room)
    assert (view.read_through_seq, view.unread, view.settings.marked_unread) == (2, 0, True)
    receipts = await list_receipts(
        store, Audiences(), actor=person("ann"), conversation_id=room, seq=2, after="", limit=10
    )
    assert receipts.read == 1

    await advance("bob", room, 1)
    assert await marked(), "a late repeat of an earlier advance"
    await advance("ann", room, 2)
    assert await marked(), "somebody else's reading"
    await advance("bob", room, 2)
    assert not await marked(), "bob has looked at it again"
    assert [fact.settings.marked_unread for fact in await facts()] == [True, False]

    await set_mark()
    await send_message(log, new_message=say(room, "ann", "three"))
    await advance("bob", room, 3)
    assert not await marked()


async def test_msg_07_reading_a_thread_leaves_the_mark(
    log, store, group, say, person, now, advance
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "root"))
    await send_message(log, new_message=say(room, "ann", "reply", reply_to_seq=1))
    await update_conversation_settings(
        store,
        actor=person("bob"),
        conversation_id=room,
        change=SettingsChange(marked_unread=True),
        now=now,
    )
    await advance("bob", room, 2, root_seq=1)
    assert (await store.settings.get(room, "bob")).marked_unread
