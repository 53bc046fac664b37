"""A fault of one item is reported as that item's verdict and does not affect others (GW-8)."""

import asyncio
from dataclasses import replace
from unittest.mock import Mock

import pytest
from messaging.log.operations.items import Item
from messaging.messages.api.logs import LogApi, Outbox
from messaging.messages.operations.messages import send_messages
from messaging.reading.operations.cursors import advance_cursors
from messaging.reading.store.cursors import CursorKey
from plexus.messaging.v1.log_service_pb2 import AppendItem, AppendRequest
from plexus.messaging.v1.messaging_service_pb2 import SendVerdict
from plexuskit.errors import InvalidArgument
from plexuskit.items import ItemFailed
from structlog.testing import capture_logs


def broken(draft):
    """Return a draft that no batch can number: its hash is not bytes."""
    return replace(draft, content_hash="not bytes")


@pytest.mark.rule("GW-8")
@pytest.mark.parametrize("field", ["reply_to_seq", "quote_seq"])
async def test_gw_08_a_negative_number_is_refused_by_name(say, field):
    with pytest.raises(InvalidArgument) as error:
        say("cnv_x", "ann", "hi", **{field: -1})

    assert error.value.metadata["field"] == field


@pytest.mark.rule("GW-8")
async def test_gw_08_an_item_that_breaks_a_batch_fails_alone_and_is_logged_once(log, group, say):
    rooms = [await group("ann", "bob"), await group("ann", "eve")]
    drafts = [say(rooms[n % 2], "ann", f"m{n}") for n in range(40)]
    drafts[17] = broken(drafts[17])

    with capture_logs() as lines:
        verdicts = await asyncio.wait_for(send_messages(log, new_messages=drafts), 20)

    failed = [each for each in verdicts if isinstance(each, ItemFailed)]
    stored = [each for each in verdicts if not isinstance(each, ItemFailed)]
    assert verdicts.index(failed[0]) == 17
    assert len(failed) == 1
    assert sorted(each.seq for each in stored) == sorted([*range(1, 21), *range(1, 20)])
    assert [each.seq for each in verdicts[::2]] == list(range(1, 21))
    (line,) = [line for line in lines if line["event"] == "item.failed"]
    assert line["reference"] == failed[0].metadata["reference"]
    assert isinstance(line["exc_info"], Exception)


@pytest.mark.rule("GW-8")
async def test_gw_08_a_batch_cancelled_while_it_is_split_answers_every_item(log, group, say):
    room = await group("ann", "bob")
    verdicts = []
    items = [Item(say(room, "ann", f"m{n}"), on_verdict=verdicts.append) for n in range(8)]
    items[0] = Item(broken(items[0].new_message), on_verdict=verdicts.append)
    splitting = asyncio.Event()
    insert = log.store.entries.append

    async def held(documents):
        splitting.set()
        await asyncio.Event().wait()
        return await insert(documents)

    log.store.entries.append = held
    committing = asyncio.create_task(log.commit(items))
    await asyncio.wait_for(splitting.wait(), 10)
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing

    assert len(verdicts) == 8


@pytest.mark.rule("GW-8")
async def test_gw_08_one_advance_that_fails_unexpectedly_is_one_verdict(
    log, cursors, group, say, person
):
    rooms = [await group("ann", "bob") for _ in range(3)]
    await send_messages(log, new_messages=[say(room, "ann", "hi") for room in rooms])
    store_all = cursors._store_all

    async def failing(taken):
        if any(key.conversation_id == rooms[1] for key in taken):
            raise RuntimeError("this one")
        return await store_all(taken)

    cursors._store_all = failing
    verdicts = await advance_cursors(
        log,
        cursors,
        actor=person("bob"),
        advances=[(room, 1, 0) for room in rooms],
        may=lambda _: None,
    )

    assert isinstance(verdicts[1], ItemFailed)
    assert [verdicts[n].through_seq for n in (0, 2)] == [1, 1]
    assert verdicts[0].key == CursorKey(rooms[0], "bob", 0)


async def test_an_aborted_outbox_ends_although_verdicts_are_owed():
    outbox = Outbox()
    outbox.expect()
    outbox.expect()
    outbox.put(1, SendVerdict(), event=b"")

    outbox.abort()
    frames = [frame async for frame in outbox.frames()]

    assert [each.ref for frame in frames for each in frame.verdicts] == [1]


@pytest.mark.rule("GW-8")
async def test_gw_08_a_reader_that_dies_ends_its_stream_although_verdicts_are_owed(monkeypatch):
    api = LogApi(Mock(), Mock(), decisions=Mock(), stopping=asyncio.Event())
    monkeypatch.setattr(api, "_submit", lambda _, outbox: outbox.expect())

    async def requests():
        yield AppendRequest(items=[AppendItem(ref=1)])
        raise RuntimeError("the reader")

    with pytest.raises(RuntimeError, match="the reader"):
        async with asyncio.timeout(20):
            [each async for each in api.Append(requests(), None)]
