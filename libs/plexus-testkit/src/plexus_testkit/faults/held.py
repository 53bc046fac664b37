"""A device's copy of a conversation: old state and changes, never fetched again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.messaging.v1.messaging_service_pb2 import Change

from plexus_testkit.faults.ledger import Violation

_PACKAGE: Final = "plexus.messaging.v1."


def _named(*facts: Any) -> Mapping[str, Any]:
    return {f"{_PACKAGE}{fact.__name__}": fact for fact in facts}


_OF_MESSAGES: Final = _named(
    events_pb2.MessagePosted, events_pb2.MessageEdited, events_pb2.MessageRecalled
)
_OF_PARTS: Final = _named(
    events_pb2.MessageReacted, events_pb2.MessagePinned, events_pb2.MessageLabeled
)
_OF_CONVERSATIONS: Final = _named(
    events_pb2.ConversationCreated,
    events_pb2.ConversationChanged,
    events_pb2.ConversationArchived,
)
_OF_MEMBERS: Final = _named(events_pb2.MembersAdded, events_pb2.MembersRemoved)
_CHAIN_BEGUN: Final = f"{_PACKAGE}ChainBegun"


@dataclass
class Held:
    """One conversation on one device."""

    through: int = 0
    messages: dict[int, Message] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    conversation: Conversation = field(default_factory=Conversation)
    # Number of the removal of this person; 0: none since the last joining.
    closed_at: int = 0

    def apply(self, envelope: Envelope) -> None:
        """Apply a fact of the conversation.

        Raises:
            Violation: a fact that no client knows.
        """
        kind, fact = envelope.type, envelope.fact
        if kind in _OF_MESSAGES:
            self._note(_OF_MESSAGES[kind].FromString(fact).message)
        elif kind in _OF_PARTS:
            self._note_parts(_OF_PARTS[kind].FromString(fact))
        elif kind in _OF_CONVERSATIONS:
            created = _OF_CONVERSATIONS[kind].FromString(fact)
            self.conversation = created.conversation
            if isinstance(created, events_pb2.ConversationCreated):
                self._seat({member.person_id: member for member in created.members})
        elif kind in _OF_MEMBERS:
            members = _OF_MEMBERS[kind].FromString(fact).members
            self._seat({member.person_id: member for member in members})
        elif kind == _CHAIN_BEGUN:
            return
        else:
            raise Violation(f"nobody knows the fact {kind}")

    def merge(self, change: Change) -> None:
        """Apply one entity of ListChanges: its current state, which may be newer than `through`."""
        match change.WhichOneof("entity"):
            case "message":
                self._note(change.message)
            case "conversation":
                self.conversation = change.conversation
            case "members":
                self._seat({member.person_id: member for member in change.members.members})

    def _note(self, message: Message) -> None:
        previous = self.messages.get(message.seq)
        if previous is None or previous.revision <= message.revision:
            self.messages[message.seq] = message

    def _note_parts(self, fact: Any) -> None:
        """Replace a message's reactions, pin and labels; facts from before `parts` have all."""
        if fact.HasField("message"):
            self._note(fact.message)
            return
        previous = self.messages.get(fact.parts.seq)
        if previous is not None and previous.revision < fact.parts.revision:
            self.messages[fact.parts.seq] = with_parts(previous, fact.parts)

    def _seat(self, members: Mapping[str, Member]) -> None:
        for person_id, member in members.items():
            previous = self.members.get(person_id)
            if previous is None or previous.version <= member.version:
                self.members[person_id] = member


def with_parts(message: Message, parts: MessageParts) -> Message:
    """Return a message with these parts in place of its own; the text stays."""
    after = Message.FromString(message.SerializeToString())
    for name in ("reactions", "pin", "labels"):
        after.ClearField(name)
    after.reactions.extend(parts.reactions)
    after.labels.extend(parts.labels)
    if parts.HasField("pin"):
        after.pin.CopyFrom(parts.pin)
    after.revision, after.change_no = parts.revision, parts.change_no
    return after


def comparable(message: Message) -> bytes:
    """Return a message's bytes without the parts added on reading: the text of its quote."""
    if message.HasField("quote"):
        message = Message.FromString(message.SerializeToString())
        message.quote.text = ""
        message.quote.unavailable = False
    return message.SerializeToString(deterministic=True)


def differing(held: Message, fetched: Message) -> str:
    """Name the fields in which two states of a message differ, with both values."""
    names = [field.name for field in Message.DESCRIPTOR.fields]
    odd = [name for name in names if getattr(held, name) != getattr(fetched, name)]
    return "; ".join(f"{name}: {getattr(held, name)} / {getattr(fetched, name)}" for name in odd)
