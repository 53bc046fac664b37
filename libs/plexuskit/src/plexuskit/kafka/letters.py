"""A dead letter: the original record, with headers that carry the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import ConsumerRecord
from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope

from plexuskit.kafka.names import DLQ_HEADERS, REDRIVEN_FOR, dlq_topic
from plexuskit.kafka.producer import Outgoing
from plexuskit.kafka.records import Record

_REASON = f"{DLQ_HEADERS}reason"
_TOPIC = f"{DLQ_HEADERS}topic"
_PARTITION = f"{DLQ_HEADERS}partition"
_OFFSET = f"{DLQ_HEADERS}offset"
_ATTEMPTS = f"{DLQ_HEADERS}attempts"
_AT = f"{DLQ_HEADERS}at"

_REASON_BYTES = 2048
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A record that a group could not handle.

    Attributes:
        position: Partition and offset in the dead-letter topic: the identity of this letter.
        topic: Topic that the record was read from (the catalogue's name); empty if unknown.
        partition: Its partition there.
        offset: Its offset there.
        key: The record's key.
        value: The record's value.
        headers: The record's own headers.
        reason: Reason of its failure, for an operator.
        attempts: Number of attempts.
        at: Time of its failure, UTC.
    """

    position: tuple[int, int]
    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, bytes]
    reason: str
    attempts: int
    at: datetime

    @property
    def envelope(self) -> Envelope | None:
        """The event inside; None if the value is not one, which may be why it failed."""
        try:
            return Envelope.FromString(self.value)
        except DecodeError:
            return None


def dead_letter(
    record: Record, *, group: str, reason: str, attempts: int, now: datetime
) -> Outgoing:
    """Make the record of the dead-letter topic of `group` out of one that could not be handled."""
    own = {
        name: value
        for name, value in record.headers.items()
        if name != REDRIVEN_FOR and not name.startswith(DLQ_HEADERS)
    }
    why = {
        _REASON: reason.encode(errors="replace")[:_REASON_BYTES],
        _TOPIC: record.topic.encode(),
        _PARTITION: str(record.partition).encode(),
        _OFFSET: str(record.offset).encode(),
        _ATTEMPTS: str(attempts).encode(),
        _AT: now.isoformat().encode(),
    }
    return dlq_topic(group), record.key, record.value, {**own, **why}


def read_letter(raw: ConsumerRecord) -> DeadLetter:
    """Read a record of a dead-letter topic; one from another writer has an empty `topic`."""
    headers = {name: value or b"" for name, value in raw.headers}
    return DeadLetter(
        position=(raw.partition, raw.offset),
        topic=_text(headers, _TOPIC),
        partition=_number(headers, _PARTITION),
        offset=_number(headers, _OFFSET),
        key=(raw.key or b"").decode(errors="surrogateescape"),
        value=raw.value or b"",
        headers={n: v for n, v in headers.items() if not n.startswith(DLQ_HEADERS)},
        reason=_text(headers, _REASON),
        attempts=_number(headers, _ATTEMPTS),
        at=_moment(headers),
    )


def redriven(letter: DeadLetter, *, group: str) -> Outgoing:
    """Make the repeat of the letter's record: same topic, key and value, for `group` alone."""
    return (
        letter.topic,
        letter.key,
        letter.value,
        {**letter.headers, REDRIVEN_FOR: group.encode()},
    )


def _text(headers: Mapping[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode(errors="replace")


def _number(headers: Mapping[str, bytes], name: str) -> int:
    text = _text(headers, name)
    return int(text) if text.isdecimal() else -1


def _moment(headers: Mapping[str, bytes]) -> datetime:
    try:
        return datetime.fromisoformat(_text(headers, _AT))
    except ValueError:
        return _NEVER
