"""What stands before every method of a server: telemetry, errors, the caller, the deadline.

The methods are wrapped once, when the server is built. gRPC's own interceptors would be asked again
for each call and cost it a task and a handler object; wrapping costs a function call.
"""

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack, aclosing
from secrets import token_hex
from types import TracebackType
from typing import Any, Self, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError
from opentelemetry import trace
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
from plexuskit.grpc.methods import MethodInfo
from plexuskit.grpc.options import MAX_PUBLIC_BYTES
from plexuskit.grpc.status import Answer, answer, failure
from plexuskit.metrics import RPC_SECONDS

Behaviour = Callable[[Any, Any], Any]
Check = Callable[[Any], None]
# Generic in the type stubs only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context = grpc.aio.ServicerContext[Any, Any]
Authorise = Callable[[MethodInfo, Any], Awaitable[None]]
"""Decides about a request of a method. Raises a Refusal."""

DEFAULT_DEADLINE = 10.0
# Measured: 0.04 to 0.7 ms between the end of a lost stream and its cancellation.
CANCEL_SECONDS = 0.02

log = structlog.get_logger()


class Frame:
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
        """Take what is the same for every method.

        Args:
            service: name of the service, for the domain of its errors.
            verifier: tells who calls.
            callers: the services that may call; the signer of every context must be one of them.
            certified: whether the connection has a certificate, which must name a caller too.
            clock: measures how long calls take.
            authorise: decides about every request; None: the operations of the service do.
        """
        self.domain = f"plexus.{service}"
        self.callers = callers
        self.certified = certified
        self.verifier = verifier
        self.clock = clock
        self.authorise = authorise
        self._observers: dict[tuple[str, str], Callable[[float], None]] = {}

    def wrapped(
        self,
        method: MethodInfo,
        handler: Handler,
    ) -> Handler:
        """Return the handler with everything before it that a method needs.

        Raises TypeError for a handler that is not asynchronous: it would block the loop;
        UndeclaredBounds for a request type with a field that has no bounds (GW-8).
        """
        behaviour = _behaviour(handler)
        check = bounds.compiled(method.request_class.DESCRIPTOR)
        yields = inspect.isasyncgenfunction(behaviour)
        if not yields and not inspect.iscoroutinefunction(behaviour):
            raise TypeError(f"{method.path} must be served by an async function")
        if handler.request_streaming:
            behaviour = _whole_requests(behaviour, check)
        whole = (self._yielded_answers if yields else self._one_answer)(method, behaviour, check)

        make: Callable[..., Handler] = _MAKERS[
            handler.request_streaming,
            handler.response_streaming,
        ]
        return make(
            whole,
            request_deserializer=_tolerant(
                handler.request_deserializer,
                maximum=MAX_PUBLIC_BYTES if method.requirement.public else None,
            ),
            response_serializer=handler.response_serializer,
        )

    def observe(self, method: MethodInfo, code: grpc.StatusCode, seconds: float) -> None:
        """Count a finished call in `plexus_rpc_seconds`."""
        key = (method.path, code.name)
        observe = self._observers.get(key)
        if observe is None:
            # Finding the child of a labelled metric costs more than observing it.
            observe = RPC_SECONDS.labels(method=method.path[1:], code=code.name).observe
            self._observers[key] = observe
        observe(seconds)

    def _one_answer(self, method: MethodInfo, behaviour: Behaviour, check: Check) -> Behaviour:
        async def serve(request: Any, context: Context) -> Any:
            async with _Call(self, method, context) as call, call.deadline:
                return await behaviour(await self._taken(method, request, check), context)

        return serve

    def _yielded_answers(self, method: MethodInfo, behaviour: Behaviour, check: Check) -> Behaviour:
        async def serve(request: Any, context: Context) -> None:
            async with (
                _Call(self, method, context) as call,
                call.deadline,
                aclosing(
                    behaviour(await self._taken(method, request, check), context)
                ) as responses,
            ):
                async for response in responses:
                    await context.write(response)

        return serve

    async def _taken(self, method: MethodInfo, request: Any, check: Check) -> Any:
        """Return a request within its bounds that the owner's replica allows.

        The items of a client's stream are checked one by one, where they are read.
        """
        if method.client_streaming:
            return request
        read = _read(request, check)
        if self.authorise is not None:
            await self.authorise(method, read)
        return read


class _Call:
    """One call, from the arrival of its metadata to its status."""

    __slots__ = ("_context", "_frame", "_method", "_started", "_trace", "deadline")

    def __init__(self, frame: Frame, method: MethodInfo, context: Context) -> None:
        self._frame = frame
        self._method = method
        self._context = context
        self._trace = ExitStack()
        self.deadline = asyncio.timeout(None)
        self._started = frame.clock.monotonic()

    async def __aenter__(self) -> Self:
        tokens, traceparent = _metadata(self._context)
        self._trace.enter_context(telemetry.extracted(traceparent))
        self._trace.enter_context(self._span())
        try:
            self._admit(tokens)
            self.deadline = asyncio.timeout(self._seconds())
        except Exception as error:  # noqa: BLE001 - answered as if the method had raised it
            await self._leave(error)
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._leave(error)

    def _span(self) -> AbstractContextManager[Any]:
        """Open a span for a plain call; a stream may live for hours and gets none of its own."""
        method = self._method
        if method.client_streaming or method.server_streaming:
            return ExitStack()
        return telemetry.span(method.path[1:])

    def _admit(self, tokens: list[bytes]) -> None:
        """Let in who may come as far as this method; the rest is the owner's decision."""
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
        """Return whose connection this is; None in plain text. Raises CallerNotAllowed (GW-1)."""
        if not self._frame.certified:
            return None
        peer = peer_of(self._context)
        if peer not in self._frame.callers:
            log.warning("caller.refused", method=self._method.path[1:], peer=peer or "unnamed")
            raise CallerNotAllowed(peer=peer)
        return peer

    def _seconds(self) -> float | None:
        """Return how long the call may take: a plain call always ends, a stream if asked to."""
        left: float | None = self._context.time_remaining()
        method = self._method
        if left is None and not (method.client_streaming or method.server_streaming):
            left = DEFAULT_DEADLINE
        if left is not None:
            budget.enter(left)
        return left

    async def _leave(self, error: BaseException | None) -> None:
        """Close the call: one observation, one status, and one log line if it was unexpected."""
        code, refused = self._outcome(error)
        self._frame.observe(self._method, code, self._frame.clock.monotonic() - self._started)
        if error is None:
            self._trace.close()
            return
        self._trace.__exit__(type(error), error, error.__traceback__)
        if refused is not None:
            await self._context.abort(refused.code, refused.text, refused.trailing)

    def _outcome(self, error: BaseException | None) -> tuple[grpc.StatusCode, Answer | None]:
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
        if isinstance(error, TimeoutError) and self.deadline.expired():
            return grpc.StatusCode.DEADLINE_EXCEEDED, self._late()
        return grpc.StatusCode.INTERNAL, self._unexpected(error)

    def _late(self) -> Answer:
        return failure(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            reason="DEADLINE_EXCEEDED",
            domain=self._frame.domain,
            text="It took too long; look whether it happened, then try again.",
            metadata={},
        )

    def _unexpected(self, error: Exception) -> Answer:
        """Log the exception once and answer only where to find it."""
        current = trace.get_current_span().get_span_context()
        reference = trace.format_trace_id(current.trace_id) if current.is_valid else token_hex(16)
        log.error("rpc.failed", method=self._method.path[1:], reference=reference, exc_info=error)
        return failure(
            grpc.StatusCode.INTERNAL,
            reason="INTERNAL",
            domain=self._frame.domain,
            text=f"Something went wrong on our side; it is logged under {reference}.",
            metadata={"reference": reference},
        )


_MAKERS: dict[tuple[bool, bool], Any] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}

# A servicer context answers the number or the member, depending on who set it.
_CODES: dict[Any, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode} | {
    code: code for code in grpc.StatusCode
}


def _behaviour(handler: Handler) -> Behaviour:
    every = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(behaviour for behaviour in every if behaviour is not None)


class _Requests:
    """The checked messages of a stream, up to the end that the caller has set.

    gRPC ends the iteration in the same way when the caller goes away, and cancels the handler a
    moment later. That moment is waited for: a lost caller must not be taken for a finished one.
    """

    __slots__ = ("_check", "_received")

    def __init__(self, received: AsyncIterator[Any], check: Check) -> None:
        self._received = received
        self._check = check

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return _read(await self._received.__anext__(), self._check)
        except StopAsyncIteration:
            await asyncio.sleep(CANCEL_SECONDS)
            raise


class RequestUnreadable(Refusal):
    """The bytes are no message of the method's request type."""

    kind = Kind.INVALID
    text = "The request could not be read; is the client's contract the server's?"


class RequestTooLarge(Refusal):
    """A request is larger than its method takes (GW-13)."""

    kind = Kind.EXHAUSTED
    text = "The request has more than {most} bytes; send less at once."


def _tolerant(
    deserialize: Callable[[bytes], Any] | None, *, maximum: int | None
) -> Callable[[bytes], Any] | None:
    """Read requests without raising: gRPC would log a traceback for what any client can send.

    Args:
        deserialize: reads the bytes; None for a method that takes them as they are.
        maximum: size up to which anything is read at all; None: the server's own limit.
    """
    if deserialize is None:
        return None

    def read(content: bytes) -> Any:
        if maximum is not None and len(content) > maximum:
            return RequestTooLarge(most=MAX_PUBLIC_BYTES)
        try:
            request = deserialize(content)
            bounds.check_unused(request, content)
        except DecodeError:
            return RequestUnreadable()
        except bounds.FieldOutOfRange as refusal:
            return refusal
        return request

    return read


def _read(request: Any, check: Check) -> Any:
    """Return a request within its declared bounds, or refuse it (GW-8)."""
    if isinstance(request, Refusal):
        raise request
    check(request)
    return request


def _whole_requests(behaviour: Behaviour, check: Check) -> Behaviour:
    def serve(requests: AsyncIterable[Any], context: Context) -> Any:
        return behaviour(_Requests(aiter(requests), check), context)

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
