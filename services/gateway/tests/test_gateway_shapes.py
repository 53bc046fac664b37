"""All four shapes of RPC, before an owner that checks the caller; and addresses of owners."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from gateway import proxy
from gateway.admission import Admission
from gateway.config import LimitsSection
from gateway.identity import ApiTokens, Authenticator, Callers, EndedSessions, SigningKeys
from gateway.limits import Limits
from google.protobuf.wrappers_pb2 import BytesValue
from plexus.authz.v1.options_pb2 import Requirement
from plexus.directory.v1.session_service_pb2 import GetSigningKeysResponse
from plexuskit.clock import SystemClock
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerVerifier, MethodInfo, open_channel

SERVICE = "plexus.tasks.v1.Shapes"
SHAPES = {
    "OneForOne": (False, False),
    "ManyForOne": (False, True),
    "OneForMany": (True, False),
    "ManyForMany": (True, True),
}
MAKERS: dict[tuple[bool, bool], Any] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def method(name: str) -> MethodInfo:
    client_streaming, server_streaming = SHAPES[name]
    return MethodInfo(
        requirement=Requirement(permission="tasks.read"),
        request_class=BytesValue,
        response_class=BytesValue,
        client_streaming=client_streaming,
        server_streaming=server_streaming,
        service="tasks",
        path=f"/{SERVICE}/{name}",
    )


class Owner:
    """Returns its request, marked with the caller."""

    def __init__(self, verifier: CallerVerifier) -> None:
        self._verifier = verifier
        self.cancelled = asyncio.Event()

    def _who(self, context: Any) -> bytes:
        tokens = [value for key, value in context.invocation_metadata() if key == METADATA_KEY]
        return self._verifier.verify(tokens[0]).person_id.encode()

    async def OneForOne(self, request: bytes, context: Any) -> bytes:  # noqa: N802 - an RPC
        return self._who(context) + request

    async def ManyForOne(self, request: bytes, context: Any) -> AsyncIterator[bytes]:  # noqa: N802 - an RPC
        if request == b"endless":
            try:
                while True:
                    yield self._who(context)
                    await asyncio.sleep(0.01)
            finally:
                self.cancelled.set()
        for number in range(3):
            yield self._who(context) + request + str(number).encode()
        if request == b"fail":
            await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")

    async def OneForMany(self, requests: Any, context: Any) -> bytes:  # noqa: N802 - an RPC
        return self._who(context) + b"".join([request async for request in requests])

    async def ManyForMany(self, requests: Any, context: Any) -> AsyncIterator[bytes]:  # noqa: N802 - an RPC
        async for request in requests:
            yield self._who(context) + request


class Served(grpc.GenericRpcHandler):
    def __init__(self, behaviours: dict[str, Any]) -> None:
        self._handlers = {
            f"/{SERVICE}/{name}": MAKERS[SHAPES[name]](behaviour)
            for name, behaviour in behaviours.items()
        }

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


@pytest.fixture
async def shapes(issuer, caller_keys_of, standing):
    """A channel to a proxy for the four shapes, and their owner."""
    owner = Owner(CallerVerifier(caller_keys_of("tasks"), "tasks"))
    clock = SystemClock()
    ended = EndedSessions(clock=clock)

    async def get(_: Any) -> GetSigningKeysResponse:
        return GetSigningKeysResponse(jwks_json=issuer.jwks())

    admission = Admission(
        authenticator=Authenticator(
            SigningKeys(get, clock=clock),
            ended,
            api_tokens=ApiTokens(get, ended, clock=clock),
            clock=clock,
        ),
        callers=Callers(CallerSigner(caller_keys_of("gateway")), clock=clock),
        ended=ended,
        access=standing.access,
        decision_log=standing.decision_log,
    )
    behind, before = grpc.aio.server(), grpc.aio.server()
    behind.add_generic_rpc_handlers((Served({name: getattr(owner, name) for name in SHAPES}),))
    behind_port = behind.add_insecure_port("127.0.0.1:0")
    async with proxy.owners(
        {"tasks": f"127.0.0.1:{behind_port}"}, max_message_bytes=1 << 20
    ) as owners:
        limits = Limits(LimitsSection(), clock=clock)
        calls = proxy.Calls(admission, limits=limits, clock=clock)
        forwarding = proxy.Forwarding(admission, owners, limits=limits)
        wrapped = {
            name: calls.wrapped(method(name), forwarding.behaviour(method(name))) for name in SHAPES
        }
        before.add_generic_rpc_handlers((Served(wrapped),))
        port = before.add_insecure_port("127.0.0.1:0")
        await behind.start()
        await before.start()
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield channel, (("authorization", f"Bearer {issuer.token()}"),), owner, ended
        await before.stop(0)
        await behind.stop(0)


async def letters() -> AsyncIterator[bytes]:
    for letter in (b"a", b"b", b"c"):
        yield letter


async def to_the_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def test_one_for_one(shapes):
    channel, bearer, _, _ = shapes
    call = channel.unary_unary(f"/{SERVICE}/OneForOne")
    assert await call(b"\xff\x00x", metadata=bearer) == b"per_ann\xff\x00x"


async def test_many_for_one(shapes):
    channel, bearer, _, _ = shapes
    call = channel.unary_stream(f"/{SERVICE}/ManyForOne")(b"x", metadata=bearer)
    assert [each async for each in call] == [b"per_annx0", b"per_annx1", b"per_annx2"]


async def test_one_for_many(shapes):
    channel, bearer, _, _ = shapes
    call = channel.stream_unary(f"/{SERVICE}/OneForMany")
    assert await call(letters(), metadata=bearer) == b"per_annabc"


async def test_many_for_many(shapes):
    channel, bearer, _, _ = shapes
    call = channel.stream_stream(f"/{SERVICE}/ManyForMany")(letters(), metadata=bearer)
    assert [each async for each in call] == [b"per_anna", b"per_annb", b"per_annc"]


async def test_what_was_sent_before_a_failure_arrives_before_it(shapes):
    channel, bearer, _, _ = shapes
    call = channel.unary_stream(f"/{SERVICE}/ManyForOne")(b"fail", metadata=bearer)
    arrived = [await call.read() for _ in range(3)]
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call.read()
    assert arrived == [b"per_annfail0", b"per_annfail1", b"per_annfail2"]
    # No owner of Plexus answers so: it is no named refusal, and nothing of it is shown.
    assert error.value.code() is grpc.StatusCode.INTERNAL
    assert "gone" not in error.value.details()


async def test_a_caller_that_leaves_ends_an_endless_answer(shapes):
    channel, bearer, owner, _ = shapes
    call = channel.unary_stream(f"/{SERVICE}/ManyForOne")(b"endless", metadata=bearer)
    await call.read()
    call.cancel()
    async with asyncio.timeout(60):
        await owner.cancelled.wait()


async def test_gw_04_an_endless_answer_ends_with_its_session(shapes):
    channel, bearer, owner, ended = shapes
    call = channel.unary_stream(f"/{SERVICE}/ManyForOne")(b"endless", metadata=bearer)
    await call.read()
    ended.end(["ses_ann"])
    with pytest.raises(grpc.aio.AioRpcError):
        await asyncio.wait_for(to_the_end(call), timeout=1)
    assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    await owner.cancelled.wait()
