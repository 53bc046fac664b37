"""The driver's own client with a real gRPC server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from plexus_bench.platform import http2
from plexus_bench.platform.http2 import CallEnded, Connection

SERVICE = "test.Echo"
REFUSAL = "不行: 100 %"


class Echo:
    """A server of serialized messages that records its requests."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.seen: list[tuple[str, Any]] = []

    async def once(self, request: bytes, context: Any) -> bytes:
        self.seen = list(context.invocation_metadata())
        return request

    async def each(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async def refuse(self, _: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, REFUSAL)
        return b""

    async def wait(self, requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        try:
            async for request in requests:
                yield request
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    def server(self) -> grpc.aio.Server:
        server = grpc.aio.server()
        handlers = {
            "Once": grpc.unary_unary_rpc_method_handler(self.once),
            "Each": grpc.stream_stream_rpc_method_handler(self.each),
            "Refuse": grpc.unary_unary_rpc_method_handler(self.refuse),
            "Wait": grpc.stream_stream_rpc_method_handler(self.wait),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        return server


@pytest.fixture
async def echo():
    return Echo()


@pytest.fixture
async def server(echo):
    made = echo.server()
    made.port = made.add_insecure_port("127.0.0.1:0")
    await made.start()
    yield made
    await made.stop(None)


@pytest.fixture
async def connection(server):
    opened = await Connection.open(f"127.0.0.1:{server.port}")
    yield opened
    await opened.close()


async def test_a_call_of_one_message_brings_its_answer_and_its_metadata(echo, connection):
    call = connection.call(f"/{SERVICE}/Once", metadata={"authorization": "Bearer t"})

    await call.write("说".encode(), last=True)

    assert await call.read() == "说".encode()
    assert await call.read() is None
    assert ("authorization", "Bearer t") in [tuple(each) for each in echo.seen]


async def test_messages_of_every_size_come_back_whole_and_in_order(connection):
    sizes = [0, 1, 4, 16_379, 16_384, 70_000, 3_000_000, 5, 0]
    messages = [bytes([number]) * size for number, size in enumerate(sizes)] * 3
    call = connection.call(f"/{SERVICE}/Each", metadata={})

    for number, message in enumerate(messages, 1):
        await call.write(message, last=number == len(messages))

    assert [await call.read() for _ in messages] == messages
    assert await call.read() is None


async def test_many_calls_at_once_share_a_connection(connection):
    calls = [connection.call(f"/{SERVICE}/Each", metadata={}) for _ in range(150)]

    async def talk(number: int) -> list[bytes | None]:
        said = [f"{number}: {turn}".encode() for turn in range(40)]
        heard = []
        for message in said:
            await calls[number].write(message)
            heard.append(await calls[number].read())
        assert heard == said
        return heard

    assert len(await asyncio.gather(*map(talk, range(150)))) == 150
    for call in calls:
        call.cancel()


async def test_a_window_that_is_used_up_is_given_back(server, monkeypatch):
    monkeypatch.setattr(http2, "_LARGEST_WINDOW", 200_000)
    monkeypatch.setattr(http2, "_GIVE_BACK", 100_000)
    connection = await Connection.open(f"127.0.0.1:{server.port}")
    call = connection.call(f"/{SERVICE}/Each", metadata={})
    message = bytes(150_000)

    for _ in range(20):
        await call.write(message)
        async with asyncio.timeout(60):
            assert await call.read() == message
    await connection.close()


async def test_a_refusal_says_its_status_and_its_words(connection):
    call = connection.call(f"/{SERVICE}/Refuse", metadata={})
    await call.write(b"", last=True)

    with pytest.raises(CallEnded, match=REFUSAL) as ended:
        await call.read()

    assert ended.value.status == grpc.StatusCode.NOT_FOUND.value[0]
    with pytest.raises(CallEnded, match=REFUSAL):
        await call.write(b"more")


async def test_a_cancelled_call_is_cancelled_at_the_server(echo, connection):
    call = connection.call(f"/{SERVICE}/Wait", metadata={})
    await call.write(b"hello")
    assert await call.read() == b"hello"

    call.cancel()

    async with asyncio.timeout(60):
        await echo.cancelled.wait()
    with pytest.raises(CallEnded):
        await call.read()


async def test_a_server_that_goes_away_ends_every_call(server, connection):
    calls = [connection.call(f"/{SERVICE}/Wait", metadata={}) for _ in range(3)]
    for call in calls:
        await call.write(b"hello")
        assert await call.read() == b"hello"

    await server.stop(None)

    for call in calls:
        async with asyncio.timeout(60):
            with pytest.raises(CallEnded):
                await call.read()
    with contextlib.suppress(CallEnded):
        late = connection.call(f"/{SERVICE}/Once", metadata={})
        await late.write(b"", last=True)
        async with asyncio.timeout(60):
            assert await late.read() is None


async def test_nobody_listening_is_an_error_of_the_connection(server):
    await server.stop(None)

    with pytest.raises(OSError, match="Connect call failed"):
        await Connection.open(f"127.0.0.1:{server.port}")
