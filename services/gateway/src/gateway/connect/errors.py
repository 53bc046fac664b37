"""Statuses as the Connect protocol writes them."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped]  # ships no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no stubs
from plexuskit.grpc.status import Answer
from plexuskit.timestamps import timedelta_of
from protobuf.wkt import Any as AnyMessage

_DETAILS: Final = "grpc-status-details-bin"
# The two differ in the spelling of one word.
_CODES: Final[Mapping[grpc.StatusCode, Code]] = {
    code: Code.CANCELED if code is grpc.StatusCode.CANCELLED else Code[code.name]
    for code in grpc.StatusCode
    if code is not grpc.StatusCode.OK
}


def error_of(answer: Answer) -> ConnectError:
    """Return the error of an answer, with the same code, text and details."""
    details = [
        ErrorDetail(AnyMessage(type_url=detail.type_url, value=detail.value))
        for detail in _details(answer)
    ]
    return ConnectError(_CODES[answer.code], answer.text, details)


def retry_after(answer: Answer) -> str:
    """Return the whole seconds of a `Retry-After` header (RFC 9110); empty where there is none."""
    retry = RetryInfo()
    for detail in _details(answer):
        if detail.Unpack(retry):
            return str(math.ceil(timedelta_of(retry.retry_delay).total_seconds()))
    return ""


def reason_of(answer: Answer) -> str:
    """Return the reason of an answer, for example `TOKEN_MISSING`; empty where there is none."""
    info = ErrorInfo()
    for detail in _details(answer):
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def _details(answer: Answer) -> Iterator[Any]:
    for key, value in answer.trailing:
        if key == _DETAILS and isinstance(value, bytes):
            yield from Status.FromString(value).details
