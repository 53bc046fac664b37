"""Pages end by bytes as well as by count, and lists continue by position (MSG-21)."""

import pytest
from messaging.conversations.operations.members import add_members
from messaging.log.domain.states import History, Role
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.changes import list_changes
from messaging.messages.queries.messages import list_message_versions, list_messages
from messaging.messages.queries.pins import list_pins
from messaging.reading.operations.threads import follow_thread
from messaging.reading.queries.conversations import list_conversations
from messaging.reading.queries.threads import get_thread
from plexuskit.clock import SystemClock
from plexuskit.paging import MAX_PAGE_BYTES

LONG = "长" * 50_000  # the longest text: 150,000 bytes
# Bytes of a page beside the items that its budget counts.
SLACK = 64 * 1024


@pytest.fixture
async def long_room(log, group, say):
    """A conversation of 40 of the longest messages: 6 MB."""
    room = await group("ann", "bob", history=History.ALL)
    for number in range(40):
        await send_message(
            log, new_message=say(room, "ann", f"{number:02}{LONG[:-1]}", request_id=f"r{number}")
        )
    return room


def total(messages):
    return sum(message.ByteSize() for message in messages)


@pytest.mark.rule("MSG-21")
@pytest.mark.parametrize("backwards", [False, True])
async def test_msg_21_history_of_long_messages_comes_in_pages_of_2_mib(
    store, long_room, person, backwards
):
    seen, more, before, after = [], True, 0, None if backwards else 0
    while more:
        page, more, _ = await list_messages(
            store,
            actor=person("bob"),
            conversation_id=long_room,
            before_seq=before,
            after_seq=after,
            root_seq=0,
            limit=500,
        )
        assert 0 < total(page) <= MAX_PAGE_BYTES + SLACK
        seen += [message.seq for message in page]
        if backwards:
            before = page[0].seq
        else:
            after = page[-1].seq

    assert sorted(seen) == list(range(1, 41))


@pytest.mark.rule("MSG-21")
async def test_msg_21_sync_passes_long_messages_and_small_changes_of_them(
    store, long_room, person, change
):
    for seq in range(1, 41):
        await change("react", "bob", long_room, seq, emoji="👍")
    since, more, seen = 0, True, {}
    while more:
        changes = await list_changes(
            store, actor=person("bob"), conversation_id=long_room, since=since, limit=1_000
        )
        page = [message for _, message in changes.messages]
        assert total(page) <= MAX_PAGE_BYTES + SLACK
        assert changes.through > since
        seen |= {message.seq: message for message in page}
        since, more = changes.through, changes.more

    assert set(seen) == set(range(1, 41))
    assert all(message.reactions for message in seen.values())


@pytest.mark.rule("MSG-21")
async def test_msg_21_pins_and_versions_come_in_pages(store, long_room, person, change):
    for seq in range(1, 41):
        await change("pin", "ann", long_room, seq)
    for number in range(18):
        await change("edit", "ann", long_room, 1, text=f"v{number:02}{LONG[:-1]}")

    pinned, before, pages = [], None, 0
    while pages == 0 or before is not None:
        page, before = await list_pins(
            store, actor=person("bob"), conversation_id=long_room, before=before, limit=200
        )
        assert total(page) <= MAX_PAGE_BYTES + SLACK
        pinned += [message.seq for message in page]
        pages += 1
    versions, after = [], None
    while after != 0:
        found, after = await list_message_versions(
            store,
            actor=person("bob"),
            conversation_id=long_room,
            seq=1,
            after=after or 0,
            limit=100,
        )
        assert total(found) <= MAX_PAGE_BYTES + SLACK
        versions += [version.version for version in found]

    assert pinned == list(range(40, 0, -1))
    assert pages > 1
    assert versions == list(range(19))


async def list_all(store, actor, *, limit, between=None):
    """Read every page; `between` runs after the first."""
    seen, position, pages = [], None, 0
    while True:
        views, position = await list_conversations(
            store, actor=actor, position=position, limit=limit, include_archived=False
        )
        seen += [(view.conversation.id, view.last_seq) for view in views]
        pages += 1
        if position is None:
            return seen
        if pages == 1 and between is not None:
            await between()


async def test_a_conversation_that_moves_up_between_two_pages_is_listed(
    store, log, group, say, person
):
    rooms = [await group("ann", "bob") for _ in range(9)]
    for room in rooms:
        await send_message(log, new_message=say(room, "ann", "hello", request_id=f"h{room}"))
    await log.flush_heads()

    async def move_up():
        await send_message(log, new_message=say(rooms[0], "ann", "news"))
        await log.flush_heads()

    seen = await list_all(store, person("bob"), limit=3, between=move_up)

    assert {room for room, _ in seen} == set(rooms)
    assert (rooms[0], 2) in seen


async def test_pages_of_conversations_go_down_by_activity_without_what_is_archived(
    store, log, group, say, person
):
    rooms = [await group("ann", "bob") for _ in range(7)]
    for room in rooms:
        await send_message(log, new_message=say(room, "ann", "hello", request_id=f"h{room}"))
    await log.flush_heads()
    collection = store.db.collection("conversations", schema_version=1)
    await collection.update({"_id": rooms[3]}, {"$set": {"archived": True}})
    # As a release without `saved_at` has left them.
    heads = store.db.collection("heads", schema_version=1)
    await heads.update_many({}, {"$unset": {"saved_at": ""}})

    seen = await list_all(store, person("bob"), limit=2)

    assert [room for room, _ in seen] == [room for room in reversed(rooms) if room != rooms[3]]


@pytest.mark.rule("MSG-15")
async def test_msg_15_a_thread_reads_both_ways_with_its_root(store, log, group, say, person):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "root"))
    for number in range(5):
        await send_message(log, new_message=say(room, "bob", f"other{number}"))
        await send_message(log, new_message=say(room, "ann", f"reply{number}", reply_to_seq=1))

    async def read(**asked):
        fields = {"before_seq": 0, "after_seq": None, "root_seq": 1, "limit": 3} | asked
        page, more, _ = await list_messages(
            store, actor=person("bob"), conversation_id=room, **fields
        )
        return [message.seq for message in page], more

    assert await read() == ([7, 9, 11], True)
    assert await read(before_seq=7) == ([1, 3, 5], False)
    assert await read(before_seq=7, limit=2) == ([3, 5], True)
    assert await read(before_seq=3) == ([1], False)
    assert await read(after_seq=0) == ([1, 3, 5], True)
    assert await read(after_seq=5, limit=10) == ([7, 9, 11], False)


@pytest.mark.rule("MSG-15")
async def test_msg_15_a_thread_counts_what_its_reader_may_see(
    store, log, group, say, person, people
):
    room = await group("ann", "bob")
    await send_message(log, new_message=say(room, "ann", "root"))
    await send_message(log, new_message=say(room, "bob", "before", reply_to_seq=1))
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["carol"],
        role=Role.MEMBER,
        now=SystemClock().now(),
    )
    await send_message(log, new_message=say(room, "ann", "after", reply_to_seq=1))
    await send_message(
        log, new_message=say(room, "bob", "you", reply_to_seq=1, mentions=("carol",))
    )
    await follow_thread(store, actor=person("ann"), conversation_id=room, root_seq=1, follow=False)

    thread = await get_thread(store, actor=person("bob"), conversation_id=room, root_seq=1)

    assert (thread.replies, thread.last_seq, thread.unread) == (3, 4, 1)
    assert thread.followers == ("bob", "carol")
