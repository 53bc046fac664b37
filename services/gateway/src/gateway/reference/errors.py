"""Errors of calls: those that the gateway gives, and those that the contract names for a method.

Reasons, codes and texts come from the classes of refusals; of other services from a file that is
generated from theirs. The reasons of a method are those that its comment names, and those that
follow from its requirement and its request.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import grpc
from google.protobuf.descriptor import Descriptor
from plexus.authz.v1.options_pb2 import Requirement
from plexus.columns.v1 import columns_pb2
from plexus_access.columns import relation_of
from plexus_access.refusals import (
    AccessNotCurrent,
    AccountInactive,
    FieldMasked,
    ModuleOff,
    PermissionMissing,
    PersonNotFound,
    PolicyForbids,
)
from plexuskit.bounds import FieldOutOfRange
from plexuskit.errors import (
    DependencyDown,
    DocumentRefused,
    InvalidArgument,
    Refusal,
    VersionConflict,
)
from plexuskit.grpc.status import CODES
from plexuskit.paging import InvalidPageToken
from plexuskit.request_ids import RequestIdReused

from gateway.access.decision_log import NotRecorded
from gateway.access.refusals import ReasonRequired
from gateway.answers import MessageTooLarge, OwnerUnreachable
from gateway.connect.bodies import TooManyBodies
from gateway.connect.content_types import ContentTypeNotAccepted
from gateway.connect.json import TooManyValues
from gateway.connect.json_faults import EnumValueUnknown, FieldUnknown, JsonUnreadable
from gateway.identity.refusals import SessionEnded, TokenExpired, TokenInvalid, TokenMissing
from gateway.limits.refusals import RateLimited, TooManyCalls, TooManyHeaders, TooManyStreams
from gateway.live import refusals as live_refusals
from gateway.proxy.refusals import HeaderUnreadable, RequestUnreadable
from gateway.reference.contract import Method, messages_below

GATEWAY: Final = "gateway"

# The codes of the Connect protocol, https://connectrpc.com/docs/protocol/#error-codes.
HTTP: Final[Mapping[grpc.StatusCode, int]] = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}

_WORD: Final = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b")


@dataclass(frozen=True, slots=True)
class Error:
    """An error of a call.

    Attributes:
        reason: `reason` of its `google.rpc.ErrorInfo`.
        code: gRPC status code.
        text: sentence for a person; names in braces stand for metadata.
        domain: service that gives it, as `plexus.<service>` in its `ErrorInfo`.
    """

    reason: str
    code: grpc.StatusCode
    text: str
    domain: str

    @property
    def http(self) -> int:
        """HTTP status of the Connect protocol."""
        return HTTP[self.code]

    @property
    def connect(self) -> str:
        """`code` of a Connect error, for example `not_found`."""
        return "canceled" if self.code is grpc.StatusCode.CANCELLED else self.code.name.lower()

    @property
    def anchor(self) -> str:
        """Fragment of its entry on the page of errors."""
        return f"{self.domain}-{self.reason}"


def _of_class(refusal: type[Refusal], *, domain: str = "") -> Error:
    return Error(refusal.reason, CODES[refusal.kind], refusal.text, domain)


def _of_classes(*refusals: type[Refusal]) -> tuple[Error, ...]:
    return tuple(_of_class(refusal) for refusal in refusals)


EVERY_CALL: Final = (
    *_of_classes(
        FieldOutOfRange,
        JsonUnreadable,
        FieldUnknown,
        EnumValueUnknown,
        ContentTypeNotAccepted,
        RequestUnreadable,
        TooManyValues,
        MessageTooLarge,
        TooManyHeaders,
        RateLimited,
        OwnerUnreachable,
    ),
    Error(
        "DEADLINE_EXCEEDED",
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "The call took longer than its deadline. It may have been executed; repeat it with the"
        " same request id.",
        "",
    ),
    Error(
        "INTERNAL",
        grpc.StatusCode.INTERNAL,
        "Unexpected failure, logged under {reference}.",
        "",
    ),
)
"""Errors of every method."""

WITH_TOKEN: Final = _of_classes(
    TokenMissing,
    TokenInvalid,
    TokenExpired,
    SessionEnded,
    PermissionMissing,
    ModuleOff,
    PolicyForbids,
    AccountInactive,
    AccessNotCurrent,
    TooManyCalls,
    TooManyBodies,
    HeaderUnreadable,
)
"""Further errors of every method that requires a token."""

SHARED: Final = _of_classes(
    InvalidArgument,
    InvalidPageToken,
    RequestIdReused,
    VersionConflict,
    DependencyDown,
    DocumentRefused,
    FieldMasked,
    ReasonRequired,
    NotRecorded,
    PersonNotFound,
    TooManyStreams,
)
"""Errors with one meaning in all services, of the methods that name them."""


class Errors:
    """The errors of each service and of each method."""

    def __init__(self) -> None:
        """Read the refusals of the services."""
        text = files("plexus").joinpath("refusals.json").read_text(encoding="utf-8")
        self.of_service: Mapping[str, Mapping[str, Error]] = {
            GATEWAY: {each.reason: each for each in _of_streams()},
            **{
                service: {
                    reason: Error(reason, grpc.StatusCode[each["code"]], each["text"], service)
                    for reason, each in reasons.items()
                }
                for service, reasons in json.loads(text).items()
            },
        }
        self._shared = {each.reason: each for each in (*EVERY_CALL, *WITH_TOKEN, *SHARED)}

    def of(self, method: Method) -> tuple[Error, ...]:
        """Return the errors of a method besides those of every call, each once."""
        service = method.info.service
        reasons = dict.fromkeys([*_derived(method), *self.named(method)])
        found = (self.find(reason, service=service) for reason in reasons)
        return tuple(error for error in found if error is not None)

    def find(self, reason: str, *, service: str) -> Error | None:
        """Return the error of a service with a reason; None if neither it nor all have one."""
        own = self.of_service.get(service, {})
        return own.get(reason) or self._shared.get(reason)

    def named(self, method: Method) -> Iterator[str]:
        """Yield the reasons that the comment of a method names."""
        return (match[0] for match in _WORD.finditer(method.comment))


def _derived(method: Method) -> Iterator[str]:
    """Yield the reasons that follow from the requirement and the request of a method."""
    required = method.info.requirement
    if required.resource:
        yield from (f"{kind.upper()}_NOT_FOUND" for kind in _kinds(required))
    fields = method.request.fields_by_name
    if "request_id" in fields:
        yield RequestIdReused.reason
    if "expected_version" in fields:
        yield VersionConflict.reason
    if "page_token" in fields:
        yield InvalidPageToken.reason
    if not required.public and any(_has_columns(each) for each in messages_below(method.request)):
        yield FieldMasked.reason
    if required.needs_reason:
        yield ReasonRequired.reason
    if required.effect == Requirement.EFFECT_PRIVILEGED_READ:
        yield NotRecorded.reason
    if method.is_stream:
        yield TooManyStreams.reason
    if method.info.service == GATEWAY and method.info.client_streaming:
        yield from (each.reason for each in _of_streams())


def _kinds(required: Requirement) -> Iterable[str]:
    return dict.fromkeys([required.resource, *(need.resource for need in required.also)])


def _has_columns(message: Descriptor) -> bool:
    relation = relation_of(message)
    return bool(relation.of or relation.touches) or any(
        field.GetOptions().Extensions[columns_pb2.carries] for field in message.fields
    )


def _of_streams() -> Iterator[Error]:
    """Yield the errors of client streams, which the gateway serves itself."""
    for value in vars(live_refusals).values():
        refusal: Any = value
        own = isinstance(value, type) and value.__module__ == live_refusals.__name__
        if own and issubclass(refusal, Refusal):
            yield _of_class(refusal, domain=GATEWAY)
