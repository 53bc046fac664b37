"""Forwarding a call to its owner: the same bytes, in all four shapes of RPC."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from plexuskit import fault, telemetry
from plexuskit.grpc import METADATA_KEY, Ending, MethodInfo, tracing
from plexuskit.grpc.frame import Context
from plexuskit.grpc.handlers import CANCEL_SECONDS

from gateway.admission import Admission
from gateway.identity import Identity, SessionEnded
from gateway.limits import Limits
from gateway.proxy.calls import Behaviour
from gateway.proxy.guard import Guard
from gateway.proxy.owners import Owners
from gateway.proxy.refusals import RequestUnreadable

# Request, caller, and the seconds left to the call (None: no deadline of its own).
Once = Callable[[bytes, Identity | None, float | None], Awaitable[bytes]]
Many = Callable[[bytes, Identity | None, float | None], AsyncGenerator[bytes, None]]

DEFAULT_DEADLINE: Final = 10.0
# A stream of requests is about no single object.
_NO_REQUEST: Final = b""
# Statuses with which gRPC's server answers bytes that it cannot decode.
_UNREADABLE: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})

Metadata = tuple[tuple[str, str | bytes], ...]


class Forwarding:
    """Forwards calls to owners, each for the rest of the caller's deadline (GW-6)."""

    def __init__(self, admission: Admission, owners: Owners, *, limits: Limits) -> None:
        """Set up forwarding.

        Args:
            admission: admission that the calls have passed.
            owners: a client for each service that owns a contract.
            limits: count properties of requests: handles, items of a batch.
        """
        self._admission = admission
        self._owners = owners
        self._limits = limits

    def guard(self, method: MethodInfo) -> Guard:
        """Return the checks before and after the calls of a method."""
        return Guard(self._admission.access, self._admission.decision_log, method)

    def once(self, method: MethodInfo) -> Once:
        """Return the forwarder of a unary method. Raises KeyError for an unknown owner."""
        path, owner, limits = method.path, self._owners[method.service], self._limits
        guard, access = self.guard(method), self._admission.access

        async def forward(request: bytes, identity: Identity | None, left: float | None) -> bytes:
            if identity is None:
                limits.named(method, request)
            else:
                members = partial(access.members_of, identity)
                limits.batch(method, request, identity, members=members)
            authorized = await guard.before(request, identity)
            fault.point("gateway.before_forward")
            with tracing.client_span(path, server=method.service) as current:
                try:
                    response = await owner.unary_unary(
                        path,
                        request,
                        metadata=self._metadata(method, identity),
                        timeout=DEFAULT_DEADLINE if left is None else left,
                    )
                except grpc.aio.AioRpcError as error:
                    tracing.answered(current, error.code())
                    guard.failed(authorized, error)
                    _check_readable(method, request, error)
                    raise
                tracing.answered(current, grpc.StatusCode.OK)
            fault.point("gateway.after_forward")
            limits.answered(method, identity, len(response))
            return await guard.after(authorized, response)

        return forward

    def many(self, method: MethodInfo) -> Many:
        """Return the forwarder of a streaming method; the stream ends with its session."""
        owner, guard, limits = self._owners[method.service], self.guard(method), self._limits

        async def forward(
            request: bytes, identity: Identity | None, left: float | None
        ) -> AsyncGenerator[bytes, None]:
            authorized = await guard.before(request, identity)
            metadata = self._metadata(method, identity)
            call = owner.unary_stream(method.path, request, metadata=metadata, timeout=left)
            try:
                async with self._while_session_lives(identity, call):
                    async for response in call:
                        limits.answered(method, identity, len(response))
                        yield await guard.shown(authorized, response)
                guard.done(authorized)
            except grpc.aio.AioRpcError as error:
                guard.failed(authorized, error)
                _check_readable(method, request, error)
                raise

        return forward

    def behaviour(self, method: MethodInfo) -> Behaviour:
        """Return the behaviour of a method for gRPC's server. Raises KeyError as `once` does."""
        shape = (method.client_streaming, method.server_streaming)
        make = {
            (False, False): self._one_for_one,
            (False, True): self._many_for_one,
            (True, False): self._one_for_many,
            (True, True): self._many_for_many,
        }[shape]
        return make(method)

    def _one_for_one(self, method: MethodInfo) -> Behaviour:
        once = self.once(method)

        def forward(
            request: bytes, context: Context, identity: Identity | None
        ) -> Awaitable[bytes]:
            return once(request, identity, context.time_remaining())

        return forward

    def _many_for_one(self, method: MethodInfo) -> Behaviour:
        many = self.many(method)

        async def forward(request: bytes, context: Context, identity: Identity | None) -> None:
            answers = many(request, identity, context.time_remaining())
            async with aclosing(answers) as responses:
                async for response in responses:
                    await context.write(response)

        return forward

    def _one_for_many(self, method: MethodInfo) -> Behaviour:
        owner, guard = self._owners[method.service], self.guard(method)

        async def forward(
            requests: AsyncIterable[bytes], context: Context, identity: Identity | None
        ) -> bytes:
            call = owner.stream_unary(
                method.path,
                _whole(requests),
                metadata=self._metadata(method, identity),
                timeout=context.time_remaining(),
            )
            ending = Ending(call)
            authorized = await guard.before(_NO_REQUEST, identity)
            try:
                async with self._while_session_lives(identity, call):
                    response = await call
            except grpc.aio.AioRpcError as error:
                ended = await ending.of(error)
                guard.failed(authorized, ended)
                raise ended from None
            return await guard.after(authorized, response)

        return forward

    def _many_for_many(self, method: MethodInfo) -> Behaviour:
        owner, guard = self._owners[method.service], self.guard(method)

        async def forward(
            requests: AsyncIterable[bytes], context: Context, identity: Identity | None
        ) -> None:
            call = owner.stream_stream(
                method.path,
                _whole(requests),
                metadata=self._metadata(method, identity),
                timeout=context.time_remaining(),
            )
            ending = Ending(call)
            authorized = await guard.before(_NO_REQUEST, identity)
            try:
                async with self._while_session_lives(identity, call):
                    async for response in call:
                        await context.write(await guard.shown(authorized, response))
            except grpc.aio.AioRpcError as error:
                ended = await ending.of(error)
                guard.failed(authorized, ended)
                raise ended from None
            guard.done(authorized)

        return forward

    def _metadata(self, method: MethodInfo, identity: Identity | None) -> Metadata:
        """Return the metadata of a forwarded call: caller and trace; none of the client's."""
        return (
            (METADATA_KEY, self._admission.caller(identity, audience=method.service)),
            (telemetry.TRACEPARENT, telemetry.inject()),
        )

    @asynccontextmanager
    async def _while_session_lives(
        self, identity: Identity | None, call: grpc.aio.Call
    ) -> AsyncIterator[None]:
        """End a stream with its session (GW-4), and the owner's part with ours."""
        if identity is None:
            try:
                yield
            finally:
                call.cancel()
            return

        ended = self._admission.ended.ended_event(identity.session_id)
        watch = asyncio.create_task(_cancel_when(ended, call))
        try:
            yield
        except asyncio.CancelledError:
            if ended.is_set():
                raise SessionEnded from None
            raise
        finally:
            watch.cancel()
            call.cancel()


async def _cancel_when(ended: asyncio.Event, call: Any) -> None:
    await ended.wait()
    call.cancel()


async def _whole(requests: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request
    # gRPC ends the requests of a lost caller as those of a finished one, and cancels a moment
    # later: the owner gets no end before that.
    await asyncio.sleep(CANCEL_SECONDS)


def _check_readable(method: MethodInfo, request: bytes, error: grpc.aio.AioRpcError) -> None:
    """Refuse a request on which its owner failed because it cannot be decoded.

    Bytes are not decoded before forwarding; this only looks at failed requests.
    """
    if error.code() not in _UNREADABLE:
        return
    try:
        method.request_class.FromString(request)
    except DecodeError:
        raise RequestUnreadable.of(method) from None
