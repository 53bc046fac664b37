"""Status of a failed call: owners' statuses unchanged, ours by name, without internal details."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import grpc
import structlog
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc import MethodInfo, refused
from plexuskit.grpc.frame import late, unexpected
from plexuskit.grpc.status import OUR_CALLER, Answer, answer, failure

from gateway.access import Hidden

DOMAIN: Final = "plexus.gateway"
_DETAILS: Final = "grpc-status-details-bin"
# Statuses with which gRPC itself reports that no response arrived, unlike an owner's status.
_ABSENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})

log = structlog.get_logger()


class OwnerUnreachable(Refusal):
    """The service that owns this did not answer."""

    kind = Kind.UNAVAILABLE
    text = "The part of Plexus that owns this cannot be reached now; try again in a moment."


class MessageTooLarge(Refusal):
    """A request or a response is larger than the gateway forwards."""

    kind = Kind.EXHAUSTED
    text = "The request or its answer is too large; ask for less at once."


def answered(error: BaseException, *, method: MethodInfo) -> Answer | None:
    """Return the status for the error that ended a call; None when the caller has disconnected.

    Refusals are named. An owner's status is passed on unchanged. Anything unexpected is INTERNAL,
    logged once with a reference, and the caller gets only the reference.

    Args:
        error: the error that ended the call.
        method: the method called.
    """
    if isinstance(error, Hidden):
        # In the owner's exact words (GW-2).
        return answer(error, domain=f"plexus.{method.service}")
    if isinstance(error, Refusal):
        return answer(error, domain=DOMAIN)
    if isinstance(error, grpc.aio.AioRpcError):
        return _of_owner(error, method=method)
    if not isinstance(error, Exception):
        return None
    return unexpected(error, method=method, domain=DOMAIN)


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
    return make() if make else unexpected(error, method=method, domain=DOMAIN)


def _blames_gateway(error: grpc.aio.AioRpcError) -> bool:
    return refused(error).reason.startswith(OUR_CALLER)


def _unreachable(method: MethodInfo) -> Answer:
    return answer(OwnerUnreachable(owner=method.service), domain=DOMAIN)


def _too_large() -> Answer:
    return answer(MessageTooLarge(), domain=DOMAIN)


def not_served() -> Answer:
    """Return the answer for a method that is not there, or not for clients."""
    return failure(
        grpc.StatusCode.UNIMPLEMENTED,
        reason="UNIMPLEMENTED",
        domain=DOMAIN,
        text="This Plexus does not serve that method. A method is called by POST at"
        " /PACKAGE.SERVICE/METHOD, without a slash at the end; /docs lists all of them.",
        metadata={},
    )


_BY_GRPC_ITSELF: Final[Mapping[grpc.StatusCode, Callable[[], Answer]]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: partial(late, domain=DOMAIN),
    grpc.StatusCode.RESOURCE_EXHAUSTED: _too_large,
    grpc.StatusCode.UNIMPLEMENTED: not_served,
}
