"""Conversion of facts and current states into events."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.messaging.v1.messaging_service_pb2 import Change

from plexus_sdk.events import (
    ConversationChanged,
    ConversationEvent,
    MembersAdded,
    MembersRemoved,
    MessageEdited,
    MessageLabeled,
    MessagePinned,
    MessagePosted,
    MessageReacted,
    MessageRecalled,
    MessageUpdated,
)

_PACKAGE: Final = "plexus.messaging.v1"


def seq_of(event: ConversationEvent) -> int:
    """Return the `seq` of the message of an event; 0 for other events."""
    about = getattr(event, "message", None) or getattr(event, "parts", None)
    return 0 if about is None else int(about.seq)


def event_of(envelope: Envelope) -> ConversationEvent | None:
    """Return the event of a live fact; None for a fact type unknown to this version."""
    read = _FACTS.get(envelope.type)
    if read is None:
        return None
    make = _EVENTS[read.DESCRIPTOR.name]
    return make(envelope.scope, envelope.change_no, read.FromString(envelope.fact))


def event_of_message(change_no: int, message: Message, *, is_new: bool) -> ConversationEvent:
    """Return the event of a message's current state that was fetched.

    Args:
        change_no: number of the change.
        message: its current state.
        is_new: whether the message has not been delivered before.
    """
    if message.recalled:
        return MessageRecalled(message.conversation_id, change_no, message)
    kind = MessagePosted if is_new else MessageUpdated
    return kind(message.conversation_id, change_no, message)


def events_of_change(conversation_id: str, change: Change) -> list[ConversationEvent]:
    """Return the events of a change that does not concern a message."""
    if change.HasField("conversation"):
        return [ConversationChanged(conversation_id, change.change_no, change.conversation)]
    joined = tuple(each for each in change.members.members if each.active)
    left = tuple(each for each in change.members.members if not each.active)
    events: list[ConversationEvent] = []
    if joined:
        events.append(MembersAdded(conversation_id, change.change_no, joined))
    if left:
        events.append(MembersRemoved(conversation_id, change.change_no, left))
    return events


def _parts(fact: Any) -> MessageParts:
    """Return the parts in a fact; older facts carry the whole message instead."""
    if fact.HasField("parts"):
        parts: MessageParts = fact.parts
        return parts
    message: Message = fact.message
    parts = MessageParts(
        message_id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        root_seq=message.root_seq,
        change_no=message.change_no,
        revision=message.revision,
        reactions=message.reactions,
        labels=message.labels,
    )
    if message.HasField("pin"):
        parts.pin.CopyFrom(message.pin)
    return parts


def _reacted(scope: str, change_no: int, fact: Any) -> ConversationEvent:
    return MessageReacted(scope, change_no, _parts(fact), fact.emoji, fact.person_id, fact.removed)


_EVENTS: Final[Mapping[str, Callable[[str, int, Any], ConversationEvent]]] = {
    "MessagePosted": lambda scope, no, fact: MessagePosted(scope, no, fact.message),
    "MessageEdited": lambda scope, no, fact: MessageEdited(scope, no, fact.message),
    "MessageRecalled": lambda scope, no, fact: MessageRecalled(scope, no, fact.message),
    "MessageReacted": _reacted,
    "MessagePinned": lambda scope, no, fact: MessagePinned(scope, no, _parts(fact)),
    "MessageLabeled": lambda scope, no, fact: MessageLabeled(scope, no, _parts(fact)),
    "MembersAdded": lambda scope, no, fact: MembersAdded(scope, no, tuple(fact.members)),
    "MembersRemoved": lambda scope, no, fact: MembersRemoved(scope, no, tuple(fact.members)),
    "ConversationCreated": lambda scope, no, fact: ConversationChanged(
        scope, no, fact.conversation
    ),
    "ConversationChanged": lambda scope, no, fact: ConversationChanged(
        scope, no, fact.conversation
    ),
    "ConversationArchived": lambda scope, no, fact: ConversationChanged(
        scope, no, fact.conversation
    ),
}
_FACTS: Final[Mapping[str, Any]] = {
    f"{_PACKAGE}.{name}": getattr(events_pb2, name) for name in _EVENTS
}
