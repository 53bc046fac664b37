"""Logs of a process: structlog lines that carry their trace and no secrets."""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanContext
from structlog.typing import EventDict, Processor, WrappedLogger

from plexuskit.config import TelemetrySection

REDACTED = "[redacted]"
_HANDLER = "plexus"

# Names whose values never reach a log: credentials, and people's texts.
_SECRET_WORDS = frozenset(
    {"password", "passwd", "secret", "token", "private", "authorization", "cookie", "credential"}
    | {"credentials", "passphrase", "jwt", "otp", "body"}
)
_WORD = re.compile(r"[^a-z0-9]+")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")


def scrubbed(text: str) -> str:
    """Return the text without the user names and passwords of URLs in it."""
    return _URL_PASSWORD.sub(f"{REDACTED}@", text) if "://" in text else text


def configure_logs(section: TelemetrySection, *, service: str) -> None:
    """Write logs to standard error, one JSON object per line or coloured text."""

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
    # Plain tracebacks: those with local variables would print secrets.
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
    """Format and redact the log lines of libraries, which use `logging`, like our own."""
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
    # At DEBUG the driver logs whole commands: password hashes, and people's texts.
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
