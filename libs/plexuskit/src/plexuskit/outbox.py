"""The outbox: facts stored in the same transaction as the state they describe (MSG-4).

The relay (`plexuskit.relay`) publishes them to Kafka; a service only writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from plexus.event.v1.envelope_pb2 import Envelope

from plexuskit import telemetry
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.kafka import MAX_FACT_BYTES
from plexuskit.mongo import ASCENDING, Database, Index, Transaction
from plexuskit.timestamps import instant_of, timestamp

COLLECTION = "outbox"
SCHEMA_VERSION = 1
KEPT_AFTER_PUBLISHING = timedelta(days=7)

# Size of the headers that the relay adds; the limit of a record includes them.
_HEADER_BYTES = 1024


@dataclass(frozen=True)
class Fact:
    """Outgoing fact.

    Attributes:
        topic: the catalogue's name of the topic, without the deployment's prefix.
        key: the record's key, as the catalogue defines it for this topic.
        event: the complete envelope.
    """

    topic: str
    key: str
    event: Envelope


class Outbox:
    """Facts of one service that are waiting for Kafka or were published recently."""

    def __init__(self, db: Database) -> None:
        self._facts = db.collection(COLLECTION, schema_version=SCHEMA_VERSION)

    async def add(self, *facts: Fact, tx: Transaction) -> None:
        """Store facts with the transaction that changes the state; they leave in this order.

        Facts of one scope are published by `change_no`, so give each its own number.

        Raises:
            InvalidArgument: a fact is incomplete, or larger than a record may be.
            DuplicateKey: an event id was used before.
        """
        if not facts:
            return
        traceparent = telemetry.inject()
        documents = [_document(fact, traceparent=traceparent) for fact in facts]
        await self._facts.insert_many(documents, tx=tx)

    async def ensure_indexes(self) -> None:
        """Create the indexes for the relay and for the expiry of published facts."""
        await self._facts.ensure_indexes(
            [
                Index(
                    # The order in which the relay reads unpublished facts.
                    keys=[("scope", ASCENDING), ("number", ASCENDING), ("_id", ASCENDING)],
                    partial={"published_at": None},
                    name="unpublished",
                ),
                # Query of `Authority.ReadFacts`.
                Index(keys=[("scope", ASCENDING), ("number", ASCENDING)], name="facts"),
                Index(
                    keys=[("published_at", ASCENDING)],
                    expire_after=KEPT_AFTER_PUBLISHING,
                    name="expiry",
                ),
            ]
        )


def envelope(
    *,
    fact: Message,
    tenant_id: str,
    scope: str,
    change_no: int,
    entity_id: str,
    entity_version: int,
    actor_id: str,
    now: datetime,
    event_id: str | None = None,
    **rest: Any,
) -> Envelope:
    """Put a fact into its envelope; type, schema version and time are filled in.

    Args:
        fact: the owner's message, with the full state of what changed.
        tenant_id: its tenant.
        scope: the sequence that `change_no` counts: of a task, a person, a project.
        change_no: the fact's number in the scope, from 1, without repeats.
        entity_id: the entity of the fact.
        entity_version: version of that entity after the fact.
        actor_id: the person or service that caused it.
        now: time of the event; aware.
        event_id: an id made before, or None for a new one.
        rest: further fields of the envelope, such as `content_hash` or `origin`.
    """
    fields: Mapping[str, Any] = {"schema_version": 1, **rest}
    return Envelope(
        event_id=event_id or new_id("evt", now=now),
        tenant_id=tenant_id,
        scope=scope,
        change_no=change_no,
        entity_id=entity_id,
        entity_version=entity_version,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
        actor_id=actor_id,
        occurred_at=timestamp(now),
        **fields,
    )


def _document(fact: Fact, *, traceparent: str) -> dict[str, Any]:
    event = fact.event
    for field in ("event_id", "tenant_id", "scope", "change_no", "type"):
        if not getattr(event, field):
            raise InvalidArgument(field=f"event.{field}", problem="is empty")

    stored = event.SerializeToString()
    size = len(stored) + len(fact.key.encode()) + _HEADER_BYTES
    if size > MAX_FACT_BYTES:
        # Refused here, where the caller can act on it: in the relay it would block all others.
        raise InvalidArgument(
            field="event", problem=f"takes {size} bytes, more than {MAX_FACT_BYTES}"
        )
    return {
        "_id": event.event_id,
        "topic": fact.topic,
        "key": fact.key,
        "scope": event.scope,
        "number": event.change_no,
        "type": event.type,
        "event": stored,
        "traceparent": traceparent,
        "stored_at": instant_of(event.occurred_at),
    }
