"""Spans of the frames of a stream of sends: one for all items of a frame, if it is sampled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import grpc
from opentelemetry.trace import Span
from plexus.messaging.v1.log_service_pb2 import AppendItem
from plexuskit import telemetry
from plexuskit.grpc import tracing
from plexuskit.telemetry import SpanKind

_APPEND: Final = "/plexus.messaging.v1.LogService/Append"
_ATTRIBUTES: Final = tracing.attributes_of(_APPEND, server="messaging")


@dataclass(slots=True, eq=False)
class _Frame:
    span: Span
    unanswered: int
    code: grpc.StatusCode = grpc.StatusCode.OK


class Frames:
    """The sampled frames that are on their way, from their writing to the last verdict."""

    def __init__(self) -> None:
        """Begin empty; items of frames that are not sampled are not included."""
        self._frames: dict[int, _Frame] = {}

    def write(self, items: Sequence[AppendItem]) -> None:
        """Begin the span of a frame and pass its context to the items, if it is sampled."""
        span = telemetry.started(
            _APPEND[1:],
            kind=SpanKind.CLIENT,
            attributes=_ATTRIBUTES,
            root=True,
        )
        if span is None:
            return
        span.set_attribute("plexus.items", len(items))
        frame = _Frame(span, unanswered=len(items))
        traceparent = telemetry.traceparent_of(span)
        for item in items:
            item.traceparent = traceparent
            self._frames[item.ref] = frame

    def answered(self, ref: int, code: grpc.StatusCode = grpc.StatusCode.OK) -> None:
        """Record an item's verdict; the last one of a frame ends its span."""
        if not self._frames:
            return
        frame = self._frames.pop(ref, None)
        if frame is None:
            return
        frame.unanswered -= 1
        if code is not grpc.StatusCode.OK:
            frame.code = code
        if not frame.unanswered:
            tracing.answered(frame.span, frame.code)
            frame.span.end()

    def lose(self) -> None:
        """End all spans: the stream has broken before the rest was answered."""
        for ref in list(self._frames):
            self.answered(ref, grpc.StatusCode.UNAVAILABLE)
