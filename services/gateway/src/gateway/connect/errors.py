"""Statuses as the Connect protocol writes them."""

from collections.abc import Mapping
from typing import Final

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no stubs
from plexuskit.grpc.status import Answer
from protobuf.wkt import Any

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
        ErrorDetail(Any(type_url=detail.type_url, value=detail.value))
        for key, value in answer.trailing
        if key == _DETAILS and isinstance(value, bytes)
        for detail in Status.FromString(value).details
    ]
    return ConnectError(_CODES[answer.code], answer.text, details)
