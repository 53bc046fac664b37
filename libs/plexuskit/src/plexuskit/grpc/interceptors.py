"""The frame of a service's server: its callers, the deadline, the bounds of requests."""

import asyncio
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import grpc
import structlog
from plexus.authz.v1.caller_pb2 import CallerContext

from plexuskit import bounds, telemetry
from plexuskit.clock import Clock
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import budget
from plexuskit.grpc.caller import (
    METADATA_KEY,
    CallerContextInvalid,
    CallerNotAllowed,
    CallerVerifier,
    InternalOnly,
    Unauthenticated,
    enter,
)
from plexuskit.grpc.certificates import peer_of
from plexuskit.grpc.frame import Call, Context, Frame, Outcome, framed, late, unexpected
from plexuskit.grpc.handlers import (
    CANCEL_SECONDS,
    Behaviour,
    Check,
    Handler,
    Requests,
    behaviour_of,
    handler_of,
    read_request,
    tolerant,
)
from plexuskit.grpc.methods import MethodInfo
from plexuskit.grpc.options import MAX_PUBLIC_BYTES
from plexuskit.grpc.status import answer

Authorise = Callable[[MethodInfo, Any], Awaitable[None]]
"""Decides about a request of a method. Raises a Refusal."""

# A request, its context, and the deadline that the admission has found.
_Whole = Callable[[Any, Context, asyncio.Timeout], Awaitable[Any]]

DEFAULT_DEADLINE = 10.0

log = structlog.get_logger()


class RequestUnreadable(Refusal):
    """The bytes are no message of the method's request type."""

    kind = Kind.INVALID
    text = "The request could not be read; is the client's contract the server's?"


class RequestTooLarge(Refusal):
    """A request is larger than its method takes (GW-13)."""

    kind = Kind.EXHAUSTED
    text = "The request has more than {most} bytes; send less at once."


class ServiceFrame(Frame):
    """Wraps the methods of one service."""

    def __init__(
        self,
        *,
        service: str,
        verifier: CallerVerifier,
        callers: frozenset[str],
        certified: bool,
        clock: Clock,
        authorise: Authorise | None = None,
    ) -> None:
        """Set the parts shared by all methods.

        Args:
            service: name of the service, for the domain of its errors.
            verifier: verifies the caller context.
            callers: the services that may call; the signer of every context must be one of them.
            certified: whether the connection has a certificate, which must name a caller too.
            clock: measures how long calls take.
            authorise: authorises every request; None: the operations of the service do.
        """
        super().__init__(clock=clock)
        self.domain = f"plexus.{service}"
        self.callers = callers
        self.certified = certified
        self.verifier = verifier
        self.authorise = authorise

    def wrapped(
        self,
        method: MethodInfo,
        handler: Handler,
    ) -> Handler:
        """Return the handler with everything before it that a method needs.

        Raises TypeError for a handler that is not asynchronous: it would block the loop;
        UndeclaredBounds for a request type with a field that has no bounds (GW-8).
        """
        behaviour = behaviour_of(handler)
        check = bounds.compiled(method.request_class.DESCRIPTOR)
        yields = inspect.isasyncgenfunction(behaviour)
        if not yields and not inspect.iscoroutinefunction(behaviour):
            raise TypeError(f"{method.path} must be served by an async function")
        if handler.request_streaming:
            behaviour = _whole_requests(behaviour, check)
        whole = self._yielded_answers if yields else self._one_answer

        def begin(context: Context) -> _Call:
            return _Call(self, method, context)

        return handler_of(
            method,
            framed(begin, admit=_admitted, behaviour=whole(method, behaviour, check)),
            deserializer=tolerant(
                handler.request_deserializer,
                maximum=MAX_PUBLIC_BYTES if method.requirement.public else None,
                too_large=lambda: RequestTooLarge(most=MAX_PUBLIC_BYTES),
                unreadable=RequestUnreadable,
            ),
            serializer=handler.response_serializer,
        )

    def _one_answer(self, method: MethodInfo, behaviour: Behaviour, check: Check) -> _Whole:
        async def serve(request: Any, context: Context, deadline: asyncio.Timeout) -> Any:
            async with deadline:
                return await behaviour(await self._taken(method, request, check), context)

        return serve

    def _yielded_answers(self, method: MethodInfo, behaviour: Behaviour, check: Check) -> _Whole:
        async def serve(request: Any, context: Context, deadline: asyncio.Timeout) -> None:
            async with (
                deadline,
                aclosing(
                    behaviour(await self._taken(method, request, check), context)
                ) as responses,
            ):
                async for response in responses:
                    await context.write(response)

        return serve

    async def _taken(self, method: MethodInfo, request: Any, check: Check) -> Any:
        """Return a request that is within its bounds and allowed by the owner's replica.

        The items of a client's stream are checked one by one, where they are read.
        """
        if method.client_streaming:
            return request
        read = read_request(request, check)
        if self.authorise is not None:
            await self.authorise(method, read)
        return read


class _Call(Call):
    """A call of another service, in a person's name or its own."""

    __slots__ = ("_context", "_tokens", "deadline")

    _frame: ServiceFrame

    def __init__(self, frame: ServiceFrame, method: MethodInfo, context: Context) -> None:
        self._tokens, traceparent = _metadata(context)
        super().__init__(frame, method, traceparent)
        self._context = context
        self.deadline: asyncio.Timeout | None = None

    def admitted(self) -> asyncio.Timeout:
        """Admit the caller and return the deadline of the call, not yet started."""
        self._admit(self._tokens)
        self._tokens.clear()
        self.deadline = asyncio.timeout(self._seconds())
        return self.deadline

    def outcome(self, error: BaseException | None) -> Outcome:
        """Return the outcome of the call; a status that was set before is not answered again."""
        if error is None:
            # A handler may set its own code instead of raising.
            return _CODES.get(self._context.code(), grpc.StatusCode.OK), None
        if isinstance(error, Refusal):
            refused = answer(error, domain=self._frame.domain)
            return refused.code, refused
        if isinstance(error, grpc.aio.AbortError):
            return _CODES.get(self._context.code(), grpc.StatusCode.UNKNOWN), None
        if not isinstance(error, Exception):
            return grpc.StatusCode.CANCELLED, None
        domain = self._frame.domain
        if isinstance(error, TimeoutError) and self.deadline and self.deadline.expired():
            return grpc.StatusCode.DEADLINE_EXCEEDED, late(domain=domain)
        return grpc.StatusCode.INTERNAL, unexpected(error, method=self._method, domain=domain)

    def _admit(self, tokens: list[bytes]) -> None:
        """Admit callers allowed to reach this method; the rest is the owner's decision."""
        peer = self._peer()
        if len(tokens) > 1:
            raise CallerContextInvalid(problem="several")
        context = self._frame.verifier.verify(tokens[0] if tokens else b"")
        if peer is not None and context.service != peer:
            log.warning(
                "caller.refused", method=self._method.path[1:], peer=peer, signer=context.service
            )
            raise CallerContextInvalid(problem="peer")
        if context.service not in self._frame.callers:
            log.warning("caller.refused", method=self._method.path[1:], signer=context.service)
            raise CallerNotAllowed(peer=context.service)
        required = self._method.requirement
        if required.internal and context.kind != CallerContext.KIND_SERVICE:
            raise InternalOnly
        if required.permission and context.kind != CallerContext.KIND_PERSON:
            raise Unauthenticated
        enter(context)

    def _peer(self) -> str | None:
        """Return the connection's service; None in plain text. Raises CallerNotAllowed (GW-1)."""
        if not self._frame.certified:
            return None
        peer = peer_of(self._context)
        if peer not in self._frame.callers:
            log.warning("caller.refused", method=self._method.path[1:], peer=peer or "unnamed")
            raise CallerNotAllowed(peer=peer)
        return peer

    def _seconds(self) -> float | None:
        """Return the call's time limit in seconds: a unary call has one, a stream if requested."""
        left: float | None = self._context.time_remaining()
        method = self._method
        if left is None and not (method.client_streaming or method.server_streaming):
            left = DEFAULT_DEADLINE
        if left is not None:
            budget.enter(left)
        return left


async def _admitted(call: _Call, _: Context) -> asyncio.Timeout:
    return call.admitted()


# A servicer context has the number or the member, depending on its setter.
_CODES: dict[Any, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode} | {
    code: code for code in grpc.StatusCode
}


def _whole_requests(behaviour: Behaviour, check: Check) -> Behaviour:
    def serve(_: AsyncIterable[Any], context: Context) -> Any:
        return behaviour(Requests(context, check, linger=CANCEL_SECONDS), context)

    return serve


def _metadata(context: Context) -> tuple[list[bytes], str]:
    """Return the caller contexts and the traceparent that came with a request."""
    tokens: list[bytes] = []
    traceparent = ""
    for key, value in context.invocation_metadata() or ():
        if key == METADATA_KEY:
            tokens.append(value if isinstance(value, bytes) else value.encode())
        elif key == telemetry.TRACEPARENT:
            traceparent = str(value)
    return tokens, traceparent
