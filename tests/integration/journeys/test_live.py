"""Live streams: sends, ordered delivery and reauthentication, over gRPC and HTTP."""

import asyncio
import contextlib
import itertools
import json
import secrets
import struct
import time

import aiohttp
import grpc
import pytest
from google.protobuf.json_format import MessageToJson, Parse
from plexus.directory.v1.session_service_pb2 import RefreshSessionRequest, SignOutRequest
from plexus.gateway.v1.session_service_pb2 import (
    Hello,
    Reauthenticate,
    SendItem,
    SessionRequest,
    SubscribeRequest,
    SubscribeResponse,
)
from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendMessageResponse
from plexus_sdk import open_channel

SUBSCRIBE = "/plexus.gateway.v1.SessionService/Subscribe"
SEND = "/plexus.messaging.v1.MessagingService/SendMessage"
END_OF_STREAM = 2


class Stream:
    """One Session stream: frames in order of arrival, requests in the order of the calls."""

    def __init__(self, stub, plexus, metadata) -> None:
        self._up = asyncio.Queue()
        self._refs = itertools.count(1)
        self._call = stub.Session(self._requests(), metadata=metadata)
        self._frames = self._all_frames()
        self.person_id = plexus.profile.person_id

    async def _requests(self):
        yield SessionRequest(hello=Hello(device="journeys"))
        while True:
            yield await self._up.get()

    async def _all_frames(self):
        async for response in self._call:
            for frame in response.frames:
                yield frame

    async def next(self, kind: str, *, within: float = 10):
        """Return the next frame of a kind; skip the frames before it."""
        async with asyncio.timeout(within):
            async for frame in self._frames:
                if frame.WhichOneof("frame") == kind:
                    return getattr(frame, kind)
        raise AssertionError(f"the stream has ended without {kind}")

    async def next_of(self, kind: str, conversation_id: str, *, within: float = 10):
        """Return the next frame of a kind for a conversation."""
        async with asyncio.timeout(within):
            while True:
                frame = await self.next(kind)
                if frame.conversation_id == conversation_id:
                    return frame

    def send(self, conversation_id: str, *texts: str) -> list[int]:
        """Send messages in one request and return their references."""
        items = [
            SendItem(
                client_ref=next(self._refs),
                conversation_id=conversation_id,
                command=SendMessageRequest(
                    conversation_id=conversation_id, request_id=secrets.token_hex(8), text=text
                ).SerializeToString(),
            )
            for text in texts
        ]
        self._up.put_nowait(SessionRequest(sends=items))
        return [item.client_ref for item in items]

    def prove(self, token: str) -> None:
        """Reauthenticate with a fresh token."""
        self._up.put_nowait(SessionRequest(reauthenticate=Reauthenticate(access_token=token)))

    async def end(self) -> grpc.aio.AioRpcError:
        """Read until the gateway ends the stream and return its error."""
        try:
            async for _ in self._frames:
                pass
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError("the stream has ended well")

    async def close(self) -> None:
        self._call.cancel()
        with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            await self._call.code()
        await self._frames.aclose()


@pytest.fixture
async def stream(people):
    """Open a stream: `await stream("ann")`; close it at the end of the test."""
    opened = []

    async def made(who, stub=None):
        plexus = people[who]
        one = Stream(stub or plexus.live, plexus, await plexus.metadata())
        opened.append(one)
        return one

    yield made
    for one in opened:
        await one.close()


@pytest.fixture
async def http(platform):
    async with aiohttp.ClientSession(base_url=platform.http_address) as session:
        yield session


async def test_msg_05_sends_are_acknowledged_and_heard_in_order_without_a_gap(stream, group):
    room = await group("ann", "bob")
    ann, bob = await stream("ann"), await stream("bob")
    welcome = await bob.next("welcome")
    assert welcome.person_id == bob.person_id
    assert room in {position.conversation_id for position in welcome.positions}
    assert welcome.token_expires_at_ms > time.time() * 1000

    texts = [f"message {number}" for number in range(1, 201)]
    refs = [
        ref for start in range(0, 200, 50) for ref in ann.send(room, *texts[start : start + 50])
    ]
    acknowledged = {}
    while len(acknowledged) < len(refs):
        frame = await ann.next("acknowledgement")
        assert frame.verdict.HasField("stored"), frame
        assert frame.client_ref not in acknowledged
        acknowledged[frame.client_ref] = frame.verdict.stored
    assert [acknowledged[ref].seq for ref in refs] == list(range(1, 201))

    heard, through = [], None
    while len(heard) < len(texts):
        events = await bob.next_of("events", room)
        assert through in {None, events.after}
        numbers = [envelope.change_no for envelope in events.events]
        assert numbers == sorted(numbers)
        assert all(events.after < number <= events.through for number in numbers)
        through = events.through
        heard += [
            MessagePosted.FromString(envelope.fact).message
            for envelope in events.events
            if envelope.type.endswith(".MessagePosted")
        ]
    assert [message.text for message in heard] == texts
    assert [message.seq for message in heard] == list(range(1, 201))


async def test_msg_03_a_refused_item_is_answered_by_name_and_the_stream_goes_on(stream, group):
    room = await group("ann", "bob")
    elsewhere = await group("bob", "chen")
    ann = await stream("ann")
    (hidden,) = ann.send(elsewhere, "I am no member")
    frame = await ann.next("acknowledgement")
    assert (frame.client_ref, frame.verdict.refused.reason) == (hidden, "CONVERSATION_NOT_FOUND")
    (fine,) = ann.send(room, "I am one")
    frame = await ann.next("acknowledgement")
    assert (frame.client_ref, frame.verdict.stored.seq) == (fine, 1)


async def test_msg_14_a_removed_member_hears_the_conversation_close_and_nothing_after(
    stream, group, say, cli, handles
):
    room, other = await group("ann", "bob"), await group("ann", "bob")
    bob = await stream("bob")
    await bob.next("welcome")
    await say("ann", room, "before")
    await bob.next_of("events", room)
    await cli("--as", "ann", "conversations", "remove", room, handles["bob"])
    closed = await bob.next_of("conversation_closed", room)
    assert closed.change_no > 0
    await say("ann", room, "after")
    await say("ann", other, "elsewhere")
    # Both facts are in the same log, so the second one proves that the first was omitted.
    events = await bob.next("events")
    assert events.conversation_id == other


async def test_gw_04_a_fresh_token_keeps_the_stream_and_another_persons_ends_it(
    platform, handles, group, say
):
    room = await group("ann", "bob")
    async with platform.signed_in(handles["bob"]) as bob:
        one = Stream(bob.live, bob, await bob.metadata())
        first = await one.next("welcome")
        answer = await bob.call(
            bob.sessions.RefreshSession,
            RefreshSessionRequest(refresh_token=bob.profile.refresh_token),
        )
        assert answer.tokens.session_id == first.session_id
        one.prove(answer.tokens.access_token)
        await say("ann", room, "still there?")
        await one.next_of("events", room)

        async with platform.signed_in(handles["chen"]) as chen:
            one.prove(chen.profile.access_token)
            ended = await one.end()
        assert ended.code() is grpc.StatusCode.UNAUTHENTICATED
        await one.close()


@pytest.mark.alone
async def test_gw_04_signing_out_ends_the_stream_within_a_second(platform, handles):
    async with platform.signed_in(handles["bob"]) as bob:
        one = Stream(bob.live, bob, await bob.metadata())
        await one.next("welcome")
        await bob.call(bob.sessions.SignOut, SignOutRequest())
        began = time.monotonic()
        ended = await one.end()
        took = time.monotonic() - began
        await one.close()
    assert ended.code() is grpc.StatusCode.UNAUTHENTICATED
    assert took < 1.5


async def test_a_heartbeat_shows_how_far_conversations_have_come(platform, stream, group, say):
    async with (
        platform.another("gateway", GATEWAY_LIVE__HEARTBEAT_SECONDS="1"),
        open_channel(platform.address_of("gateway-2")) as channel,
    ):
        room = await group("ann", "bob")
        bob = await stream("bob", SessionServiceStub(channel))
        welcome = await bob.next("welcome")
        assert welcome.heartbeat_seconds == 1
        sent = await say("ann", room, "told twice")
        async with asyncio.timeout(60):
            while True:
                heartbeat = await bob.next("heartbeat")
                assert abs(heartbeat.server_time_ms - time.time() * 1000) < 5_000
                positions = {each.conversation_id: each.through for each in heartbeat.positions}
                if positions.get(room) == sent.change_no:
                    break
        # It must be closed before its gateway stops.
        await bob.close()


async def test_a_browser_calls_with_json_and_with_protobuf_and_learns_refusals_by_name(
    http, people, group
):
    room = await group("ann", "bob")
    headers = {"authorization": f"Bearer {people['ann'].profile.access_token}"}
    body = {"conversationId": room, "requestId": "web-1", "text": "从浏览器"}
    async with http.post(SEND, json=body, headers=headers) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        first = await response.json()
    assert first["seq"] == "1"

    request = SendMessageRequest(conversation_id=room, request_id="web-1", text="从浏览器")
    proto = headers | {"content-type": "application/proto"}
    async with http.post(SEND, data=request.SerializeToString(), headers=proto) as response:
        assert (response.status, response.content_type) == (200, "application/proto")
        again = SendMessageResponse.FromString(await response.read())
    assert (again.message_id, again.deduplicated) == (first["messageId"], True)

    async with http.post(SEND, json=body | {"text": "other"}, headers=headers) as response:
        assert response.status == 409
        error = await response.json()
    assert error["code"] == "already_exists"
    assert error["message"]
    assert any(detail["type"] == "google.rpc.ErrorInfo" for detail in error["details"])
    async with http.post(SEND, json=body) as response:
        assert response.status == 401
        assert (await response.json())["code"] == "unauthenticated"
    async with http.post(SEND, data="{", headers=proto | {"content-type": "application/json"}) as r:
        assert r.status == 400
        assert (await r.json())["code"] == "invalid_argument"
    async with http.post("/plexus.messaging.v1.Nothing/Here", json={}, headers=headers) as response:
        assert response.status in {404, 501}


@pytest.mark.parametrize("codec", ["json", "proto"])
async def test_a_browser_subscribes_and_hears_what_is_said(http, people, group, say, codec):
    room = await group("ann", "bob")
    headers = {
        "authorization": f"Bearer {people['bob'].profile.access_token}",
        "content-type": f"application/connect+{codec}",
        "connect-protocol-version": "1",
    }
    request = SubscribeRequest(device="browser")
    body = MessageToJson(request).encode() if codec == "json" else request.SerializeToString()
    async with http.post(SUBSCRIBE, data=_enveloped(body), headers=headers) as response:
        assert response.status == 200
        frames = _frames(response.content, codec)
        first = await anext(frames)
        assert first.WhichOneof("frame") == "welcome"
        assert first.welcome.person_id == people["bob"].profile.person_id
        await say("ann", room, f"to a browser, {codec}")
        texts = []
        async with asyncio.timeout(60):
            while not texts:
                events = (await anext(frames)).events
                # The fact of the group's creation may come first.
                texts = [
                    MessagePosted.FromString(envelope.fact).message.text
                    for envelope in events.events
                    if envelope.type == MessagePosted.DESCRIPTOR.full_name
                    and events.conversation_id == room
                ]
        assert texts == [f"to a browser, {codec}"]
        await frames.aclose()


async def test_a_browser_without_a_token_is_told_at_the_end_of_its_stream(http):
    headers = {"content-type": "application/connect+json", "connect-protocol-version": "1"}
    async with http.post(SUBSCRIBE, data=_enveloped(b"{}"), headers=headers) as response:
        assert response.status == 200
        flags, size = struct.unpack(">BI", await response.content.readexactly(5))
        assert flags == END_OF_STREAM
        end = json.loads(await response.content.readexactly(size))
    assert end["error"]["code"] == "unauthenticated"


async def test_a_browser_finds_a_page_in_two_languages(http):
    async with http.get("/") as response:
        page = await response.text()
    assert "网关" in page
    assert "gateway" in page
    async with http.get("/healthz") as response:
        assert response.status == 200


def _enveloped(message: bytes) -> bytes:
    return struct.pack(">BI", 0, len(message)) + message


async def _frames(content: aiohttp.StreamReader, codec: str):
    """Yield the frames of a Connect stream."""
    while True:
        flags, size = struct.unpack(">BI", await content.readexactly(5))
        message = await content.readexactly(size)
        assert flags == 0, message
        response = (
            Parse(message, SubscribeResponse())
            if codec == "json"
            else SubscribeResponse.FromString(message)
        )
        for frame in response.frames:
            yield frame
