"""Refusals: the only kind of exception that the SDK raises."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # ships no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no stubs

_DETAILS: Final = "grpc-status-details-bin"
_NO_METADATA: Final[Mapping[str, str]] = MappingProxyType({})
_DetailT = TypeVar("_DetailT", bound=Message)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """A request that was not carried out.

    `str(refused)` is one sentence for a user, in the words of the service, with the time of the
    next attempt if that is known. It is readable even for a `reason` that this version does not
    know.

    Attributes:
        reason: stable name in UPPER_SNAKE, for example `CONVERSATION_ARCHIVED`; empty if neither
            Plexus nor the SDK has a name for it.
        code: gRPC status of the answer; None for a refusal of the SDK itself.
        domain: `plexus.<service>` of the service that refused; empty for the SDK itself.
        metadata: short values such as ids and limits, by name.
        retry_after: the wait after which the same request can succeed; None if that is unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: grpc.StatusCode | None = None,
        domain: str = "",
        metadata: Mapping[str, str] = _NO_METADATA,
        retry_after: timedelta | None = None,
    ) -> None:
        if retry_after is not None:
            message += f" Try again in {math.ceil(retry_after.total_seconds())} s."
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.domain = domain
        self.metadata = MappingProxyType(dict(metadata))
        self.retry_after = retry_after


class Unreachable(Refused):
    """Plexus cannot be reached, or has not answered within the deadline.

    A request may have been carried out nevertheless; repeat it with the same request id.
    """


class SignedOut(Refused):
    """The caller is not signed in, or the session or token has ended: sign in again."""


class NameNotFound(Refused):
    """No person or conversation has this name, or the caller may not see it."""


class NameAmbiguous(Refused):
    """Several objects have this name; `candidates` are their ids."""

    def __init__(
        self,
        message: str,
        *,
        candidates: Sequence[str],
        metadata: Mapping[str, str] = _NO_METADATA,
    ) -> None:
        super().__init__(message, reason="NAME_AMBIGUOUS", metadata=metadata)
        self.candidates = tuple(candidates)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise Refused in place of gRPC's own exception for the duration of the block."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise refusal_of(error) from error


def refusal_of(error: grpc.aio.AioRpcError) -> Refused:
    """Return the refusal that a call has ended with.

    A response without details, from a proxy or from the channel itself, has the name of its status
    as reason.
    """
    code, text = error.code(), error.details() or ""
    if code is grpc.StatusCode.UNAVAILABLE and not error.trailing_metadata():
        return Unreachable(
            f"Plexus cannot be reached ({text}). Is it running?",
            reason="UNREACHABLE",
            code=code,
            metadata={"cause": text},
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Unreachable(
            "Plexus did not answer in time; try again.", reason="DEADLINE_EXCEEDED", code=code
        )
    status = _details(error)
    info = _unpacked(status, error_details_pb2.ErrorInfo())
    retry = _unpacked(status, error_details_pb2.RetryInfo())
    kind = SignedOut if code is grpc.StatusCode.UNAUTHENTICATED else Refused
    return kind(
        text,
        reason=(info.reason if info else "") or code.name,
        code=code,
        domain=info.domain if info else "",
        metadata=dict(info.metadata) if info else {},
        retry_after=retry.retry_delay.ToTimedelta() if retry else None,
    )


def _details(error: grpc.aio.AioRpcError) -> Status | None:
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS and isinstance(value, bytes):
            try:
                status = Status.FromString(value)
            except DecodeError:
                return None
            # A proxy may have rewritten the status; the rewritten one counts.
            return status if status.code == error.code().value[0] else None
    return None


def _unpacked(status: Status | None, into: _DetailT) -> _DetailT | None:
    for packed in status.details if status else ():
        if packed.Unpack(into):
            return into
    return None
