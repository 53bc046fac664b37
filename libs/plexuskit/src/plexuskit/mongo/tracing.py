"""Spans of commands, with the attributes of the semantic conventions for MongoDB (version 1.44.0).

Uses the driver's command monitoring, which reports each command in the task that runs it, so the
span of the caller is the current one. The content of a command is not read, except its target and
the number of its documents.
"""

from typing import Final

from opentelemetry.trace import Span
from pymongo import monitoring

from plexuskit import telemetry
from plexuskit.telemetry import SpanKind

_DEFAULT_PORT: Final = 27017
_LISTS: Final = ("documents", "updates", "deletes")


def listeners() -> list[monitoring.CommandListener]:
    """Return a client's command listeners: none while this process records no spans."""
    return [CommandSpans()] if telemetry.recording() else []


class CommandSpans(monitoring.CommandListener):
    """Spans of the commands that are sent inside a recorded span."""

    def __init__(self) -> None:
        self._open: dict[int, Span] = {}

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Begin the span of a command."""
        if not telemetry.recorded():
            return
        operation = event.command_name
        # Most commands name their collection as their value, some in a field, some have none.
        value = event.command.get("collection", event.command.get(operation))
        target = value if isinstance(value, str) else ""
        attributes: dict[str, str | int] = {
            "db.system.name": "mongodb",
            "db.namespace": event.database_name,
            "db.operation.name": operation,
        }
        if target:
            attributes["db.collection.name"] = target
        for name in _LISTS:
            size = len(event.command.get(name, ()))
            if size > 1:
                attributes["db.operation.batch.size"] = size
        if event.connection_id is not None:
            host, port = event.connection_id
            attributes["server.address"] = host
            if port is not None and port != _DEFAULT_PORT:
                attributes["server.port"] = port
        made = telemetry.started(
            f"{operation} {target or event.database_name}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        if made is not None:
            self._open[event.request_id] = made

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """End the span of a command."""
        current = self._open.pop(event.request_id, None)
        if current is not None:
            current.end()

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """End the span of a command that failed: with the server's code, or the driver's class."""
        current = self._open.pop(event.request_id, None)
        if current is None:
            return
        code = event.failure.get("code")
        if isinstance(code, int):
            current.set_attribute("db.response.status_code", str(code))
            telemetry.failed(current, str(code))
        else:
            telemetry.failed(current, str(event.failure.get("errtype", "_OTHER")))
        current.end()
