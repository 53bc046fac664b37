"""An owner that accepts items and does not answer: its stream is closed, reported and reopened.

The owner is a fake at the outer seam, on a real socket; a test chooses its faults.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from gateway.live.append_stream import ANSWER_SECONDS, PROBE_REF, STALLED
from gateway.live.router import CHECK, Router
from plexus.messaging.v1 import log_service_pb2, log_service_pb2_grpc
from plexus.messaging.v1.messaging_service_pb2 import SendMessageResponse, SendVerdict
from plexus_testkit.clock import FrozenClock
from plexus_testkit.wait import eventually
from plexuskit.config import CallerSection
from plexuskit.grpc import CallerSigner
from plexuskit.service import Runtime

UNAVAILABLE = 14


class Owner(log_service_pb2_grpc.LogServiceServicer):
    """Answers everything until a test stops its verdicts, or delays its first one."""

    def __init__(self) -> None:
        self.answers = True
        self.proves = asyncio.Event()
        self.proves.set()
        self.streams = 0
        # Items, probes left out.
        self.received = 0
        self.ended = 0
        self.port = 0

    async def Append(  # noqa: N802 - the contract's name
        self, request_iterator: AsyncIterator[Any], _: Any
    ) -> AsyncIterator[Any]:
        self.streams += 1
        try:
            async for request in request_iterator:
                if any(item.ref == PROBE_REF for item in request.items):
                    await self.proves.wait()
                self.received += sum(item.ref != PROBE_REF for item in request.items)
                verdicts = [
                    log_service_pb2.AppendVerdict(
                        ref=item.ref,
                        verdict=SendVerdict(stored=SendMessageResponse(seq=item.ref)),
                    )
                    for item in request.items
                    if self.answers or item.ref == PROBE_REF
                ]
                if verdicts:
                    yield log_service_pb2.AppendResponse(verdicts=verdicts)
        finally:
            self.ended += 1


class Listener:
    """Takes the place of a client's stream."""

    def __init__(self) -> None:
        self.verdicts: dict[int, SendVerdict] = {}

    def settled(self, client_ref: int, _: str, verdict: SendVerdict) -> None:
        if client_ref < 0:
            raise RuntimeError("a fault of this one stream")
        self.verdicts[client_ref] = verdict


@asynccontextmanager
async def serving(owner: Owner) -> AsyncIterator[Owner]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    log_service_pb2_grpc.add_LogServiceServicer_to_server(owner, server)
    owner.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield owner
    finally:
        await server.stop(0)


@pytest.fixture
async def world(
    caller_keys_of: Callable[[str], CallerSection],
) -> AsyncIterator[SimpleNamespace]:
    """Two owners, a router that leads to both, and a time that only the test moves."""
    clock = FrozenClock(datetime(2026, 3, 2, tzinfo=UTC))
    runtime = Runtime(service="gateway", clock=clock)
    async with serving(Owner()) as one, serving(Owner()) as two:
        router = Router(
            f"127.0.0.1:{one.port},127.0.0.1:{two.port}",
            signer=CallerSigner(caller_keys_of("gateway")),
            tls=None,
            clock=clock,
            health=runtime.health,
            every=3600,
            on_stored=lambda _: None,
        )
        async with router.running(runtime):
            await eventually(lambda: check(runtime).ok)
            yield SimpleNamespace(
                clock=clock, runtime=runtime, router=router, owners={one.port: one, two.port: two}
            )
    await runtime.close()


def check(runtime: Runtime) -> Any:
    return next(each for each in runtime.health.checks() if each.name == CHECK)


def send(append_stream: Any, listener: Listener, *refs: int) -> None:
    for ref in refs:
        append_stream.submit(
            listener, client_ref=ref, conversation_id="cnv_x", command=b"x", signed_caller=b"x"
        )


def owner_of(world: SimpleNamespace, append_stream: Any) -> Owner:
    owner: Owner = world.owners[int(append_stream.endpoint.rpartition(":")[2])]
    return owner


def move(world: SimpleNamespace, seconds: float) -> None:
    world.clock.advance(timedelta(seconds=seconds))


@pytest.mark.rule("GW-8")
async def test_gw_08_a_stream_whose_items_are_overdue_is_closed_shown_and_not_chosen(
    world: SimpleNamespace,
) -> None:
    append_stream, listener = world.router.pick("cnv_x"), Listener()
    owner, stalled = owner_of(world, append_stream), STALLED._value.get()
    owner.answers = False
    owner.proves.clear()

    send(append_stream, listener, 1, 2)
    move(world, ANSWER_SECONDS - 1)
    send(append_stream, listener, 3)
    move(world, 2)
    # An overdue item is unknown; items in transit with it return to their sender at once.
    await eventually(lambda: set(listener.verdicts) == {1, 2, 3})

    assert {each.refused.reason for each in listener.verdicts.values()} == {"OWNER_UNREACHABLE"}
    assert {each.refused.code for each in listener.verdicts.values()} == {UNAVAILABLE}
    assert all(each.refused.retry_after_ms > 0 for each in listener.verdicts.values())
    assert not append_stream.up
    other = world.router.pick("cnv_x")
    assert other is not append_stream
    assert not check(world.runtime).ok
    assert not check(world.runtime).required
    assert append_stream.endpoint in check(world.runtime).detail
    assert other.endpoint not in check(world.runtime).detail
    await eventually(lambda: STALLED._value.get() == stalled + 1)
    await eventually(lambda: owner.ended == 1)

    # The other process continues meanwhile.
    send(other, listener, 4)
    await eventually(lambda: 4 in listener.verdicts)
    assert listener.verdicts[4].stored.seq

    # The new stream counts from its first answer on, not from being open.
    await eventually(lambda: owner.streams == 2)
    assert not append_stream.up
    owner.answers = True
    owner.proves.set()
    await eventually(lambda: append_stream.up and check(world.runtime).ok)
    send(append_stream, listener, 5)
    await eventually(lambda: 5 in listener.verdicts)
    assert listener.verdicts[5].stored.seq


@pytest.mark.rule("GW-8")
async def test_gw_08_one_overdue_item_among_answered_ones_closes_nothing(
    world: SimpleNamespace,
) -> None:
    append_stream, listener = world.router.pick("cnv_x"), Listener()
    owner = owner_of(world, append_stream)
    owner.answers = False
    send(append_stream, listener, 1)
    await eventually(lambda: owner.received == 1)
    owner.answers = True
    send(append_stream, listener, 2, 3)
    await eventually(lambda: {2, 3} <= set(listener.verdicts))

    move(world, ANSWER_SECONDS + 1)
    await eventually(lambda: 1 in listener.verdicts)

    assert listener.verdicts[1].refused.reason == "OWNER_UNREACHABLE"
    send(append_stream, listener, 4)
    await eventually(lambda: 4 in listener.verdicts)
    assert append_stream.up
    assert owner.streams == 1


@pytest.mark.rule("GW-8")
async def test_gw_08_a_fault_of_one_stream_ends_no_uplink(world: SimpleNamespace) -> None:
    append_stream, listener = world.router.pick("cnv_x"), Listener()

    send(append_stream, listener, -1, 1)
    await eventually(lambda: 1 in listener.verdicts)

    assert listener.verdicts[1].stored.seq
    assert append_stream.up
    assert owner_of(world, append_stream).streams == 1
    assert not world.runtime.stopping.is_set()


@pytest.mark.rule("GW-8")
async def test_gw_08_a_stream_that_cannot_be_written_any_more_is_opened_again(
    world: SimpleNamespace,
) -> None:
    append_stream, listener = world.router.pick("cnv_x"), Listener()
    owner = owner_of(world, append_stream)

    # Not a message: the writer dies of it, and the reader would wait for ever.
    append_stream._waiting.append(SimpleNamespace(command=b"", signed_caller=b""))
    send(append_stream, listener, 1)
    await eventually(lambda: 1 in listener.verdicts)

    assert listener.verdicts[1].refused.reason == "OWNER_UNREACHABLE"
    await eventually(lambda: owner.streams == 2 and append_stream.up)
    send(append_stream, listener, 2)
    await eventually(lambda: 2 in listener.verdicts)
    assert listener.verdicts[2].stored.seq
