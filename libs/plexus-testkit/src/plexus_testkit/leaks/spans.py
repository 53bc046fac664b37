"""An OTLP receiver that keeps every span it gets, as the bytes that came."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


class Spans(TraceServiceServicer):
    """What processes have told of what they did."""

    def __init__(self) -> None:
        self.address = ""
        self._lock = threading.Lock()
        self._received: list[bytes] = []

    def Export(  # noqa: N802 - the contract
        self, request: ExportTraceServiceRequest, _: object
    ) -> ExportTraceServiceResponse:
        """Keep what comes; names and attributes stand in it as they are, in UTF-8."""
        with self._lock:
            self._received.append(request.SerializeToString())
        return ExportTraceServiceResponse()

    @property
    def content(self) -> bytes:
        """Everything that came, one request after the other."""
        with self._lock:
            return b"\n".join(self._received)


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
