"""Events of a session, as an application receives them.

Entities are the messages of the contract (`plexus.messaging.v1.Message` and so on): they are typed
for mypy, need no copy, and expose fields that a newer Plexus adds without a new SDK. Only the
events themselves, which are not part of the contract, are classes of the SDK.
"""

from dataclasses import dataclass

from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.events_pb2 import Typing
from plexus.messaging.v1.messages_pb2 import Message, MessageParts
from plexus.messaging.v1.signal_service_pb2 import Presence
from plexus.notify.v1.notifications_pb2 import Notification


@dataclass(frozen=True, slots=True)
class ConversationEvent:
    """A change of one conversation.

    Attributes:
        conversation_id: id of the conversation.
        change_no: number of the change in the conversation's log.
    """

    conversation_id: str
    change_no: int


@dataclass(frozen=True, slots=True)
class MessagePosted(ConversationEvent):
    """A message, exactly once and in order of `seq`; it may already be edited."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageEdited(ConversationEvent):
    """The current state of a message after an edit (MSG-11)."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRecalled(ConversationEvent):
    """The tombstone of a recalled message (MSG-12); it may never have been delivered."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageReacted(ConversationEvent):
    """An emoji was added to a message or removed; `parts` has all reactions, pin and labels."""

    parts: MessageParts
    emoji: str
    person_id: str
    removed: bool


@dataclass(frozen=True, slots=True)
class MessagePinned(ConversationEvent):
    """A message was pinned or unpinned; `parts.pin` shows which."""

    parts: MessageParts


@dataclass(frozen=True, slots=True)
class MessageLabeled(ConversationEvent):
    """Labels of a message changed; `parts.labels` has all."""

    parts: MessageParts


@dataclass(frozen=True, slots=True)
class MessageUpdated(ConversationEvent):
    """The current state of a message that changed while no live events were received.

    It stands for one edit, reaction, pin or label, or for several of them.
    """

    message: Message


@dataclass(frozen=True, slots=True)
class MembersAdded(ConversationEvent):
    """People joined, or their roles changed."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class MembersRemoved(ConversationEvent):
    """People left or were removed."""

    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ConversationChanged(ConversationEvent):
    """The current state of a conversation that was created, changed or archived."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class ConversationClosed(ConversationEvent):
    """The caller can no longer read the conversation; no event of it follows (MSG-14).

    If access returns, events continue where they stopped.
    """


@dataclass(frozen=True, slots=True)
class ChangesExpired(ConversationEvent):
    """Plexus no longer stores the changes before `change_no`.

    All messages are still delivered. Edits, recalls and reactions of earlier messages may be
    missing: read those messages again if they matter.
    """


@dataclass(frozen=True, slots=True)
class NotificationRaised:
    """A new entry of the caller's inbox."""

    notification: Notification


@dataclass(frozen=True, slots=True)
class TypingSignal:
    """Another member is typing; valid for 6 seconds. Signals may be lost."""

    typing: Typing


@dataclass(frozen=True, slots=True)
class PresenceSignal:
    """The presence of a person with whom the caller has a direct conversation; may be lost."""

    presence: Presence


Event = ConversationEvent | NotificationRaised | TypingSignal | PresenceSignal
