"""The frame of the gateway's calls, over gRPC and HTTP: tokens, limits, owners' answers."""

from base64 import b64decode
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.grpc import MethodInfo, tracing
from plexuskit.grpc import frame as kit
from plexuskit.grpc.frame import SUCCEEDED, CallAborted, Context, Frame, Outcome, Served, framed
from plexuskit.grpc.options import MAX_MESSAGE_BYTES

from gateway.access.decision_log import REASON_BYTES_KEY, REASON_KEY
from gateway.admission import AUTHORIZATION, Admission, bearer
from gateway.answers import MessageTooLarge, answered
from gateway.identity import Identity, TokenInvalid, TokenMissing
from gateway.limits import FORWARDED_FOR, Attempt, Leave, Limits, TooManyHeaders
from gateway.proxy.refusals import HeaderUnreadable
from gateway.sizes import max_request_bytes

Behaviour = Callable[[Any, Context, Identity | None], Awaitable[Any]]
Metadata = Collection[tuple[str, Any]]

# Clients send about ten, and their bytes are limited too (`grpc.max_metadata_size`).
MAX_HEADERS: Final = 64


class Calls(Frame):
    """Wraps methods with the steps before and after every call."""

    def __init__(self, admission: Admission, *, limits: Limits, clock: Clock) -> None:
        """Set up the parts shared by all methods.

        Args:
            admission: admits callers.
            limits: rates and bounds of callers.
            clock: measures how long calls take.
        """
        super().__init__(clock=clock)
        self.admission = admission
        self.limits = limits

    def call(
        self, method: MethodInfo, metadata: Metadata, *, system: str = tracing.CONNECT
    ) -> "Call":
        """Begin a call; any exception in the block leaves it as CallAborted.

        Args:
            method: the method called.
            metadata: the caller's, or its HTTP headers, with lower-case names.
            system: protocol of the call, for its span.
        """
        return Call(self, method, metadata, system=system)

    @contextmanager
    def refusing(self, method: MethodInfo) -> Iterator[None]:
        """Convert an error before the call's start to a status, and count it; None for success."""
        started = self.now()
        try:
            yield
        except Exception as error:
            answer = answered(error, method=method)
            if answer is None:
                raise
            self.observe(method, answer.code, started=started)
            raise CallAborted(answer) from None

    def wrapped(self, method: MethodInfo, behaviour: Behaviour) -> Served:
        """Return the handler of a method for gRPC; `behaviour` also gets the caller."""

        def begin(context: Context) -> Call:
            return Call(self, method, context.invocation_metadata() or ())

        return framed(begin, admit=_identified, behaviour=_measured(method, behaviour))


class Call(kit.Call):
    """One call of a client: the holder of its token, and its limits."""

    __slots__ = ("_attempt", "_leave", "_metadata")

    _frame: Calls

    def __init__(
        self,
        calls: Calls,
        method: MethodInfo,
        metadata: Metadata,
        *,
        system: str = tracing.GRPC,
    ) -> None:
        traceparent = _values(metadata, telemetry.TRACEPARENT)
        super().__init__(calls, method, traceparent[0] if traceparent else "", system=system)
        self._metadata = metadata
        self._leave: Leave | None = None
        self._attempt: Attempt | None = None

    async def identify(self, peer: Callable[[], str]) -> Identity | None:
        """Return the caller, once one more call of theirs is within the limits (GW-6).

        Args:
            peer: returns the caller's network address, with or without a port.

        Raises TooManyHeaders, HeaderUnreadable; refusals as for `Authenticator.verify`,
        `Admission.admit`, `Limits.rate` and `Limits.enter`.
        """
        method, calls = self._method, self._frame
        limits, reason = calls.limits, self._reason()
        token, identity = self._shown(peer)
        if not method.requirement.public:
            if identity is None:
                identity = await self._verified(token, peer)
            # Before the permission: a refusal costs too, and is recorded for ever.
            limits.rate(method, identity)
        # A stream may live for hours, and ten thousand tokens are ten megabytes.
        self._metadata = ()
        self._leave = limits.enter(method, identity)
        if identity is not None:
            identity = await calls.admission.admit(method, identity, reason=reason)
        return identity

    async def authenticate(self, peer: Callable[[], str]) -> Identity | None:
        """Return the holder of the call's token, without further checks; None for a public method.

        Refusals as for `Authenticator.verify`, RateLimited and TooManyHeaders.
        """
        token, identity = self._shown(peer)
        if identity is None and not self._method.requirement.public:
            identity = await self._verified(token, peer)
        return identity

    def _shown(self, peer: Callable[[], str]) -> tuple[str, Identity | None]:
        """Return the token of the call, and its holder if already known.

        Nearly every token was seen before, and then nothing has to be awaited. A caller who is not
        known takes a token of their network, which comes back when they are, or when a public call
        succeeds (GW-13).
        """
        if len(self._metadata) > MAX_HEADERS:
            raise TooManyHeaders(most=MAX_HEADERS)
        if self._method.requirement.public:
            self._count(peer)
            return "", None
        try:
            token = bearer(_values(self._metadata, AUTHORIZATION))
            return token, self._frame.admission.authenticator.known(token)
        except (TokenInvalid, TokenMissing):
            self._count(peer)
            raise

    async def _verified(self, token: str, peer: Callable[[], str]) -> Identity:
        self._count(peer)
        identity = await self._frame.admission.authenticator.verify(token)
        if self._attempt is not None:
            self._attempt.succeeded(self._method)
            self._attempt = None
        return identity

    def _count(self, peer: Callable[[], str]) -> None:
        limits = self._frame.limits
        forwarded = _values(self._metadata, FORWARDED_FOR) if limits.networks else ()
        self._attempt = limits.stranger(peer(), forwarded)

    def outcome(self, error: BaseException | None) -> Outcome:
        """Return the outcome of the call, after releasing its limits."""
        if self._leave is not None:
            self._leave()
        outcome = SUCCEEDED if error is None else self._failed(error)
        if self._attempt is not None and outcome[0] in _NOT_THE_CALLERS:
            self._attempt.succeeded(self._method)
        return outcome

    def _failed(self, error: BaseException) -> Outcome:
        answer = None if isinstance(error, _OUTSIDE) else answered(error, method=self._method)
        return (answer.code if answer else grpc.StatusCode.CANCELLED), answer

    def _reason(self) -> str:
        """Return the caller's reason; from `-bin` for text outside ASCII.

        gRPC hands over the bytes of a binary header, HTTP their base64. Raises HeaderUnreadable.
        """
        for name, value in self._metadata:
            if name == REASON_KEY:
                return str(value)
            if name == REASON_BYTES_KEY:
                return _text_of(value)
        return ""


def _identified(call: Call, context: Context) -> Awaitable[Identity | None]:
    return call.identify(context.peer)


def _measured(method: MethodInfo, behaviour: Behaviour) -> Behaviour:
    """Refuse a request that is too large for its method, once its caller is known.

    Streams, and messages that were decoded, were measured where they came in.
    """
    if method.client_streaming:
        return behaviour
    maximum = max_request_bytes(method, maximum=MAX_MESSAGE_BYTES)

    def measured(request: Any, context: Context, identity: Identity | None) -> Awaitable[Any]:
        if request.__class__ is bytes and len(request) > maximum:
            raise MessageTooLarge(most=maximum)
        return behaviour(request, context, identity)

    return measured


def _values(metadata: Metadata, key: str) -> list[str]:
    return [str(value) for name, value in metadata if name == key]


def _text_of(value: str | bytes) -> str:
    """Read the text of a binary header; padding may be left out (as gRPC writes them)."""
    try:
        if isinstance(value, str):
            value = b64decode(value.strip() + "=" * (-len(value.strip()) % 4), validate=True)
        return value.decode()
    except ValueError:
        raise HeaderUnreadable(header=REASON_BYTES_KEY) from None


# Failures not caused by an unknown caller: they cost the caller's network nothing.
_NOT_THE_CALLERS: Final = frozenset({grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE})
# The status was sent before, or the caller has disconnected.
_OUTSIDE: Final = (grpc.aio.AbortError, GeneratorExit)
