"""What stands around every call: telemetry, errors, admission, limits, the metric.

Methods are wrapped once, when the servers are built; gRPC's own interceptors would cost each call a
task and a handler object.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self

import grpc
from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.grpc import MethodInfo
from plexuskit.grpc.status import Answer
from plexuskit.metrics import RPC_SECONDS

from gateway.access.recorder import REASON_BYTES_KEY, REASON_KEY
from gateway.admission import AUTHORIZATION, Admission, bearer
from gateway.answers import answered
from gateway.identity import Identity
from gateway.limits import FORWARDED_FOR, Leave, Limits, TooManyHeaders

Context = grpc.aio.ServicerContext[Any, Any]
Behaviour = Callable[[Any, Context, Identity | None], Awaitable[Any]]
Metadata = Collection[tuple[str, Any]]

# Clients send about ten, and their bytes are limited too (`grpc.max_metadata_size`).
MOST_HEADERS: Final = 64

_NOTHING: Final = nullcontext()


class Answered(Exception):  # noqa: N818 - names the fact, like a refusal
    """A call has ended with a status other than OK."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code.name)
        self.answer = answer


class Calls:
    """Wraps what methods do with what every call needs before and after it."""

    def __init__(self, admission: Admission, *, limits: Limits, clock: Clock) -> None:
        """Take what is the same for every method.

        Args:
            admission: lets in who may call.
            limits: tells how much of it.
            clock: measures how long calls take.
        """
        self.admission = admission
        self.limits = limits
        self.now = clock.monotonic
        self._observers: dict[tuple[str, grpc.StatusCode], Callable[[float], None]] = {}

    def call(self, method: MethodInfo, metadata: Metadata) -> "Call":
        """Begin a call; whatever is raised in the block leaves it as Answered.

        Args:
            method: what is called.
            metadata: the caller's, or its HTTP headers, with lower-case names.
        """
        return Call(self, method, metadata)

    def wrapped(
        self, method: MethodInfo, behaviour: Behaviour
    ) -> Callable[[Any, Context], Awaitable[Any]]:
        """Return what gRPC calls for a method; `behaviour` also gets who calls."""

        async def serve(request: Any, context: Context) -> Any:
            try:
                with Call(self, method, context.invocation_metadata() or ()) as call:
                    identity = await call.identify(context.peer)
                    return await behaviour(request, context, identity)
            except Answered as ended:
                answer = ended.answer
            await context.abort(answer.code, answer.text, answer.trailing)
            return None

        return serve

    def observe(self, method: MethodInfo, code: grpc.StatusCode, *, started: float) -> None:
        """Count a call in `plexus_rpc_seconds` that began at a time of `now`."""
        key = (method.path, code)
        observe = self._observers.get(key)
        if observe is None:
            # Finding the child of a labelled metric costs more than observing it.
            observe = RPC_SECONDS.labels(method=method.path[1:], code=code.name).observe
            self._observers[key] = observe
        observe(self.now() - started)


class Call:
    """One call, from the arrival of its metadata to its status."""

    __slots__ = ("_calls", "_leave", "_metadata", "_method", "_span", "_started", "_trace")

    def __init__(self, calls: Calls, method: MethodInfo, metadata: Metadata) -> None:
        self._calls = calls
        self._method = method
        self._metadata = metadata
        self._leave: Leave | None = None
        self._trace: AbstractContextManager[Any] = _NOTHING
        self._span: AbstractContextManager[Any] = _NOTHING
        self._started = calls.now()

    def __enter__(self) -> Self:
        traceparent = self._values(telemetry.TRACEPARENT)
        if traceparent:
            self._trace = telemetry.extracted(traceparent[0])
            self._trace.__enter__()
        if not (self._method.client_streaming or self._method.server_streaming):
            # A stream may live for hours and gets no span of its own.
            self._span = telemetry.span(self._method.path[1:])
            self._span.__enter__()
        return self

    async def identify(self, peer: Callable[[], str]) -> Identity | None:
        """Return who calls, once it is certain that one more call of theirs fits (GW-6).

        Args:
            peer: tells the caller's network address, with or without a port.

        Raises TooManyHeaders; refusals as for `Admission.admit`, `Limits.rate` and `Limits.enter`.
        """
        if len(self._metadata) > MOST_HEADERS:
            raise TooManyHeaders(most=MOST_HEADERS)
        token = bearer(self._values(AUTHORIZATION))
        reason = self._reason()
        limits = self._calls.limits
        forwarded = self._values(FORWARDED_FOR) if limits.networks else ()
        # A stream may live for hours, and ten thousand tokens are ten megabytes.
        self._metadata = ()
        identity = await self._calls.admission.admit(self._method, token, reason=reason)
        if identity is None:
            limits.stranger(peer(), forwarded)
        else:
            limits.rate(self._method, identity)
        self._leave = limits.enter(self._method, identity)
        return identity

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        answer = None
        if self._leave is not None:
            self._leave()
        if error is None:
            code = grpc.StatusCode.OK
        else:
            # Before the span is left: a failure is logged with its id.
            answer = None if isinstance(error, _OUTSIDE) else answered(error, method=self._method)
            code = answer.code if answer else grpc.StatusCode.CANCELLED
        self._calls.observe(self._method, code, started=self._started)
        self._span.__exit__(error_type, error, traceback)
        self._trace.__exit__(error_type, error, traceback)
        if answer is not None:
            raise Answered(answer) from None

    def _reason(self) -> str:
        """Return what the caller gives as the reason; `-bin` for what is not ASCII."""
        for name, value in self._metadata:
            if name == REASON_KEY:
                return str(value)
            if name == REASON_BYTES_KEY:
                return bytes(value).decode("utf-8", "replace")
        return ""

    def _values(self, key: str) -> list[str]:
        return [str(value) for name, value in self._metadata if name == key]


# The status was given before, or there is nobody left to give one to.
_OUTSIDE: Final = (grpc.aio.AbortError, GeneratorExit)
