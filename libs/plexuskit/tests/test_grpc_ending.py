"""Streams that a server refuses while their client still writes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from plexuskit.grpc import Ending, responses

# One in about twenty meets gRPC's client in the middle of a write.
STREAMS = 400
AT_ONCE = 20
ANSWERS = 50
TOLD = (grpc.StatusCode.PERMISSION_DENIED, "no", "because")


async def refuse(_: Any, context: Any) -> None:
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no", (("why", "because"),))


async def answer_and_refuse(_: Any, context: Any) -> None:
    for _ in range(ANSWERS):
        await context.write(b"x")
    await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no", (("why", "because"),))


async def write_on(call: Any) -> None:
    while True:
        await call.write(b"x")


async def read_into(answers: list[bytes], call: Any) -> None:
    async for answer in call:
        answers.append(answer)  # noqa: PERF401 - those before an error are wanted too


async def requests() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"x" * 200
        await asyncio.sleep(0.0003)


async def no_requests() -> AsyncIterator[bytes]:
    for never in ():
        yield never


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    handlers = {
        "Many": grpc.stream_stream_rpc_method_handler(refuse),
        "Answered": grpc.stream_stream_rpc_method_handler(answer_and_refuse),
        "One": grpc.stream_unary_rpc_method_handler(refuse),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(None)


def told(error: grpc.aio.AioRpcError) -> tuple[Any, ...]:
    return error.code(), error.details(), dict(error.trailing_metadata()).get("why")


async def test_a_refusal_that_meets_a_write_is_told(channel: grpc.aio.Channel) -> None:
    method = channel.stream_stream("/test/Many")

    async def refused() -> tuple[Any, ...]:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await anext(responses(method(requests())))
        return told(caught.value)

    answers: Counter[tuple[Any, ...]] = Counter()
    for _ in range(STREAMS // AT_ONCE):
        answers.update(await asyncio.gather(*(refused() for _ in range(AT_ONCE))))

    assert answers == {TOLD: STREAMS}


async def test_a_refusal_behind_answers_that_were_not_read_is_told(
    channel: grpc.aio.Channel,
) -> None:
    call = channel.stream_stream("/test/Answered")()
    ending = Ending(call)
    # The write that fails comes before the status, which waits behind the answers.
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await write_on(call)
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    answers: list[bytes] = []

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await read_into(answers, call)

    assert len(answers) == ANSWERS
    assert told(await ending.of(caught.value)) == TOLD


async def test_a_refusal_that_meets_a_write_is_told_to_who_waits_for_one_answer(
    channel: grpc.aio.Channel,
) -> None:
    method = channel.stream_unary("/test/One")

    async def refused() -> tuple[Any, ...]:
        call = method(requests())
        ending = Ending(call)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        return told(await ending.of(caught.value))

    answers: Counter[tuple[Any, ...]] = Counter()
    for _ in range(STREAMS // AT_ONCE):
        answers.update(await asyncio.gather(*(refused() for _ in range(AT_ONCE))))

    assert answers == {TOLD: STREAMS}


async def test_other_errors_stay_as_they_are(channel: grpc.aio.Channel) -> None:
    # Without a write, gRPC's client always reports the status that the server gave.
    call = channel.stream_stream("/test/Nothing")(no_requests())
    ending = Ending(call)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert await ending.of(caught.value) is caught.value
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
