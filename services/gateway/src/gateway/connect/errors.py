"""Statuses as the Connect protocol writes them."""

import base64
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError, ErrorDetail
from google.protobuf import json_format
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped]  # ships no stubs
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no stubs
from plexuskit.grpc.status import Answer
from plexuskit.timestamps import timedelta_of
from protobuf import message_from_json_value
from protobuf.wkt import Any as AnyMessage
from protobuf.wkt import Struct

_DETAILS: Final = "grpc-status-details-bin"
# The two differ in the spelling of one word.
_CODES: Final[Mapping[grpc.StatusCode, Code]] = {
    code: Code.CANCELED if code is grpc.StatusCode.CANCELLED else Code[code.name]
    for code in grpc.StatusCode
    if code is not grpc.StatusCode.OK
}


class ReadableDetail(ErrorDetail):
    """A detail with its JSON form, which the protocol sends as `debug` beside the bytes.

    The library makes the form of messages of its own runtime alone; those here are of another one.
    """

    def __init__(self, packed: AnyMessage, form: Mapping[str, Any]) -> None:
        super().__init__(packed)
        self.form = form

    def value(self, desc_or_registry: Any = None) -> Any:
        """Return the message of a descriptor; without one the JSON form."""
        if desc_or_registry is not None:
            return super().value(desc_or_registry)
        return message_from_json_value(Struct, dict(self.form))


def error_of(answer: Answer) -> ConnectError:
    """Return the error of an answer, with the same code, text and details."""
    details = [_readable(detail) for detail in _details(answer)]
    return ConnectError(_CODES[answer.code], answer.text, details)


def json_of(answer: Answer) -> bytes:
    """Return the JSON body of an answer, for errors that come before the protocol."""
    error = error_of(answer)
    details = [
        {
            "type": detail.type_name,
            "value": base64.b64encode(detail.message_bytes).decode().rstrip("="),
            **({"debug": detail.form} if isinstance(detail, ReadableDetail) else {}),
        }
        for detail in error.details
    ]
    body = {"code": error.code.value, "message": error.message, "details": details}
    return json.dumps(body, ensure_ascii=False).encode()


def retry_after(answer: Answer) -> str:
    """Return the whole seconds of a `Retry-After` header (RFC 9110); empty without one."""
    retry = RetryInfo()
    for detail in _details(answer):
        if detail.Unpack(retry):
            return str(math.ceil(timedelta_of(retry.retry_delay).total_seconds()))
    return ""


def reason_of(answer: Answer) -> str:
    """Return the reason of a response, for example `TOKEN_MISSING`; empty without one."""
    info = ErrorInfo()
    for detail in _details(answer):
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def _readable(detail: Any) -> ErrorDetail:
    packed = AnyMessage(type_url=detail.type_url, value=detail.value)
    try:
        form = json_format.MessageToDict(detail)
    except (TypeError, ValueError):
        # An owner may use a type that this gateway does not have: its bytes are forwarded anyway.
        return ErrorDetail(packed)
    form.pop("@type", None)
    return ReadableDetail(packed, form)


def _details(answer: Answer) -> Iterator[Any]:
    for key, value in answer.trailing:
        if key == _DETAILS and isinstance(value, bytes):
            yield from Status.FromString(value).details
