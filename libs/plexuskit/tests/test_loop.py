"""The loop of a process takes what gRPC's poller has written together."""

import asyncio
import functools
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from plexus_testkit.wait import eventually
from plexuskit import loop as loops
from plexuskit.loop import MAX_BLOCKED_SECONDS, Loop, Watchdog

STREAMS, TURNS = 40, 50


async def each(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def talk() -> int:
    """Exchange messages on many streams; return how many gRPC readers were recognised."""
    server = grpc.aio.server()
    methods = {"Each": grpc.stream_stream_rpc_method_handler(each)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

        async def stream(number: int) -> None:
            call = channel.stream_stream("/test.Echo/Each")()
            for turn in range(TURNS):
                said = f"{number}: {turn}".encode()
                await call.write(said)
                assert await call.read() == said
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF

        await asyncio.gather(*map(stream, range(STREAMS)))
    await server.stop(None)
    running = asyncio.get_running_loop()
    assert isinstance(running, Loop)
    return running.pollers


def test_what_grpc_tells_of_is_taken_together_and_all_of_it_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken = 0
    taking_all = loops._taking_all

    def counted(reader: socket.socket, handle: Callable[[], Any]) -> Callable[[], Any]:
        def counting() -> None:
            nonlocal woken
            woken += 1
            handle()

        return taking_all(reader, counting)

    monkeypatch.setattr(loops, "_taking_all", counted)
    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(talk()) == 1

    # Each turn completes four operations at least: a write and a read on either side.
    assert 0 < woken < STREAMS * TURNS * 4 / 2


def test_other_readers_are_left_as_they_are() -> None:
    async def read() -> bytes:
        loop = asyncio.get_running_loop()
        reader, writer = socket.socketpair()
        heard: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(reader, functools.partial(lambda: heard.set_result(reader.recv(100))))
        writer.send(b"hello")
        try:
            return await heard
        finally:
            loop.remove_reader(reader)
            reader.close()
            writer.close()

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(read()) == b"hello"


@pytest.mark.rule("GW-13")
async def test_gw_13_the_watchdog_counts_what_occupies_the_loop() -> None:
    watchdog = Watchdog()
    watching = asyncio.create_task(watchdog.run())
    await asyncio.sleep(0)

    until = time.thread_time() + 3 * MAX_BLOCKED_SECONDS
    while time.thread_time() < until:
        pass
    await eventually(lambda: watchdog.blocked)

    assert watchdog.blocked == 1
    assert watchdog.longest >= MAX_BLOCKED_SECONDS
    watching.cancel()


@pytest.mark.rule("GW-13")
def test_gw_13_a_busy_machine_is_no_blocked_loop() -> None:
    watchdog = Watchdog()

    watchdog.note(lag=5.0, used=0.02)
    watchdog.note(lag=0.02, used=5.0)

    assert watchdog.blocked == 0
    assert watchdog.longest == pytest.approx(0.02)
