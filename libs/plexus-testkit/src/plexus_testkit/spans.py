"""Spans of the process under test, kept in memory."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext
from plexuskit import telemetry
from plexuskit.telemetry.spans import provider


class RecordedSpans:
    """Spans that have ended, in the order of their ends."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        """Set the exporter of the spans."""
        self._exporter = exporter

    def all(self) -> list[ReadableSpan]:
        """Return all of them."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Return those of a name."""
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        """Return the only span of a name."""
        (span,) = self.named(name)
        return span

    def clear(self) -> None:
        """Forget them."""
        self._exporter.clear()

    def text(self) -> str:
        """Return all names and attributes, to search them for forbidden content."""
        return "\n".join(span.to_json() for span in self.all())


@contextmanager
def recording(*, service: str = "test", sample_ratio: float = 1) -> Iterator[RecordedSpans]:
    """Record the spans that begin in the block; clients of databases are made inside it."""
    recorder, exporter = (
        provider(service=service, sample_ratio=sample_ratio),
        InMemorySpanExporter(),
    )
    recorder.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.record_to(recorder)
    try:
        yield RecordedSpans(exporter)
    finally:
        telemetry.record_to(None)


def attributes_of(span: ReadableSpan) -> Mapping[str, Any]:
    """Return the attributes of a span."""
    return dict(span.attributes or {})


def origins_of(span: ReadableSpan) -> list[SpanContext]:
    """Return the contexts that a span links to, in order."""
    return [link.context for link in span.links]


def parent_id(span: ReadableSpan) -> int:
    """Return the id of the parent, 0 for the first span of a trace."""
    return span.parent.span_id if span.parent is not None else 0


def ids(span: ReadableSpan) -> tuple[int, int]:
    """Return the ids of a span: of its trace and its own."""
    if span.context is None:
        raise ValueError(f"{span.name} has no context")
    return span.context.trace_id, span.context.span_id
