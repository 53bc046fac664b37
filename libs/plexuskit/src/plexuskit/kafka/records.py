"""A record as handlers see it, and the checks of its validity."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from functools import cached_property
from types import MappingProxyType
from typing import TypeVar

from aiokafka import ConsumerRecord
from google.protobuf.message import DecodeError, Message
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import TOPICS

from plexuskit.config import KafkaSection
from plexuskit.kafka.names import REDRIVEN_FOR, TRACEPARENT, catalogue_name

FactT = TypeVar("FactT", bound=Message)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FACTS: Mapping[str, frozenset[str]] = {topic.name: topic.facts for topic in TOPICS}
_PACKAGES: Mapping[str, frozenset[str]] = {
    topic.name: frozenset(fact.rpartition(".")[0] for fact in topic.facts) for topic in TOPICS
}
_LISTED: frozenset[str] = frozenset().union(*_FACTS.values())


class InvalidRecord(Exception):  # noqa: N818 - named after the fact, like every refusal
    """A record that no repetition makes right; the runner moves it to the dead letters at once."""

    def __init__(self, record: "Record", reason: str) -> None:
        super().__init__(f"{record.topic}/{record.partition}@{record.offset}: {reason}")
        self.record = record
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record of a topic.

    `topic` is the catalogue's name, without prefix. Bytes of a key that are no UTF-8 are kept as
    surrogate escapes, so that a dead letter has the very key of its record. `timestamp` is UTC.
    """

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)
    timestamp: datetime = _EPOCH

    @cached_property
    def envelope(self) -> Envelope:
        """The decoded event.

        Raises:
            InvalidRecord: The value is no Envelope.
        """
        try:
            return Envelope.FromString(self.value)
        except DecodeError as error:
            raise InvalidRecord(self, "the value is no plexus.event.v1.Envelope") from error

    @property
    def fact_name(self) -> str:
        """The name of the fact without its package, for example `PersonAdded`."""
        return self.envelope.type.rpartition(".")[2]

    def fact(self, kind: type[FactT]) -> FactT:
        """Decode the fact as a message of that kind.

        Raises:
            InvalidRecord: The fact, or the value itself, is none.
        """
        try:
            return kind.FromString(self.envelope.fact)
        except DecodeError as error:
            raise InvalidRecord(self, f"the fact is no {kind.DESCRIPTOR.full_name}") from error

    @property
    def traceparent(self) -> str:
        """W3C trace context of the command behind the fact; empty when there is none."""
        return self.headers.get(TRACEPARENT, b"").decode(errors="replace")

    @property
    def redriven_for(self) -> str:
        """The only group that this repeat is for; empty for an ordinary record."""
        return self.headers.get(REDRIVEN_FOR, b"").decode(errors="replace")


Handler = Callable[[Sequence[Record]], Awaitable[None]]
"""Takes a batch of valid records, in order per partition; returns when all effects are stored."""


def record_of(section: KafkaSection, raw: ConsumerRecord) -> Record:
    """Translate a record of the client library."""
    return Record(
        topic=catalogue_name(section, raw.topic),
        partition=raw.partition,
        offset=raw.offset,
        key=(raw.key or b"").decode(errors="surrogateescape"),
        value=raw.value or b"",
        headers=MappingProxyType({name: value or b"" for name, value in raw.headers}),
        timestamp=_EPOCH + timedelta(milliseconds=raw.timestamp),
    )


class Standing(Enum):
    """Relation of a record's type of fact to a handler."""

    HANDLED = auto()
    OTHER = auto()
    UNKNOWN = auto()


def topics_of(facts: Iterable[str]) -> Mapping[str, str]:
    """Return the topic of each of the facts, by their full names."""
    wanted = frozenset(facts)
    return {fact: topic.name for topic in TOPICS for fact in topic.facts & wanted}


def standing_of(record: Record, handled: Mapping[str, str]) -> Standing:
    """Return the relation of the record to a handler of the facts, given with their topics.

    A type of the owner's package that no topic of the catalogue lists comes from an owner that is
    newer than this build. It is unknown, so that services can be deployed in any order.

    Raises:
        InvalidRecord: It cannot be decoded, names no event, or is of a type that does not belong.
    """
    envelope = record.envelope
    if not envelope.event_id:
        raise InvalidRecord(record, "the event has no id")
    if handled.get(envelope.type) == record.topic:
        return Standing.HANDLED
    if envelope.type in _FACTS.get(record.topic, ()):
        return Standing.OTHER
    if _is_foreign(record.topic, envelope.type):
        raise InvalidRecord(record, f"the catalogue lists no fact {envelope.type!r} for this topic")
    return Standing.UNKNOWN


def is_foreign(record: Record) -> bool:
    """Return whether a record carries a fact that its topic's owner does not own (GW-12).

    Only the owner may write to a topic, so such a fact is not trustworthy.
    """
    if record.topic not in _FACTS:
        return False
    try:
        name = record.envelope.type
    except InvalidRecord:
        return False
    return name not in _FACTS[record.topic] and _is_foreign(record.topic, name)


def _is_foreign(topic: str, name: str) -> bool:
    return name in _LISTED or name.rpartition(".")[0] not in _PACKAGES.get(topic, ())
