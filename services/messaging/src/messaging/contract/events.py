"""Envelopes of events, as Kafka carries them."""

from datetime import datetime

from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import MESSAGING_PERSON_V1
from plexuskit import outbox
from plexuskit.ids import new_id

from messaging.contract.domain import FactTooLarge

# A record of a topic takes 1,000,000 bytes: the event, its key and headers (plexuskit.kafka).
MAX_EVENT_BYTES = 960_000
IMPORT = "import"
SCHEMA_VERSION = 1


def envelope(
    fact: ProtoMessage,
    *,
    tenant_id: str,
    scope: str,
    change_no: int,
    entity_id: str,
    entity_version: int,
    actor_id: str,
    occurred_at: Timestamp,
    now: datetime,
    membership_version: int = 0,
) -> bytes:
    """Return the serialized envelope of an event outside any log; see `seal` for events of a log.

    Raises:
        FactTooLarge: a record of the topic could not carry it (MSG-21).
    """
    event = Envelope(
        event_id=new_id("evt", now=now),
        tenant_id=tenant_id,
        scope=scope,
        change_no=change_no,
        entity_id=entity_id,
        entity_version=entity_version,
        occurred_at=occurred_at,
        schema_version=SCHEMA_VERSION,
        type=fact.DESCRIPTOR.full_name,
        fact=fact.SerializeToString(),
        actor_id=actor_id,
        membership_version=membership_version,
    ).SerializeToString()
    if len(event) > MAX_EVENT_BYTES:
        raise FactTooLarge(bytes=len(event), limit=MAX_EVENT_BYTES)
    return event


def personal_fact(
    fact: ProtoMessage,
    *,
    tenant_id: str,
    person_id: str,
    entity_id: str,
    version: int,
    now: datetime,
) -> outbox.Fact:
    """Return a fact for a person's own devices; each entity has its own version counter."""
    event = outbox.envelope(
        fact=fact,
        tenant_id=tenant_id,
        scope=entity_id,
        change_no=version,
        entity_id=entity_id,
        entity_version=version,
        actor_id=person_id,
        now=now,
    )
    return outbox.Fact(topic=MESSAGING_PERSON_V1.name, key=person_id, event=event)
