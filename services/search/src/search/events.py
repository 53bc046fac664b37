"""Facts of the owning services: reading and checking them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.timestamps import InstantOutOfRange, instant_of

from search.domain.documents import Document, Unreadable
from search.domain.types import DocumentType


def by_name(*facts: type[Message]) -> Mapping[str, Any]:
    """Return facts by their full names, as envelopes have them."""
    return MappingProxyType({fact.DESCRIPTOR.full_name: fact for fact in facts})


def fact_of(envelope: Envelope, known: Mapping[str, Any]) -> Any:
    """Return the fact of an envelope, None if it is not among the known ones.

    Raises:
        Unreadable: its bytes are not of its type.
    """
    kind = known.get(envelope.type)
    if kind is None:
        return None
    try:
        return kind.FromString(envelope.fact)
    except DecodeError as error:
        raise Unreadable(f"the fact is no {envelope.type}") from error


def check_entity(envelope: Envelope, id_: str) -> None:
    """Check that envelope and fact are about the same object.

    Raises:
        Unreadable: they are not.
    """
    if envelope.entity_id != id_:
        raise Unreadable("the envelope is about another entity than its fact")


def tombstone(envelope: Envelope, type_: DocumentType) -> Document:
    """Return the document of an object that is gone."""
    return Document(
        type=type_,
        id=envelope.entity_id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        gone=True,
    )


def instant(stamp: Timestamp) -> datetime:
    """Return a time of the contract.

    Raises:
        Unreadable: it is out of range.
    """
    try:
        return instant_of(stamp)
    except InstantOutOfRange as error:
        raise Unreadable("a time is out of range") from error


def occurred_at(envelope: Envelope) -> datetime:
    """Return when an event happened; for one without a time, the beginning of time."""
    try:
        return instant(envelope.occurred_at)
    except Unreadable:
        return datetime(1970, 1, 1, tzinfo=UTC)


def lower_name(value: str, prefix: str) -> str:
    """Return the name of an enum value in lower case without its prefix."""
    return value.removeprefix(prefix).lower()
