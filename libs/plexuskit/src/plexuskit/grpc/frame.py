"""Common frame of a server's methods: trace, span, metric, admission, one status at the end.

Services and the gateway differ in the callers they admit and in the wording of failures; the frame
is the same. Methods are wrapped once, when the server is built: gRPC's own interceptors would be
called for each call and cost it a task and a handler object.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
import structlog
from opentelemetry import trace

from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.grpc.methods import MethodInfo
from plexuskit.grpc.status import Answer, failure
from plexuskit.grpc.tracing import GRPC, served, server_span
from plexuskit.metrics import RPC_SECONDS

Context = grpc.aio.ServicerContext[Any, Any]
Served = Callable[[Any, Context], Awaitable[Any]]
Outcome = tuple[grpc.StatusCode, Answer | None]

SUCCEEDED: Final[Outcome] = (grpc.StatusCode.OK, None)
_NOTHING: Final = nullcontext()

log = structlog.get_logger()


class CallAborted(Exception):  # noqa: N818 - names the fact, like a refusal
    """A call has ended with a status other than OK."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code.name)
        self.answer = answer


class Frame:
    """Parts shared by all methods of a server."""

    def __init__(self, *, clock: Clock) -> None:
        """Set the clock that measures how long calls take."""
        self.now = clock.monotonic
        self._observers: dict[tuple[str, grpc.StatusCode], Callable[[float], None]] = {}

    def observe(self, method: MethodInfo, code: grpc.StatusCode, *, started: float) -> None:
        """Count a call in `rpc_server_call_duration_seconds` that began at a time of `now`."""
        key = (method.path, code)
        observe = self._observers.get(key)
        if observe is None:
            # Finding the child of a labelled metric costs more than observing it.
            observe = RPC_SECONDS.labels(method.path[1:], code.name).observe
            self._observers[key] = observe
        observe(self.now() - started)


class Call:
    """One call, from the arrival of its metadata to its status.

    Any exception in the block leaves it as CallAborted, except those that `outcome` does not map: a
    cancellation, and a status that was set before.
    """

    __slots__ = (
        "_current",
        "_frame",
        "_method",
        "_span",
        "_started",
        "_system",
        "_trace",
        "_traceparent",
    )

    def __init__(
        self, frame: Frame, method: MethodInfo, traceparent: str, *, system: str = GRPC
    ) -> None:
        """Begin measuring; the trace continues that of the caller, if there is one."""
        self._current: trace.Span = trace.INVALID_SPAN
        self._frame = frame
        self._system = system
        self._method = method
        self._traceparent = traceparent
        self._trace: AbstractContextManager[Any] = _NOTHING
        self._span: AbstractContextManager[Any] = _NOTHING
        self._started = frame.now()

    def outcome(self, error: BaseException | None) -> Outcome:
        """Return the status of the call for the metric, and the answer for the caller.

        Runs before the span is left, so that a failure is logged with its id.
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        if self._traceparent:
            self._trace = telemetry.extracted(self._traceparent)
            self._trace.__enter__()
            # A stream may live for hours and does not need it any more.
            self._traceparent = ""
        if not (self._method.client_streaming or self._method.server_streaming):
            # Nor does a stream get a span of its own.
            self._span = server_span(self._method.path, system=self._system)
            self._current = self._span.__enter__()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        code, answer = self.outcome(error)
        self._frame.observe(self._method, code, started=self._started)
        served(self._current, code)
        self._span.__exit__(error_type, error, traceback)
        self._trace.__exit__(error_type, error, traceback)
        if answer is not None:
            raise CallAborted(answer) from None


CallT = TypeVar("CallT", bound=Call)
AdmittedT = TypeVar("AdmittedT")


def framed(
    begin: Callable[[Context], CallT],
    *,
    admit: Callable[[CallT, Context], Awaitable[AdmittedT]],
    behaviour: Callable[[Any, Context, AdmittedT], Awaitable[Any]],
) -> Served:
    """Return the handler of a method for gRPC.

    Args:
        begin: makes the call when its metadata has arrived.
        admit: the admission hook: admits the caller, or raises a refusal.
        behaviour: carries the method out; also gets the result of `admit`.
    """

    async def serve(request: Any, context: Context) -> Any:
        try:
            with begin(context) as call:
                return await behaviour(request, context, await admit(call, context))
        except CallAborted as ended:
            answer = ended.answer
        await context.abort(answer.code, answer.text, answer.trailing)
        return None

    return serve


def late(*, domain: str) -> Answer:
    """Return the answer of a call whose deadline has passed."""
    return failure(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        reason="DEADLINE_EXCEEDED",
        domain=domain,
        text="It took too long; look whether it happened, then try again.",
        metadata={},
    )


def unexpected(error: Exception, *, method: MethodInfo, domain: str) -> Answer:
    """Log an exception once and answer only where to find it."""
    current = trace.get_current_span().get_span_context()
    reference = trace.format_trace_id(current.trace_id) if current.is_valid else token_hex(16)
    log.error("rpc.failed", method=method.path[1:], reference=reference, exc_info=error)
    return failure(
        grpc.StatusCode.INTERNAL,
        reason="INTERNAL",
        domain=domain,
        text=f"Something went wrong on our side; it is logged under {reference}.",
        metadata={"reference": reference},
    )
