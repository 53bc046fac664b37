"""Logs and traces of a process, under one name: `telemetry.span`, `telemetry.batch` and so on."""

from opentelemetry.trace import SpanKind

from plexuskit.config import TelemetrySection
from plexuskit.telemetry.logs import REDACTED, configure_logs, scrubbed
from plexuskit.telemetry.spans import (
    TRACEPARENT,
    Attributes,
    attached,
    batch,
    configure_traces,
    extracted,
    failed,
    inject,
    record_to,
    recorded,
    recording,
    shutdown,
    span,
    started,
    traceparent_of,
)

__all__ = [
    "REDACTED",
    "TRACEPARENT",
    "Attributes",
    "SpanKind",
    "attached",
    "batch",
    "configure",
    "extracted",
    "failed",
    "inject",
    "record_to",
    "recorded",
    "recording",
    "scrubbed",
    "shutdown",
    "span",
    "started",
    "traceparent_of",
]


def configure(section: TelemetrySection, *, service: str) -> None:
    """Set up the logs and traces of this process; call it once, before anything is logged.

    Called again it changes the logs; the traces stay as the first call with an endpoint made them,
    because OpenTelemetry allows one provider per process.
    """
    configure_logs(section, service=service)
    configure_traces(section, service=service)
