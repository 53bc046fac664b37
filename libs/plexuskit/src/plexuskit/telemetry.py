"""Logs and traces of a process: structlog lines that carry their trace, W3C propagation."""

import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanContext, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, Processor, WrappedLogger

from plexuskit.config import TelemetrySection
from plexuskit.errors import Kind, Refusal

TRACEPARENT = "traceparent"
REDACTED = "[redacted]"
_HANDLER = "plexus"

# Names whose values never reach a log: what opens doors, and what people wrote.
_SECRET_WORDS = frozenset(
    {"password", "passwd", "secret", "token", "private", "authorization", "cookie", "credential"}
    | {"credentials", "passphrase", "jwt", "otp", "body"}
)
_WORD = re.compile(r"[^a-z0-9]+")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("plexus")
_tracing_lock = threading.Lock()
_provider: TracerProvider | None = None


def configure(section: TelemetrySection, *, service: str) -> None:
    """Set up the logs and traces of this process; call it once, before anything is logged.

    Logs go to standard error, one JSON object per line or coloured text. Called again it changes
    the logs; the traces stay as the first call made them, because OpenTelemetry allows one
    provider per process.
    """
    _configure_logs(section, service=service)
    _configure_traces(section, service=service)


def shutdown(*, within: float) -> None:
    """Send the spans that wait, for `within` seconds at most, and give up on the rest."""
    if _provider is None:
        return
    # The exporter retries for longer than a process may take to stop: it is left behind then.
    sender = threading.Thread(target=_provider.shutdown, name="telemetry-shutdown", daemon=True)
    sender.start()
    sender.join(within)


def inject() -> str:
    """Return the W3C traceparent of the current span, or "" outside of any."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(TRACEPARENT, "")


@contextmanager
def extracted(traceparent: str) -> Iterator[None]:
    """Continue the trace of a traceparent; an empty or malformed one begins a new trace."""
    token = context.attach(_propagator.extract({TRACEPARENT: traceparent}, context.Context()))
    try:
        yield
    finally:
        context.detach(token)


def scrubbed(text: str) -> str:
    """Return the text without the user names and passwords of URLs in it."""
    return _URL_PASSWORD.sub(f"{REDACTED}@", text) if "://" in text else text


def span(name: str, **attributes: str | bool | float) -> AbstractContextManager[Span]:
    """Open a span under the current one.

    A refusal that leaves it is noted by its reason and is no error, unless a dependency is down;
    any other exception marks the span as failed. No content in attributes, only ids and numbers.
    """
    return _span(name, attributes)


@contextmanager
def _span(name: str, attributes: Mapping[str, str | bool | float]) -> Iterator[Span]:
    with _tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Refusal as refusal:
            current.set_attribute("plexus.refusal", refusal.reason)
            if refusal.kind is Kind.UNAVAILABLE:
                current.set_status(Status(StatusCode.ERROR, refusal.reason))
            raise
        except Exception as error:
            current.set_attribute("error.type", type(error).__qualname__)
            current.set_status(Status(StatusCode.ERROR, type(error).__qualname__))
            raise


def _configure_traces(section: TelemetrySection, *, service: str) -> None:
    global _provider  # noqa: PLW0603 - OpenTelemetry's provider is a global, and can be set once
    with _tracing_lock:
        if _provider is not None:
            return
        _provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(section.sample_ratio)),
            resource=Resource.create({SERVICE_NAME: f"plexus.{service}"}),
            # Its exit hook could hold the process longer than a stop may take: see `shutdown`.
            shutdown_on_exit=False,
        )
        if section.otlp_endpoint:
            # A quarter of a second to load, and the command line loads this module too.
            from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - see above
                OTLPSpanExporter,
            )

            exporter = OTLPSpanExporter(
                endpoint=section.otlp_endpoint,
                insecure=not section.otlp_endpoint.startswith("https://"),
            )
            _provider.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(_provider)
        propagate.set_global_textmap(_propagator)


def _configure_logs(section: TelemetrySection, *, service: str) -> None:
    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_service,
        _add_trace,
    ]
    # Plain tracebacks: those with local variables would print what must not be printed.
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if section.log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    final: list[Processor] = [structlog.processors.format_exc_info, _redact, renderer]

    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(section.log_level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _configure_libraries(section, shared=shared, final=final)


def _configure_libraries(
    section: TelemetrySection, *, shared: Sequence[Processor], final: Sequence[Processor]
) -> None:
    """Give the lines of libraries, which use `logging`, the same shape and the same redaction."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    for previous in [h for h in root.handlers if h.get_name() == _HANDLER]:
        root.removeHandler(previous)
    handler.set_name(_HANDLER)
    root.addHandler(handler)
    # At INFO the drivers narrate every connection; that belongs to DEBUG.
    root.setLevel("WARNING" if section.log_level == "INFO" else section.log_level)
    # At DEBUG the driver logs whole commands: password hashes, and what people wrote.
    logging.getLogger("pymongo.command").setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    current: SpanContext = trace.get_current_span().get_span_context()
    if current.is_valid:
        event["trace_id"] = trace.format_trace_id(current.trace_id)
        event["span_id"] = trace.format_span_id(current.span_id)
    return event


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, (int, float, type(None))):
        return value  # `token_count=3` and the like; flags and numbers open no doors
    if _is_secret(name):
        return REDACTED
    if isinstance(value, str):
        return scrubbed(value)
    if isinstance(value, Mapping):
        return {key: _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(name, inner) for inner in value]
    return value


def _is_secret(name: str) -> bool:
    return not _SECRET_WORDS.isdisjoint(_WORD.split(name.lower()))
