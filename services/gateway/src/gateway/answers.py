"""How a call that went wrong is answered: owners' answers unchanged, ours by name, no leaks."""

from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Final

import grpc
import structlog
from opentelemetry import trace
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo, refused
from plexuskit.grpc.status import OUR_CALLER, Answer, answer, failure

from gateway.access import Hidden

DOMAIN: Final = "plexus.gateway"
_DETAILS: Final = "grpc-status-details-bin"
# How gRPC itself reports that no answer came, as opposed to an owner that answers so.
_ABSENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

log = structlog.get_logger()


class OwnerUnreachable(Refusal):
    """The service that owns this did not answer."""

    kind = Kind.UNAVAILABLE
    text = "The part of Plexus that owns this cannot be reached now; try again in a moment."


class MessageTooLarge(Refusal):
    """A request or an answer is larger than what is passed on."""

    kind = Kind.EXHAUSTED
    text = "The request or its answer is too large; ask for less at once."


def answered(error: BaseException, *, method: MethodInfo) -> Answer | None:
    """Return the status for what a call ended with; None when the caller has gone away.

    Refusals are named. What an owner answered goes on unchanged. Anything unexpected is INTERNAL,
    logged once with a reference and answered with nothing but that.

    Args:
        error: what ended the call.
        method: what was called.
    """
    if isinstance(error, Hidden):
        # As its owner says it, word for word (GW-2).
        return answer(error, domain=f"plexus.{method.service}")
    if isinstance(error, Refusal):
        return answer(error, domain=DOMAIN)
    if isinstance(error, grpc.aio.AioRpcError):
        return _of_owner(error, method=method)
    if not isinstance(error, Exception):
        return None
    return _unexpected(error, method=method)


def _of_owner(error: grpc.aio.AioRpcError, *, method: MethodInfo) -> Answer:
    code = error.code()
    trailing = tuple((key, value) for key, value in error.trailing_metadata() or ())
    if any(key == _DETAILS for key, _ in trailing):
        if code is grpc.StatusCode.UNAUTHENTICATED and _blames_gateway(error):
            # The person's token is good: it is our context that the owner does not accept.
            log.error("caller.refused", owner=method.service, details=error.details())
            return _unreachable(method)
        return Answer(code=code, text=error.details() or "", trailing=trailing)
    if code in _ABSENT:
        return _unreachable(method)
    make = _BY_GRPC_ITSELF.get(code)
    return make() if make else _unexpected(error, method=method)


def _blames_gateway(error: grpc.aio.AioRpcError) -> bool:
    return refused(error).reason.startswith(OUR_CALLER)


def _unreachable(method: MethodInfo) -> Answer:
    return answer(OwnerUnreachable(owner=method.service), domain=DOMAIN)


def _late() -> Answer:
    return failure(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        reason="DEADLINE_EXCEEDED",
        domain=DOMAIN,
        text="It took too long; look whether it happened, then try again.",
        metadata={},
    )


def _too_large() -> Answer:
    return answer(MessageTooLarge(), domain=DOMAIN)


def _not_served() -> Answer:
    return failure(
        grpc.StatusCode.UNIMPLEMENTED,
        reason="UNIMPLEMENTED",
        domain=DOMAIN,
        text="This Plexus does not serve that method.",
        metadata={},
    )


_BY_GRPC_ITSELF: Final[Mapping[grpc.StatusCode, Callable[[], Answer]]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: _late,
    grpc.StatusCode.RESOURCE_EXHAUSTED: _too_large,
    grpc.StatusCode.UNIMPLEMENTED: _not_served,
}


def _unexpected(error: Exception, *, method: MethodInfo) -> Answer:
    current = trace.get_current_span().get_span_context()
    reference = trace.format_trace_id(current.trace_id) if current.is_valid else token_hex(16)
    log.error("rpc.failed", method=method.path[1:], reference=reference, exc_info=error)
    return failure(
        grpc.StatusCode.INTERNAL,
        reason="INTERNAL",
        domain=DOMAIN,
        text=f"Something went wrong on our side; it is logged under {reference}.",
        metadata={"reference": reference},
    )
