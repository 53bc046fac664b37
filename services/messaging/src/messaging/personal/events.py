"""Facts and contract messages of people's private objects.

They go to topic `messaging.person.v1` through the outbox. Each object has its own versions.
"""

from datetime import datetime

from google.protobuf.message import Message as ProtoMessage
from plexus.messaging.v1 import events_pb2, personal_service_pb2
from plexuskit import outbox
from plexuskit.timestamps import timestamp

from messaging.contract.events import personal_fact
from messaging.personal.domain.drafts import Draft
from messaging.personal.domain.scheduled import Scheduled, State

_STATES = {
    State.WAITING: personal_service_pb2.ScheduledMessage.STATE_WAITING,
    State.CLAIMED: personal_service_pb2.ScheduledMessage.STATE_CLAIMED,
    State.SENT: personal_service_pb2.ScheduledMessage.STATE_SENT,
    State.CANCELLED: personal_service_pb2.ScheduledMessage.STATE_CANCELLED,
    State.FAILED: personal_service_pb2.ScheduledMessage.STATE_FAILED,
    State.OVERDUE: personal_service_pb2.ScheduledMessage.STATE_OVERDUE,
}


def draft_to_proto(draft: Draft) -> personal_service_pb2.Draft:
    """Return a draft as its author's devices see it; one without text is deleted."""
    proto = personal_service_pb2.Draft.FromString(draft.words)
    proto.person_id = draft.key.person_id
    proto.conversation_id = draft.key.conversation_id
    proto.root_seq = draft.key.root_seq
    proto.written_at.CopyFrom(timestamp(draft.written_at))
    proto.version = draft.version
    return proto


def scheduled_to_proto(scheduled: Scheduled) -> personal_service_pb2.ScheduledMessage:
    """Return a scheduled message with its outcome."""
    words = personal_service_pb2.ScheduledContent.FromString(scheduled.words)
    return personal_service_pb2.ScheduledMessage(
        id=scheduled.id,
        person_id=scheduled.person_id,
        conversation_id=scheduled.conversation_id,
        text=words.text,
        format=words.format,
        spans=words.spans,
        mentions=words.mentions,
        priority=words.priority,
        reply_to_seq=words.reply_to_seq,
        attachments=words.attachments,
        quote_seq=words.quote_seq,
        notify=words.notify,
        send_at=timestamp(scheduled.send_at),
        state=_STATES[scheduled.state],
        failure_reason=scheduled.failure_reason,
        seq=scheduled.seq,
        version=scheduled.version,
        created_at=timestamp(scheduled.created_at),
    )


def draft_saved(draft: Draft, *, now: datetime) -> outbox.Fact:
    """A draft was written, changed, or emptied."""
    key = draft.key
    fact: ProtoMessage = events_pb2.DraftDeleted(
        person_id=key.person_id,
        conversation_id=key.conversation_id,
        root_seq=key.root_seq,
        version=draft.version,
        written_at=timestamp(draft.written_at),
    )
    if draft.has_words:
        fact = events_pb2.DraftSaved(draft=draft_to_proto(draft))
    return personal_fact(
        fact,
        tenant_id=draft.tenant_id,
        person_id=key.person_id,
        entity_id=f"draft:{key.id}",
        version=draft.version,
        now=now,
    )


def scheduled_changed(scheduled: Scheduled, *, now: datetime) -> outbox.Fact:
    """A scheduled message was made, changed, or came to another state (MSG-17)."""
    return personal_fact(
        events_pb2.ScheduledMessageChanged(scheduled=scheduled_to_proto(scheduled)),
        tenant_id=scheduled.tenant_id,
        person_id=scheduled.person_id,
        entity_id=scheduled.id,
        version=scheduled.version,
        now=now,
    )
