"""Facts of recalled messages, without their content."""

from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2

from messaging.log.events.seals import fact_in, has_parts

PARTS: Final = ("reactions", "pin", "labels")
_CONTENT_FIELDS = ("text", "spans", "mentions", "attachments", "forwarded", "quote", "reactions")


def emptied(message: messages_pb2.Message) -> messages_pb2.Message:
    """Remove the content of a message, and the unsalted hash that chain version 1 left in it."""
    for name in (*_CONTENT_FIELDS, "pin", "labels", "content_hash"):
        message.ClearField(name)  # type: ignore[arg-type] # names of the contract
    return message


def emptied_event(event: bytes) -> bytes:
    """Remove content and its salt from a stored event about a message (MSG-12, MSG-20).

    The header and its salt stay, so sender and times of the tombstone remain provable.
    """
    envelope = Envelope.FromString(event)
    fact = fact_in(envelope)
    emptied_fact(fact)
    envelope.ClearField("content_hash")
    envelope.fact = fact.SerializeToString()
    return envelope.SerializeToString()


def emptied_fact(fact: Any) -> None:
    """Remove content and its salt from a fact about a message."""
    if has_parts(fact):
        for name in PARTS:
            fact.parts.ClearField(name)
    if fact.HasField("message"):
        emptied(fact.message)
    fact.ClearField("content_salt")
    if isinstance(fact, events_pb2.MessageEdited):
        fact.ClearField("added_mentions")
    if isinstance(fact, events_pb2.MessageReacted):
        fact.ClearField("emoji")
        fact.ClearField("person_id")
