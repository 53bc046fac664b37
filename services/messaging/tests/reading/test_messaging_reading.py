"""Reads and cursors on a real mongod: MSG-6 to MSG-9, MSG-14, MSG-15."""

import asyncio

import pytest
from messaging.app import conversation_log
from messaging.config import LogSection
from messaging.conversations.domain.refusals import LastOwner, NotGroupAdmin
from messaging.conversations.operations.conversations import leave_conversation
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import History, Role
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.operations.messages import send_message, send_messages
from messaging.messages.queries.authority import readable_containers
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import get_message, list_messages
from messaging.reading.domain import CursorBeyondEnd
from messaging.reading.operations.cursors import advance_cursor, advance_cursors
from messaging.reading.operations.threads import follow_thread
from messaging.reading.queries.conversations import get_conversation, list_conversations
from messaging.reading.queries.receipts import Audiences, list_receipts
from messaging.reading.queries.threads import get_thread
from plexus.authz.v1.authority_pb2 import ReadableContainersRequest
from plexus_testkit import eventually
from plexuskit.clock import SystemClock

NOW = SystemClock().now()


async def say_many(log, say, room, sender, count, *, prefix="m"):
    return await send_messages(
        log, new_messages=[say(room, sender, f"{prefix}{n}") for n in range(count)]
    )


async def add(log, people, actor, room, *names):
    return await add_members(
        log,
        people,
        actor=actor,
        conversation_id=room,
        person_ids=names,
        role=Role.MEMBER,
        now=NOW,
    )


async def remove(log, actor, room, *names):
    return await remove_members(log, actor=actor, conversation_id=room, person_ids=names, now=NOW)


async def history(store, actor, room, **fields):
    asked = {"before_seq": 0, "after_seq": None, "root_seq": 0, "limit": 500} | fields
    messages, _, _ = await list_messages(store, actor=actor, conversation_id=room, **asked)
    return [message.seq for message in messages]


async def test_msg_05_history_reads_both_ways_in_order_of_seq(store, log, group, say, person):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 10)

    assert await history(store, person("bob"), room, limit=3) == [8, 9, 10]
    assert await history(store, person("bob"), room, before_seq=8, limit=3) == [5, 6, 7]
    assert await history(store, person("bob"), room, after_seq=2, limit=3) == [3, 4, 5]


async def test_msg_14_late_joiners_see_what_was_said_since(store, log, group, say, person, people):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 5)
    await add(log, people, person("ann"), room, "carol")
    await say_many(log, say, room, "ann", 3, prefix="later")

    assert await history(store, person("carol"), room) == [6, 7, 8]
    with pytest.raises(MessageNotFound):
        await get_message(store, actor=person("carol"), conversation_id=room, seq=5, message_id="")


async def test_msg_14_with_open_history_late_joiners_see_everything(
    store, log, group, say, person, people
):
    room = await group("ann", "bob", history=History.ALL)
    await say_many(log, say, room, "ann", 5)
    await add(log, people, person("ann"), room, "carol")

    assert await history(store, person("carol"), room) == [1, 2, 3, 4, 5]


async def test_msg_14_who_comes_back_sees_both_stays_and_not_the_gap(
    store, log, group, say, person, people
):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 2)
    await remove(log, person("ann"), room, "bob")
    await say_many(log, say, room, "ann", 2, prefix="secret")
    with pytest.raises(ConversationNotFound):
        await history(store, person("bob"), room)

    await add(log, people, person("ann"), room, "bob")
    await say_many(log, say, room, "ann", 1, prefix="back")

    assert await history(store, person("bob"), room) == [1, 2, 5]


async def test_the_last_owner_cannot_leave_and_plain_members_cannot_remove(log, group, person):
    room = await group("ann", "bob")

    with pytest.raises(LastOwner):
        await leave_conversation(log, actor=person("ann"), conversation_id=room, now=NOW)
    with pytest.raises(NotGroupAdmin):
        await remove(log, person("bob"), room, "ann")


async def test_msg_06_changes_since_give_present_state_and_through(
    store, log, group, say, person, people
):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 3)
    await add(log, people, person("ann"), room, "carol")
    await say_many(log, say, room, "bob", 1, prefix="after")

    changes = await list_changes(
        store, actor=person("bob"), conversation_id=room, since=2, limit=500
    )

    assert [number for number, _ in changes.messages] == [3, 4, 6]
    assert [(n, [m.person_id for m in members]) for n, members in changes.members] == [
        (5, ["carol"])
    ]
    assert changes.through == 6
    assert not changes.more


async def test_msg_06_through_advances_over_what_the_member_may_not_see(
    store, log, group, say, person, people
):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 3)
    await add(log, people, person("ann"), room, "carol")

    changes = await list_changes(
        store, actor=person("carol"), conversation_id=room, since=0, limit=500
    )

    assert changes.messages == ()
    assert changes.through == 5


async def test_msg_06_pages_lead_to_the_whole_state(store, log, group, say, person):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 25)

    seen, since, more = [], 0, True
    while more:
        page = await list_changes(
            store, actor=person("bob"), conversation_id=room, since=since, limit=7
        )
        seen += [message.seq for _, message in page.messages]
        since, more = page.through, page.more

    assert seen == list(range(1, 26))


async def test_msg_07_cursors_never_go_back(log, cursors, group, say, person):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 5)

    async def read(through):
        return await advance_cursor(
            log,
            cursors,
            actor=person("bob"),
            conversation_id=room,
            through_seq=through,
            root_seq=0,
        )

    assert (await read(4)).through_seq == 4
    assert (await read(2)).through_seq == 4
    with pytest.raises(CursorBeyondEnd):
        await read(6)
    assert {r.through_seq for r in await asyncio.gather(*(read(n) for n in (1, 5, 3)))} == {5}


async def test_msg_07_one_bad_item_leaves_the_others(log, cursors, group, say, person):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 2)

    verdicts = await advance_cursors(
        log,
        cursors,
        actor=person("bob"),
        advances=[(room, 9, 0), (room, 2, 0), ("cnv_none", 1, 0)],
        may=lambda _: None,
    )

    assert isinstance(verdicts[0], CursorBeyondEnd)
    assert verdicts[1].through_seq == 2
    assert isinstance(verdicts[2], ConversationNotFound)


async def test_msg_08_unread_counts_others_messages_after_the_cursor(
    store, log, cursors, group, say, person
):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 4)
    await say_many(log, say, room, "bob", 2, prefix="own")
    await send_message(log, new_message=say(room, "ann", "@bob look", mentions=("bob",)))
    await send_message(log, new_message=say(room, "ann", "all", mention_all=True))
    await advance_cursor(
        log,
        cursors,
        actor=person("bob"),
        conversation_id=room,
        through_seq=3,
        root_seq=0,
    )

    view = await get_conversation(store, actor=person("bob"), conversation_id=room)

    assert (view.unread, view.mention_unread, view.read_through_seq) == (3, 2, 3)


async def test_msg_08_new_members_begin_without_unread(store, log, group, say, person, people):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 4)
    await add(log, people, person("ann"), room, "carol")

    view = await get_conversation(store, actor=person("carol"), conversation_id=room)

    assert view.unread == 0


async def test_msg_09_receipts_know_the_audience_of_the_moment(
    store, log, cursors, group, say, person, people
):
    room = await group("ann", "bob", "carol")
    await send_message(log, new_message=say(room, "ann", "to two"))
    await remove(log, person("ann"), room, "carol")
    await add(log, people, person("ann"), room, "dave")
    await send_message(log, new_message=say(room, "ann", "second"))
    first = await advance_cursor(
        log,
        cursors,
        actor=person("bob"),
        conversation_id=room,
        through_seq=1,
        root_seq=0,
    )
    await advance_cursor(
        log,
        cursors,
        actor=person("bob"),
        conversation_id=room,
        through_seq=2,
        root_seq=0,
    )

    receipts = await list_receipts(
        store, Audiences(), actor=person("ann"), conversation_id=room, seq=1, after="", limit=10
    )

    assert receipts.page == (("bob", first.read_at), ("carol", None))
    assert (receipts.audience, receipts.read) == (2, 1)
    later = await list_receipts(
        store, Audiences(), actor=person("ann"), conversation_id=room, seq=2, after="", limit=10
    )
    assert [who for who, _ in later.page] == ["bob", "dave"]


async def test_msg_15_threads_have_their_own_cursor_and_followers(
    store, log, cursors, group, say, person
):
    room = await group("ann", "bob", "carol")
    await send_message(log, new_message=say(room, "ann", "root"))
    await send_message(log, new_message=say(room, "bob", "reply", reply_to_seq=1))
    await advance_cursor(
        log,
        cursors,
        actor=person("ann"),
        conversation_id=room,
        through_seq=2,
        root_seq=0,
    )

    view = await get_conversation(store, actor=person("ann"), conversation_id=room)
    thread = await get_thread(store, actor=person("ann"), conversation_id=room, root_seq=1)
    assert view.unread == 0
    assert view.unread_in_threads
    assert (thread.followers, thread.unread, thread.replies) == (("ann", "bob"), 1, 1)

    await advance_cursor(
        log,
        cursors,
        actor=person("ann"),
        conversation_id=room,
        through_seq=2,
        root_seq=1,
    )
    view = await get_conversation(store, actor=person("ann"), conversation_id=room)
    assert not view.unread_in_threads


async def test_msg_15_a_cursor_of_a_thread_needs_a_message_that_begins_one(
    store, log, cursors, group, say, person
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "root"))
    await send_message(log, new_message=say(room, "bob", "reply", reply_to_seq=1))
    roots = (1, 2, 3, 10**12)

    verdicts = await advance_cursors(
        log,
        cursors,
        actor=person("ann"),
        advances=[(room, 2, root) for root in roots],
        may=lambda _: None,
    )

    refused = [isinstance(verdict, MessageNotFound) for verdict in verdicts]
    assert refused == [False, True, True, True]
    kept = await store.cursors.threads("ann", {room: roots})
    assert kept == {(room, 1): 2}


async def test_msg_15_following_is_also_a_choice(store, log, group, say, person):
    room = await group("ann", "bob", "carol")
    await send_message(log, new_message=say(room, "ann", "root"))

    for name, follow in (("carol", True), ("ann", False)):
        await follow_thread(
            store, actor=person(name), conversation_id=room, root_seq=1, follow=follow
        )

    thread = await get_thread(store, actor=person("bob"), conversation_id=room, root_seq=1)
    assert thread.followers == ("carol",)


@pytest.mark.rule("MSG-21")
async def test_msg_21_followers_of_a_thread_are_members_however_many_are_mentioned(
    store, log, group, say, person
):
    room = await group("ann", "bob", "carol")
    named = [f"per_{number}" for number in range(600)]
    await send_message(log, new_message=say(room, "ann", "root", mentions=("bob", "outsider")))
    for start in range(0, len(named), 200):
        reply = say(
            room, "carol", f"{start}", reply_to_seq=1, mentions=tuple(named[start : start + 200])
        )
        await send_message(log, new_message=reply)
    await remove(log, person("ann"), room, "carol")

    thread = await get_thread(store, actor=person("ann"), conversation_id=room, root_seq=1)

    assert thread.followers == ("ann", "bob")
    assert thread.replies == 3


async def test_lists_come_with_the_last_active_first(store, log, group, say, person):
    first, second = await group("ann", "bob"), await group("ann", "carol")
    await say_many(log, say, first, "bob", 2)
    await asyncio.sleep(0.01)
    await say_many(log, say, second, "carol", 1)
    await log.flush_heads()

    views, more = await list_conversations(
        store, actor=person("ann"), position=None, limit=10, include_archived=False
    )

    assert [(view.conversation.id, view.unread) for view in views] == [(second, 1), (first, 2)]
    assert not more


async def test_src_02_the_authority_answers_for_the_present(store, log, group, say, person):
    room = await group("ann", "bob")
    await say_many(log, say, room, "ann", 1)
    before = await readable_containers(
        store,
        ReadableContainersRequest(tenant_id="ten_acme", person_id="bob", known_version=""),
    )
    same = await readable_containers(
        store,
        ReadableContainersRequest(
            tenant_id="ten_acme", person_id="bob", known_version=before.version
        ),
    )
    await remove(log, person("ann"), room, "bob")
    after = await readable_containers(
        store,
        ReadableContainersRequest(
            tenant_id="ten_acme", person_id="bob", known_version=before.version
        ),
    )

    assert [container.id for container in before.containers] == [room]
    assert same.unchanged
    assert not after.unchanged
    assert not after.containers


async def test_a_message_is_found_by_its_id_where_it_may_be_seen(
    store, log, group, say, person, people
):
    room = await group("ann", "bob")
    first = await send_message(log, new_message=say(room, "ann", "before carol"))
    await add(log, people, person("ann"), room, "carol")

    async def read(name, message_id):
        return await get_message(
            store, actor=person(name), conversation_id=room, seq=0, message_id=message_id
        )

    assert (await read("bob", first.message_id)).text == "before carol"
    with pytest.raises(MessageNotFound):
        await read("carol", first.message_id)
    with pytest.raises(MessageNotFound):
        await read("bob", "msg_nothing")


async def test_msg_08_heads_that_a_killed_process_left_stale_are_repaired_at_the_next_start(
    store, group, say, person, runtime
):
    room = await group("ann", "bob")
    killed = conversation_log(store, section=LogSection(), clock=SystemClock())
    partitions = [asyncio.create_task(partition.run()) for partition in killed.partitions]
    await say_many(killed, say, room, "ann", 3)
    for partition in partitions:  # without the write of the heads that a drained process makes
        partition.cancel()
    assert await store.conversations.message_count("ten_acme") == 0

    next_one = conversation_log(store, section=LogSection(), clock=SystemClock())
    async with next_one.running(runtime):

        async def repaired():
            return await store.conversations.message_count("ten_acme") == 3

        await eventually(repaired)
        view = await get_conversation(store, actor=person("bob"), conversation_id=room)
    assert view.unread == 3
