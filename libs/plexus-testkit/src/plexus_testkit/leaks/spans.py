"""An OTLP receiver that keeps every span it gets, as the bytes that came."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1 import trace_pb2


class Told(NamedTuple):
    """Span, and the name of the process that reported it."""

    service: str
    span: trace_pb2.Span


class Spans(TraceServiceServicer):
    """Collector of the processes' spans."""

    def __init__(self) -> None:
        self.address = ""
        self._lock = threading.Lock()
        self._received: list[bytes] = []

    def Export(  # noqa: N802 - the contract
        self, request: ExportTraceServiceRequest, _: object
    ) -> ExportTraceServiceResponse:
        """Keep the export; names and attributes are in it unchanged, in UTF-8."""
        with self._lock:
            self._received.append(request.SerializeToString())
        return ExportTraceServiceResponse()

    @property
    def content(self) -> bytes:
        """Everything that came, one request after the other."""
        with self._lock:
            return b"\n".join(self._received)

    def of(self, trace_id: str) -> list[Told]:
        """Return the spans of a trace, and those of other traces that link to it.

        Args:
            trace_id: 32 hexadecimal digits.
        """
        wanted = bytes.fromhex(trace_id)
        with self._lock:
            received = list(self._received)
        return [
            told
            for content in received
            for told in _spans_of(ExportTraceServiceRequest.FromString(content))
            if told.span.trace_id == wanted
            or any(link.trace_id == wanted for link in told.span.links)
        ]


def _spans_of(request: ExportTraceServiceRequest) -> Iterator[Told]:
    for resource in request.resource_spans:
        names = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Told(names["service.name"], span)


@contextmanager
def receiving() -> Iterator[Spans]:
    """Receive spans at `address`, a URL, until the block ends."""
    spans = Spans()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(spans, server)  # type: ignore[no-untyped-call] # generated
    spans.address = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield spans
    finally:
        server.stop(grace=None).wait()
