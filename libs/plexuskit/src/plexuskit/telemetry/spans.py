"""Spans of this process, and the W3C trace context that connects them with those of others.

Without an endpoint nothing is recorded: a request gets a trace id for its log lines and for the
ledger, and nothing else is made for it. With an endpoint, spans are made for sampled traces only:
the process that starts a trace decides (`sample_ratio`), all others follow the flag in its context.
So in an unsampled trace each of these functions returns after one look at the current context.

Attributes hold ids, names of methods, topics and collections, and numbers, never content.
"""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Final

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes as OtelAttributes

from plexuskit.config import TelemetrySection
from plexuskit.errors import Kind, Refusal

Attributes = Mapping[str, str | bool | int | float]

TRACEPARENT: Final = "traceparent"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
"""Version of the semantic conventions whose names the spans have."""
MAX_LINKS: Final = 512
"""Links of one span; the largest batches of the relay and of consumers have 500 records."""

# The last digit of a sampled traceparent: bit 0 of its flags is set.
_SAMPLED_DIGITS: Final = frozenset("13579bdf")
_UNRECORDED: Final[AbstractContextManager[Span]] = nullcontext(trace.INVALID_SPAN)

_propagator: Final = TraceContextTextMapPropagator()
_ids: Final = RandomIdGenerator()
_lock: Final = threading.Lock()
_provider: TracerProvider | None = None
# None: nothing is recorded in this process.
_tracer: trace.Tracer | None = None


def recording() -> bool:
    """Return whether this process can record spans; drivers are observed only then."""
    return _tracer is not None


def recorded() -> bool:
    """Return whether the current span is recorded."""
    return trace.get_current_span().is_recording()


def inject() -> str:
    """Return the W3C traceparent of the current span, or "" outside of any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(TRACEPARENT, "")


def extracted(traceparent: str) -> AbstractContextManager[None]:
    """Continue the trace of a traceparent; an empty or malformed one begins a new trace."""
    return attached(_context_of(traceparent))


class attached:  # noqa: N801 - used like a function; a class costs half of a generator
    """Make a context the current one for the block."""

    __slots__ = ("_context", "_token")

    def __init__(self, entered: Context) -> None:
        """Set the context."""
        self._context = entered

    def __enter__(self) -> None:
        self._token = context.attach(self._context)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        context.detach(self._token)


def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """Open a span under the current one, or a new trace outside of any.

    If nothing is recorded the returned span discards attributes; check its `is_recording` before
    computing some. A client call starts no trace of its own.

    A refusal that leaves the block is recorded by its reason and is not an error, unless a
    dependency is down; any other exception marks the span as failed.

    Args:
        name: low-cardinality name, as the semantic conventions define for the kind.
        kind: the span's part in the trace.
        attributes: names of the semantic conventions, or `plexus.…`; no content.
    """
    parent = trace.get_current_span().get_span_context()
    if parent.is_valid:
        if _tracer is None or not parent.trace_flags & TraceFlags.SAMPLED:
            return _UNRECORDED
    elif kind is SpanKind.CLIENT:
        return _UNRECORDED
    elif _tracer is None:
        return _NewTrace()
    return _recorded(_tracer, name, kind, attributes, ())


def started(
    name: str, *, kind: SpanKind, attributes: Attributes | None = None, root: bool = False
) -> Span | None:
    """Start a span that the caller ends, or return None where it is not sampled.

    For work that ends elsewhere than it begins; the span is not made the current one.

    Args:
        name: as for `span`.
        kind: as for `span`.
        attributes: as for `span`.
        root: begin a trace; otherwise the span is a child of the current one.
    """
    if _tracer is None:
        return None
    parent = Context() if root else None
    made = _tracer.start_span(name, context=parent, kind=kind, attributes=_copied(attributes))
    return made if made.is_recording() else None


def traceparent_of(current: Span) -> str:
    """Return the W3C traceparent of a span."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, trace.set_span_in_context(current, Context()))
    return carrier[TRACEPARENT]


def batch(
    name: str,
    *,
    traceparents: Iterable[str],
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """Open the one span of work on several things, each with the trace context of its origin.

    It is sampled if one of the origins is, and links to the sampled ones. If these belong to one
    trace it continues that trace; otherwise it begins one. The current span is its parent only if
    nothing has an origin.

    Args:
        name: as for `span`.
        traceparents: contexts of the things, "" where there is none.
        kind: as for `span`.
        attributes: as for `span`.
    """
    distinct = set(traceparents)
    distinct.discard("")
    if not distinct:
        return span(name, kind=kind, attributes=attributes)
    if _tracer is not None:
        origins = [_span_context_of(each) for each in distinct if each[-1] in _SAMPLED_DIGITS]
        links = [Link(origin) for origin in origins if origin.is_valid]
        if links:
            return _inside(_shared(links), _tracer, name, kind, attributes, links)
    if len(distinct) == 1:
        return _Continued(_context_of(distinct.pop()))
    return _NewTrace()


def failed(current: Span, error_type: str) -> None:
    """Mark a span as failed, unless it is marked already: the first cause is the most exact.

    Args:
        current: the span.
        error_type: name of a status, a reason or a class; no text of an exception.
    """
    if isinstance(current, ReadableSpan) and current.status.status_code is StatusCode.ERROR:
        return
    current.set_attribute("error.type", error_type)
    current.set_status(Status(StatusCode.ERROR, error_type))


def configure_traces(section: TelemetrySection, *, service: str) -> None:
    """Record spans and send them to the endpoint of the settings, if there is one."""
    global _provider  # noqa: PLW0603 - OpenTelemetry's provider is a global, and can be set once
    with _lock:
        propagate.set_global_textmap(_propagator)
        if _provider is not None or not section.otlp_endpoint:
            return
        # A quarter of a second to load, and the command line loads this module too.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see above
            OTLPSpanExporter,
        )

        exporter = OTLPSpanExporter(
            endpoint=section.otlp_endpoint,
            insecure=not section.otlp_endpoint.startswith("https://"),
        )
        _provider = provider(service=service, sample_ratio=section.sample_ratio)
        _provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(_provider)
    record_to(_provider)


def provider(*, service: str, sample_ratio: float) -> TracerProvider:
    """Return a provider with the sampling of Plexus and no processor yet.

    Args:
        service: name of the process, `plexus.<service>` in the resource.
        sample_ratio: share of the traces that begin here which are sampled.
    """
    return TracerProvider(
        sampler=ParentBased(LinkedSampler(TraceIdRatioBased(sample_ratio))),
        resource=Resource.create({SERVICE_NAME: f"plexus.{service}"}),
        span_limits=SpanLimits(max_links=MAX_LINKS),
        # Its exit hook could hold the process longer than a stop may take: see `shutdown`.
        shutdown_on_exit=False,
    )


def record_to(recorder: TracerProvider | None) -> None:
    """Record the spans that begin from now on with a provider, or none at all."""
    global _tracer  # noqa: PLW0603 - as above
    _tracer = None if recorder is None else recorder.get_tracer("plexus", schema_url=SCHEMA_URL)


def shutdown(*, within: float) -> None:
    """Export the waiting spans, for `within` seconds at most, and drop the rest."""
    if _provider is None:
        return
    # The exporter retries for longer than a process may take to stop: it is left behind then.
    sender = threading.Thread(target=_provider.shutdown, name="telemetry-shutdown", daemon=True)
    sender.start()
    sender.join(within)


class LinkedSampler(Sampler):
    """Sampler that samples spans linked to a sampled one, and leaves others to another sampler."""

    def __init__(self, rest: Sampler) -> None:
        """Set the sampler for spans without a sampled link."""
        self._rest = rest

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: OtelAttributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide on a span that begins a trace."""
        linked = any(link.context.trace_flags.sampled for link in links or ())
        return (ALWAYS_ON if linked else self._rest).should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        """Return a description of this sampler for people."""
        return f"Linked{{{self._rest.get_description()}}}"


class _Continued(attached):
    """Continue a trace that is not recorded here, so that log lines have its id."""

    def __enter__(self) -> Span:  # type: ignore[override] # a batch yields its span
        super().__enter__()
        return trace.INVALID_SPAN


class _NewTrace(_Continued):
    """Begin a trace that is not recorded, so that log lines and the ledger have an id."""

    def __init__(self) -> None:
        ids = SpanContext(
            trace_id=_ids.generate_trace_id(),
            span_id=_ids.generate_span_id(),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.RANDOM_TRACE_ID),
        )
        super().__init__(trace.set_span_in_context(NonRecordingSpan(ids), Context()))


@contextmanager
def _inside(
    entered: Context,
    tracer: trace.Tracer,
    name: str,
    kind: SpanKind,
    attributes: Attributes | None,
    links: Collection[Link],
) -> Iterator[Span]:
    with attached(entered), _recorded(tracer, name, kind, attributes, links) as current:
        yield current


@contextmanager
def _recorded(
    tracer: trace.Tracer,
    name: str,
    kind: SpanKind,
    attributes: Attributes | None,
    links: Collection[Link],
) -> Iterator[Span]:
    with tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=_copied(attributes),
        links=list(links),
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except Refusal as refusal:
            current.set_attribute("plexus.refusal", refusal.reason)
            if refusal.kind is Kind.UNAVAILABLE:
                failed(current, refusal.reason)
            raise
        except Exception as error:
            failed(current, type(error).__qualname__)
            raise


def _copied(attributes: Attributes | None) -> dict[str, str | bool | int | float]:
    return dict(attributes or {})


def _context_of(traceparent: str) -> Context:
    return _propagator.extract({TRACEPARENT: traceparent}, Context())


def _span_context_of(traceparent: str) -> SpanContext:
    return trace.get_current_span(_context_of(traceparent)).get_span_context()


def _shared(links: Sequence[Link]) -> Context:
    """Return the context of the links if they belong to one trace, else an empty one."""
    origin = links[0].context
    if any(link.context.trace_id != origin.trace_id for link in links):
        return Context()
    return trace.set_span_in_context(NonRecordingSpan(origin), Context())
