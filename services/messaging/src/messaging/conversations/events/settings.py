"""Settings of conversations as messages of the contract, and their facts."""

from datetime import datetime

from plexus.messaging.v1 import conversations_pb2, events_pb2
from plexuskit import outbox
from plexuskit.timestamps import timestamp

from messaging.contract.events import personal_fact
from messaging.conversations.domain.settings import ConversationSettings


def settings_to_proto(settings: ConversationSettings) -> conversations_pb2.ConversationSettings:
    """Return a person's conversation settings as protobuf."""
    return conversations_pb2.ConversationSettings(
        conversation_id=settings.conversation_id,
        folder=settings.folder,
        muted_until=timestamp(settings.muted_until) if settings.muted_until else None,
        marked_unread=settings.marked_unread,
        starred=settings.starred,
        mention_seqs=settings.mention_seqs,
        version=settings.version,
    )


def settings_changed(
    settings: ConversationSettings, *, tenant_id: str, now: datetime
) -> outbox.Fact:
    """Folder, mute, star or mark changed."""
    return personal_fact(
        events_pb2.ConversationSettingsChanged(
            person_id=settings.person_id, settings=settings_to_proto(settings)
        ),
        tenant_id=tenant_id,
        person_id=settings.person_id,
        entity_id=f"settings:{settings.id}",
        version=settings.version,
        now=now,
    )
