"""Spans of batches, with the attributes of the semantic conventions for Kafka (version 1.44.0).

A record carries the context of the command behind its fact, which the relay hands on unchanged. So
the span of a batch links to the contexts in the headers of its records.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from opentelemetry.trace import Span

from plexuskit import telemetry
from plexuskit.kafka.names import TRACEPARENT
from plexuskit.kafka.producer import Outgoing
from plexuskit.kafka.records import Record
from plexuskit.telemetry import SpanKind


def processing(records: Sequence[Record], *, group: str = "") -> AbstractContextManager[Span]:
    """Open the span of handling one batch.

    Args:
        records: at least one.
        group: the catalogue's name of the consumer group; empty for a reader without one.
    """
    if not telemetry.recording():
        # Only the log lines of a single record have its trace to continue.
        only = (records[0].traceparent,) if len(records) == 1 else ()
        return telemetry.batch("process", traceparents=only)
    topics = {record.topic for record in records}
    attributes = _attributes("process", topics, count=len(records))
    if group:
        attributes["messaging.consumer.group.name"] = group
    partitions = {record.partition for record in records}
    if len(topics) == len(partitions) == 1:
        attributes["messaging.destination.partition.id"] = str(records[0].partition)
    return telemetry.batch(
        _name("process", topics),
        traceparents=[record.traceparent for record in records],
        kind=SpanKind.CONSUMER,
        attributes=attributes,
    )


def sending(records: Sequence[Outgoing]) -> AbstractContextManager[Span]:
    """Open the span of sending one batch of records, at least one, which stay as they are."""
    if not telemetry.recording():
        return telemetry.batch("send", traceparents=())
    topics = {record[0] for record in records}
    return telemetry.batch(
        _name("send", topics),
        traceparents=[_traceparent(record) for record in records],
        kind=SpanKind.PRODUCER,
        attributes=_attributes("send", topics, count=len(records)),
    )


def _attributes(operation: str, topics: set[str], *, count: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.batch.message_count": count,
    }
    if len(topics) == 1:
        attributes["messaging.destination.name"] = next(iter(topics))
    return attributes


def _name(operation: str, topics: set[str]) -> str:
    return f"{operation} {next(iter(topics))}" if len(topics) == 1 else operation


def _traceparent(record: Outgoing) -> str:
    return record[3].get(TRACEPARENT, b"").decode(errors="replace")
