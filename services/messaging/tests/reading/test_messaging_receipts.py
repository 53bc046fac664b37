"""Pages of receipts: complete, with the totals of the first, and cheap after it (MSG-9, MSG-21)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pymongo
import pytest
from messaging.conversations.operations.members import add_members, remove_members
from messaging.log.domain.states import Role
from messaging.messages.operations.messages import send_message
from messaging.reading.queries.receipts import Audiences, list_receipts
from messaging.reading.store.cursors import Advance, CursorKey
from plexuskit.clock import SystemClock

NOW = SystemClock().now()
NAMES = [f"per_{number:03}" for number in range(50)]
ADVANCES = 200


@pytest.fixture
async def room(store, log, people, person, group, say):
    """A group whose first message fifty people received; some of them read it, some left."""
    room = await group("ann", *NAMES)
    await send_message(log, new_message=say(room, "ann", "hello"))
    await remove_members(
        log, actor=person("ann"), conversation_id=room, person_ids=NAMES[:10], now=NOW
    )
    await add_members(
        log,
        people,
        actor=person("ann"),
        conversation_id=room,
        person_ids=["late"],
        role=Role.MEMBER,
        now=NOW,
    )
    await read(store, room, NAMES[10:30], through=1)
    return room


async def read(store, room, names, *, through, at=NOW):
    await store.cursors.advance(
        [Advance(CursorKey(room, name), "ten_acme", through, at, b"") for name in names]
    )


async def page(store, audiences, person, room, after=""):
    return await list_receipts(
        store, audiences, actor=person, conversation_id=room, seq=1, after=after, limit=15
    )


@contextmanager
def profiled(url: str, database: str) -> Iterator[list[dict[str, Any]]]:
    """Collect what the server reads for each command on a database."""
    found: list[dict[str, Any]] = []
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        profile = client[database]["system.profile"]
        client[database].command("profile", 2)
        try:
            yield found
        finally:
            client[database].command("profile", 0)
            found += profile.find()
            profile.drop()


def keys_read(commands: list[dict[str, Any]], collection: str) -> int:
    return sum(
        each.get("keysExamined", 0)
        for each in commands
        if each["ns"].partition(".")[2] == collection
    )


@pytest.mark.rule("MSG-9")
async def test_msg_09_pages_hold_each_of_the_audience_once_with_the_same_totals(
    store, person, room
):
    audiences, pages = Audiences(), []
    while not pages or pages[-1].more:
        after = pages[-1].page[-1][0] if pages else ""
        pages.append(await page(store, audiences, person("ann"), room, after))
        # Receipts that arrive during paging are counted from the next first page on.
        await read(store, room, NAMES[30:31], through=1)

    assert [len(each.page) for each in pages] == [15, 15, 15, 5]
    assert [who for each in pages for who, _ in each.page] == NAMES
    assert {(each.audience, each.read) for each in pages} == {(50, 20)}
    assert (await page(store, audiences, person("ann"), room)).read == 21


@pytest.mark.rule("MSG-9")
async def test_msg_09_a_later_page_of_another_process_is_the_same(store, person, room):
    first = await page(store, Audiences(), person("ann"), room)
    after = first.page[-1][0]

    again = await page(store, Audiences(), person("ann"), room, after)

    assert again == await page(store, Audiences(), person("ann"), room, after)
    assert [who for who, _ in again.page] == NAMES[15:30]
    assert (again.audience, again.read) == (50, 20)


@pytest.mark.rule("MSG-21")
async def test_msg_21_a_later_page_reads_about_what_it_returns(store, person, room, db, mongo_url):
    audiences = Audiences()
    first = await page(store, audiences, person("ann"), room)

    with profiled(mongo_url, db.name) as commands:
        second = await page(store, audiences, person("ann"), room, first.page[-1][0])

    assert len(second.page) == 15
    assert keys_read(commands, "members") <= 1
    assert keys_read(commands, "cursors") <= 1
    assert keys_read(commands, "cursor_log") <= 3 * 15


@pytest.mark.rule("MSG-9")
async def test_msg_09_a_page_reads_no_more_however_long_people_went_on_reading(
    store, person, room, db, mongo_url
):
    steps = [
        Advance(CursorKey(room, name), "ten_acme", through, NOW + timedelta(seconds=through), b"")
        for name in NAMES[10:30]
        for through in range(2, ADVANCES)
    ]
    await store.cursors.advance(steps)

    with profiled(mongo_url, db.name) as commands:
        found = await list_receipts(
            store,
            Audiences(),
            actor=person("ann"),
            conversation_id=room,
            seq=1,
            after="",
            limit=50,
        )

    times = [at for who, at in found.page if who in NAMES[10:30]]
    assert [at.replace(microsecond=0) for at in times] == [NOW.replace(microsecond=0)] * 20
    assert 0 < keys_read(commands, "cursor_log") <= 3 * 50
