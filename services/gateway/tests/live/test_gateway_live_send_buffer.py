"""The queue of one stream, and the process of a conversation."""

import asyncio
from collections import Counter

import pytest
from gateway.live import wire
from gateway.live.channels import Channels
from gateway.live.endpoints import parse, resolve
from gateway.live.refusals import GatewayDraining
from gateway.live.rendezvous import choose
from gateway.live.send_buffer import Bounds, SendBuffer, Ticker
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import SessionResponse, SubscribeResponse
from plexus.messaging.v1.events_pb2 import Typing
from plexus.messaging.v1.messaging_service_pb2 import SendVerdict


def _send_buffer(*, frames: int = 4, size: int = 10_000) -> SendBuffer:
    return SendBuffer(bounds=Bounds(frames=frames, bytes=size), ticker=Ticker(max_linger=0))


def _event(conversation_id: str, change_no: int, *, size: int = 10) -> wire.Chunk:
    envelope = Envelope(change_no=change_no, fact=b"x" * size).SerializeToString()
    return wire.events(
        conversation_id, after=change_no - 1, through=change_no, envelopes=[envelope]
    )


async def test_joined_chunks_are_one_response_in_order() -> None:
    send_buffer = _send_buffer(size=100_000)
    send_buffer.put(wire.acknowledgement(7, SendVerdict()))
    send_buffer.put(_event("cnv_1", 300, size=70_000))
    send_buffer.put(wire.personal(Envelope(event_id="evt_1").SerializeToString()))

    data = await send_buffer.take()

    frames = SessionResponse.FromString(data).frames
    assert [frame.WhichOneof("frame") for frame in frames] == [
        "acknowledgement",
        "events",
        "personal",
    ]
    assert frames[1].events.events[0].change_no == 300
    assert (frames[1].events.after, frames[1].events.through) == (299, 300)
    assert SubscribeResponse.FromString(data).frames == frames


async def test_an_overflow_keeps_what_is_kept_and_names_what_was_lost() -> None:
    send_buffer = _send_buffer(frames=3)
    send_buffer.put(_event("cnv_1", 1))
    send_buffer.put(wire.acknowledgement(1, SendVerdict()))
    send_buffer.put(wire.closed("cnv_2", change_no=4))
    for number in range(2, 6):
        send_buffer.put(_event("cnv_3", number))

    frames = SessionResponse.FromString(await send_buffer.take()).frames

    assert [frame.WhichOneof("frame") for frame in frames] == [
        "acknowledgement",
        "conversation_closed",
        "resync",
    ]
    assert list(frames[2].resync.conversation_ids) == ["cnv_1", "cnv_3"]
    assert frames[2].resync.reason == "BUFFER_OVERFLOW"
    send_buffer.put(_event("cnv_3", 6))
    (frame,) = SessionResponse.FromString(await send_buffer.take()).frames
    assert frame.events.through == 6


async def test_a_lost_personal_event_resyncs_everything() -> None:
    send_buffer = _send_buffer(frames=1)
    send_buffer.put(_event("cnv_1", 1))
    send_buffer.put(wire.personal(Envelope(event_id="evt_1").SerializeToString()))

    (frame,) = SessionResponse.FromString(await send_buffer.take()).frames

    assert frame.HasField("resync")
    assert not frame.resync.conversation_ids


async def test_one_chunk_alone_is_never_too_large() -> None:
    send_buffer = _send_buffer(size=100)
    send_buffer.put(_event("cnv_1", 1, size=5000))

    (frame,) = SessionResponse.FromString(await send_buffer.take()).frames

    assert frame.HasField("events")


async def test_large_queues_leave_in_several_responses() -> None:
    send_buffer = _send_buffer(frames=100, size=10_000_000)
    for number in range(1, 9):
        send_buffer.put(_event("cnv_1", number, size=300_000))

    seen: list[int] = []
    sizes: list[int] = []
    while send_buffer.waiting_bytes:
        data = await send_buffer.take()
        sizes.append(len(data))
        seen += [frame.events.through for frame in SessionResponse.FromString(data).frames]

    assert seen == list(range(1, 9))
    assert max(sizes) <= 1024 * 1024


async def test_an_end_comes_after_what_waits_unless_it_is_at_once() -> None:
    polite, abrupt = _send_buffer(), _send_buffer()
    for send_buffer in (polite, abrupt):
        send_buffer.put(_event("cnv_1", 1))
    polite.end(GatewayDraining())
    abrupt.end(GatewayDraining(), at_once=True)

    assert await polite.take()
    with pytest.raises(GatewayDraining):
        await polite.take()
    with pytest.raises(GatewayDraining):
        await abrupt.take()


async def test_streams_that_come_together_are_woken_together() -> None:
    ticker = Ticker(max_linger=0.01)
    streams = [SendBuffer(bounds=Bounds(10, 1000), ticker=ticker) for _ in range(3)]
    waiting = [asyncio.create_task(stream.take()) for stream in streams]
    await asyncio.sleep(0)
    for stream in streams:
        stream.put(_event("cnv_1", 1))
        stream.put(_event("cnv_1", 2))

    for data in await asyncio.wait_for(asyncio.gather(*waiting), 1):
        assert len(SessionResponse.FromString(data).frames) == 2


def test_rendezvous_moves_only_the_keys_of_the_endpoint_that_leaves() -> None:
    endpoints = ["10.0.0.1:7102", "10.0.0.2:7102", "10.0.0.3:7102"]
    keys = [f"cnv_{number}" for number in range(3000)]
    before = {key: choose(key, endpoints) for key in keys}
    after = {key: choose(key, endpoints[:2]) for key in keys}

    shares = Counter(before.values())
    assert all(800 < count < 1200 for count in shares.values())
    assert all(after[key] == before[key] for key in keys if before[key] != endpoints[2])


async def test_addresses_are_parsed_and_names_resolved() -> None:
    assert parse("a:1, b:2") == [("a", 1), ("b", 2)]
    assert await resolve(parse("127.0.0.1:1,[::1]:2")) == {"127.0.0.1:1", "[::1]:2"}
    assert await resolve(parse("localhost:3")) in ({"127.0.0.1:3"}, {"[::1]:3"})
    with pytest.raises(ValueError, match="host:port"):
        parse("nowhere")


async def test_conversations_without_listeners_are_remembered_within_bounds() -> None:
    channels = Channels(max_unheard=10)
    for number in range(100):
        channels.get(f"cnv_{number}").through = number

    assert sum(1 for _ in channels) <= 30
    assert channels.get("cnv_99").through == 99


def _signal() -> wire.Chunk:
    return wire.typing(Typing(conversation_id="cnv_1", person_id="per_1"))


async def test_a_slow_reader_never_gets_a_resync_because_of_signals() -> None:
    send_buffer = _send_buffer(frames=4)
    for _ in range(100):
        send_buffer.put(_signal())
    for number in range(1, 5):
        send_buffer.put(_event("cnv_1", number))

    frames = SessionResponse.FromString(await send_buffer.take()).frames

    assert [frame.WhichOneof("frame") for frame in frames] == ["events"] * 4
    send_buffer.put(_signal())
    (frame,) = SessionResponse.FromString(await send_buffer.take()).frames
    assert frame.signal.typing.person_id == "per_1"


async def test_signals_of_many_bytes_give_way_to_events_too() -> None:
    send_buffer = _send_buffer(frames=1000, size=400)
    for _ in range(100):
        send_buffer.put(_signal())
    assert send_buffer.waiting_bytes <= 260
    send_buffer.put(_event("cnv_1", 1, size=250))

    frames = SessionResponse.FromString(await send_buffer.take()).frames

    assert [frame.WhichOneof("frame") for frame in frames] == ["events"]


async def test_after_an_overflow_signals_wait_for_the_resync() -> None:
    send_buffer = _send_buffer(frames=2)
    for number in range(1, 5):
        send_buffer.put(_event("cnv_1", number))
    send_buffer.put(_signal())

    (frame,) = SessionResponse.FromString(await send_buffer.take()).frames
    assert list(frame.resync.conversation_ids) == ["cnv_1"]
