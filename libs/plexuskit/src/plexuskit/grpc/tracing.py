"""Spans of calls, with the attributes of the semantic conventions for gRPC (version 1.44.0)."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Final

import grpc
from opentelemetry.trace import Span

from plexuskit import telemetry
from plexuskit.telemetry import Attributes, SpanKind

GRPC: Final = "grpc"
CONNECT: Final = "connectrpc"

# Of a server; for a client every status but OK is an error.
_SERVER_ERRORS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


def server_span(path: str, *, system: str = GRPC) -> AbstractContextManager[Span]:
    """Open the span of a call that is served.

    Args:
        path: `/<service>/<method>`.
        system: GRPC, or CONNECT for calls over HTTP.
    """
    return telemetry.span(
        path[1:], kind=SpanKind.SERVER, attributes=attributes_of(path, system=system)
    )


def client_span(path: str, *, server: str) -> AbstractContextManager[Span]:
    """Open the span of a call to another service; outside of a sampled trace there is none.

    Args:
        path: `/<service>/<method>`.
        server: name of the service that is called.
    """
    return telemetry.span(
        path[1:], kind=SpanKind.CLIENT, attributes=attributes_of(path, server=server)
    )


@cache
def attributes_of(path: str, *, system: str = GRPC, server: str = "") -> Attributes:
    """Return the attributes that are known before a call begins."""
    attributes = {"rpc.system.name": system, "rpc.method": path[1:]}
    return {**attributes, "server.address": server} if server else attributes


def served(current: Span, code: grpc.StatusCode) -> None:
    """Record the outcome of a served call."""
    if current.is_recording():
        _ended(current, code, failed=code in _SERVER_ERRORS)


def answered(current: Span, code: grpc.StatusCode) -> None:
    """Record the outcome of a call to another service."""
    if current.is_recording():
        _ended(current, code, failed=code is not grpc.StatusCode.OK)


def _ended(current: Span, code: grpc.StatusCode, *, failed: bool) -> None:
    current.set_attribute("rpc.response.status_code", code.name)
    if failed:
        telemetry.failed(current, code.name)
