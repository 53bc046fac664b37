"""Facts of other services as domain values."""

from collections.abc import Sequence
from typing import Final

from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.conversations_pb2 import Conversation as ConversationMessage
from plexus.messaging.v1.conversations_pb2 import ConversationSettings
from plexus.messaging.v1.conversations_pb2 import Member as MemberMessage
from plexus.messaging.v1.messages_pb2 import NOTIFY_NONE, PRIORITY_URGENT, Mention
from plexus.messaging.v1.messages_pb2 import Message as MessageMessage
from plexus.tasks.v1.tasks_pb2 import Task as TaskMessage
from plexuskit.timestamps import optional_instant

from notify.domain.conversations import Conversation, Member
from notify.domain.messages import Addressing, SentMessage
from notify.domain.mutes import Mute
from notify.domain.people import Person
from notify.domain.tasks import Task, due_text

IMPORT: Final = "import"
_OPEN: Final = frozenset(
    {TaskMessage.STATE_TODO, TaskMessage.STATE_DOING, TaskMessage.STATE_BLOCKED}
)


def message_of(
    envelope: Envelope, message: MessageMessage, mentions: Sequence[Mention], *, fresh: bool
) -> SentMessage | None:
    """Return a message that can notify, None for imported, recalled and system messages.

    Args:
        envelope: of the fact.
        message: its state in the fact.
        mentions: those that notify: all of a new message, the added ones of an edit (MSG-11).
        fresh: whether the message is new.
    """
    imported = IMPORT in {envelope.origin, message.origin}
    if imported or message.recalled or message.kind == MessageMessage.KIND_SYSTEM:
        return None
    return SentMessage(
        event_id=envelope.event_id,
        tenant_id=envelope.tenant_id,
        message_id=message.id,
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        seq=message.seq,
        root_seq=message.root_seq,
        text=message.text,
        addressing=Addressing(
            person_ids=frozenset(each.person_id for each in mentions if each.person_id),
            everybody=any(each.all for each in mentions),
            department_ids=frozenset(each.department_id for each in mentions if each.department_id),
        ),
        fresh=fresh,
        silent=message.notify == NOTIFY_NONE and message.priority != PRIORITY_URGENT,
        urgent=message.priority == PRIORITY_URGENT,
    )


def person_of(message: PersonMessage) -> Person:
    """Return a person; one without a display name is called by the handle."""
    return Person(
        id=message.id,
        tenant_id=message.tenant_id,
        display_name=message.display_name or message.handle,
        email=message.email,
        time_zone=message.time_zone,
        locale=message.locale,
        active=message.state == PersonMessage.STATE_ACTIVE,
        is_app=message.kind == PersonMessage.KIND_SERVICE_ACCOUNT,
        version=message.version,
    )


def conversation_of(message: ConversationMessage) -> Conversation:
    """Return a conversation."""
    return Conversation(
        id=message.id,
        tenant_id=message.tenant_id,
        direct=message.kind == ConversationMessage.KIND_DIRECT,
        name=message.name,
        open_history=message.history == ConversationMessage.HISTORY_ALL,
        confidential=message.confidential,
        version=message.version,
    )


def member_of(message: MemberMessage) -> Member:
    """Return a member."""
    return Member(
        conversation_id=message.conversation_id,
        person_id=message.person_id,
        active=message.active,
        intervals=tuple((each.first_seq, each.last_seq) for each in message.intervals),
        version=message.version,
    )


def mute_of(settings: ConversationSettings, *, person_id: str) -> Mute:
    """Return until when a person has muted a conversation."""
    return Mute(
        conversation_id=settings.conversation_id,
        person_id=person_id,
        until=optional_instant(settings, "muted_until"),
        version=settings.version,
    )


def task_of(message: TaskMessage) -> Task:
    """Return a task."""
    due = message.due
    at = optional_instant(due, "at")
    return Task(
        id=message.id,
        tenant_id=message.tenant_id,
        key=message.key,
        title=message.title,
        owner_id=message.owner_id,
        assignee_ids=tuple(message.assignee_ids),
        is_open=message.state in _OPEN,
        due=due_text(at=at, on=due.date),
        version=message.version,
    )
