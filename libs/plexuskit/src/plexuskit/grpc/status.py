"""The one table between refusals and gRPC statuses, in both directions.

A refusal travels as `google.rpc.Status` in the trailing metadata: an `ErrorInfo` with its reason,
domain and metadata, a `BadRequest` for an invalid field, a `RetryInfo` when the caller may try
again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # ships no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no stubs
from grpc_status import rpc_status

from plexuskit.errors import DependencyDown, InvalidArgument, Kind, Refusal
from plexuskit.timestamps import duration, timedelta_of

CODES: Mapping[Kind, grpc.StatusCode] = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.ALREADY_EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.FAILED_PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.CONFLICT: grpc.StatusCode.ABORTED,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.OUT_OF_RANGE: grpc.StatusCode.OUT_OF_RANGE,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Kind.INTERNAL: grpc.StatusCode.INTERNAL,
}
KINDS: Mapping[grpc.StatusCode, Kind] = {
    code: kind for kind, code in CODES.items() if kind is not Kind.INTERNAL
}

# Statuses that carry no information about the request, only that no response came.
ABSENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    },
)

# Refusals of the caller, by which a service rejects our own context or certificate.
OUR_CALLER = ("CALLER_CONTEXT_", "CALLER_NOT_ALLOWED")

# Trailing metadata is one HTTP/2 header block that peers and proxies limit (8 KiB by default).
MAX_TEXT = 300
MAX_VALUE = 200

_Detail = TypeVar("_Detail", bound=Message)


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as it leaves a server: the arguments of `ServicerContext.abort`."""

    code: grpc.StatusCode
    text: str
    trailing: tuple[tuple[str, str | bytes], ...]


class RemoteRefusal(Refusal):
    """Refusal of another service, with the kind, reason and metadata of its response.

    `code` and `domain` are the response's, so that it can be passed on unchanged. A status without
    a kind (INTERNAL, UNKNOWN, …) has the kind UNAVAILABLE and keeps its code.
    """

    kind = Kind.UNAVAILABLE
    reason = "REMOTE_REFUSAL"

    def __init__(
        self,
        *,
        code: grpc.StatusCode,
        reason: str,
        domain: str,
        text: str,
        metadata: Mapping[str, str],
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(retry_after=retry_after)
        # Not passed on as keywords: the other side chose the names.
        self.metadata = MappingProxyType(dict(metadata))
        self.code = code
        self.domain = domain
        self._text = text
        # Declared per class for refusals of our own; here the other side chose them.
        self.kind = KINDS.get(code, Kind.UNAVAILABLE)  # type: ignore[misc]  # dynamic by design
        self.reason = reason  # type: ignore[misc]  # dynamic by design

    def message(self) -> str:
        """Return the sentence for a person, as the other service wrote it."""
        return self._text


class RemoteFailure(Exception):  # noqa: N818 - named after the fact that prevents
    """Another service failed unexpectedly (INTERNAL, UNKNOWN, UNIMPLEMENTED, DATA_LOSS).

    Not a refusal: the calling operation fails unexpectedly too. `refusal` has the code, reason, and
    the reference to find it in the other service's log.
    """

    def __init__(self, refusal: RemoteRefusal) -> None:
        super().__init__(f"{refusal.code.name} {refusal} {dict(refusal.metadata)}")
        self.refusal = refusal


def answer(refusal: Refusal, *, domain: str) -> Answer:
    """Return a server's answer for a refusal.

    Args:
        refusal: the refusal; a RemoteRefusal keeps its original code and domain.
        domain: `plexus.<service>` of the service that refuses.
    """
    code = CODES[refusal.kind]
    if isinstance(refusal, RemoteRefusal):
        code, domain = refusal.code, refusal.domain or domain

    details: list[Message] = [_error_info(refusal.reason, domain, refusal.metadata)]
    if isinstance(refusal, InvalidArgument):
        details.append(_bad_request(refusal.metadata))
    if refusal.retry_after is not None:
        retry_delay = duration(refusal.retry_after)
        details.append(error_details_pb2.RetryInfo(retry_delay=retry_delay))
    return _pack(code, refusal.message(), details)


def failure(
    code: grpc.StatusCode,
    *,
    reason: str,
    domain: str,
    text: str,
    metadata: Mapping[str, str],
) -> Answer:
    """Return a server's answer for a failure: INTERNAL, DEADLINE_EXCEEDED."""
    return _pack(code, text, [_error_info(reason, domain, metadata)])


def refused(error: grpc.aio.AioRpcError) -> RemoteRefusal:
    """Return the refusal that another service answered with.

    An answer without details (from a proxy, or the channel itself) has the name of its code as
    reason.
    """
    status = _details(error)
    info = _unpacked(status, error_details_pb2.ErrorInfo())
    retry = _unpacked(status, error_details_pb2.RetryInfo())
    return RemoteRefusal(
        code=error.code(),
        reason=(info.reason if info else "") or error.code().name,
        domain=info.domain if info else "",
        text=error.details() or "",
        metadata=dict(info.metadata) if info else {},
        retry_after=timedelta_of(retry.retry_delay) if retry else None,
    )


def translated(error: grpc.aio.AioRpcError, *, dependency: str) -> Exception:
    """Return the exception for the error of a service's own call to another one.

    No answer (UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED) is DependencyDown, and so is a refused
    caller context of our own making: neither is a fault of the request. A refusal is RemoteRefusal;
    an unexpected failure over there is RemoteFailure.

    Args:
        error: the error of the call.
        dependency: name of the service that was called.
    """
    refusal = refused(error)
    if error.code() in ABSENT or refusal.reason.startswith(OUR_CALLER):
        return DependencyDown(
            retry_after=refusal.retry_after,
            dependency=dependency,
            cause=refusal.reason,
        )
    if error.code() in KINDS:
        return refusal
    return RemoteFailure(refusal)


def _error_info(
    reason: str,
    domain: str,
    metadata: Mapping[str, str],
) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(
        reason=reason,
        domain=domain,
        metadata={key: _cut(value, MAX_VALUE) for key, value in metadata.items()},
    )


def _bad_request(metadata: Mapping[str, str]) -> error_details_pb2.BadRequest:
    violation = error_details_pb2.BadRequest.FieldViolation(
        field=metadata.get("field", ""),
        description=_cut(metadata.get("problem", ""), MAX_VALUE),
    )
    return error_details_pb2.BadRequest(field_violations=[violation])


def _pack(code: grpc.StatusCode, text: str, details: Sequence[Message]) -> Answer:
    status = Status(code=code.value[0], message=_cut(text, MAX_TEXT))
    for detail in details:
        # The same refusal has the same bytes, in any order of its metadata (GW-2).
        status.details.add().Pack(detail, deterministic=True)
    packed = rpc_status.to_status(status)
    return Answer(code=code, text=status.message, trailing=tuple(packed.trailing_metadata))


def _details(error: grpc.aio.AioRpcError) -> Status | None:
    try:
        status: Status | None = rpc_status.from_call(error)
    except ValueError:  # a proxy on the way rewrote the code or the text: its answer counts
        return None
    return status


def _unpacked(status: Status | None, into: _Detail) -> _Detail | None:
    for packed in status.details if status else ():
        if packed.Unpack(into):
            return into
    return None


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
