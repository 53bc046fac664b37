"""Shared parts of the readers of facts: instants, marks of fields, names of objects."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.clock import to_milliseconds
from plexuskit.timestamps import InstantOutOfRange, instant_of

from audit.domain.history import Relation, State

_MARK_BYTES: Final = 2


class Unreadable(Exception):  # noqa: N818 - named after the fact, like every refusal
    """A fact that breaks its contract; no repetition makes it right."""


def instant(stamp: Timestamp) -> datetime:
    """Return an instant, truncated to milliseconds. Raises Unreadable for an invalid one."""
    try:
        return to_milliseconds(instant_of(stamp))
    except InstantOutOfRange as error:
        raise Unreadable("an instant is out of range") from error


def happened_at(envelope: Envelope) -> datetime:
    """Return when an event happened. Raises Unreadable when the time is missing."""
    if not envelope.HasField("occurred_at"):
        raise Unreadable("the event does not say when it happened")
    return instant(envelope.occurred_at)


def marks(message: Message, *, part: str, without: Collection[str]) -> Mapping[str, int]:
    """Return a short digest of each field that is set, apart from some.

    Two bytes: a change goes unseen once in 65,536 times, and nothing can be read out of them.
    """
    found: dict[str, int] = {}
    for descriptor, value in message.ListFields():
        if descriptor.name in without:
            continue
        # Alone in a message of its kind, so that the bytes are the field's and nothing else's.
        alone = type(message)()
        _put(alone, descriptor.name, value)
        content = f"{part}|{descriptor.name}|".encode() + alone.SerializeToString(
            deterministic=True
        )
        digest = hashlib.blake2b(content, digest_size=_MARK_BYTES).digest()
        found[descriptor.name] = int.from_bytes(digest)
    return found


def _put(message: Message, name: str, value: Any) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        getattr(message, name).MergeFrom(value)
    elif field.message_type is not None:
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)


def state(
    envelope: Envelope,
    *,
    part: str,
    version: int,
    relations: Iterable[Relation],
    marked: Mapping[str, int] | None = None,
) -> State:
    """Return the state of a part that a fact carries. Raises Unreadable without a version."""
    if version < 1:
        raise Unreadable(f"{part} has no version")
    return State(
        tenant_id=envelope.tenant_id,
        part=part,
        version=version,
        at=happened_at(envelope),
        relations=frozenset(relations),
        marks=marked or {},
    )
