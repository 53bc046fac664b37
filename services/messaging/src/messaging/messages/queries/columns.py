"""Comparison of an entry's query columns with the event that proves them."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.timestamps import instant_of

from messaging.log.domain.entries import EntryKind
from messaging.log.domain.states import Conversation
from messaging.log.events.seals import OF_MESSAGES, placed
from messaging.log.store.sources import TYPES

# The event keeps the nearest millisecond, MongoDB the one before.
_ROUNDING: Final = timedelta(milliseconds=1)


def columns_agree(
    conversation: Conversation, entry: Mapping[str, Any], envelope: Envelope, fact: Any
) -> bool:
    """Return whether every column of an entry agrees with its event."""
    stored_at = entry["stored_at"].replace(tzinfo=UTC)
    written = (
        conversation.tenant_id,
        conversation.tenant_id,
        conversation.id,
        conversation.id,
        entry["_id"],
        envelope.change_no,
        envelope.entity_id,
        envelope.entity_version,
        envelope.membership_version,
        envelope.origin,
        envelope.type,
        envelope.chain_hash,
    )
    held = (
        entry["tenant_id"],
        envelope.tenant_id,
        entry["conversation_id"],
        envelope.scope,
        f"{envelope.scope}:{envelope.change_no:012d}",
        entry["change_no"],
        entry["entity_id"],
        entry["revision"],
        entry["membership_version"],
        entry["origin"],
        TYPES[entry["kind"]],
        bytes(entry["chain_hash"]),
    )
    occurred_at = instant_of(envelope.occurred_at)
    if written != held or abs(occurred_at - stored_at) > _ROUNDING:
        return False
    if not isinstance(fact, OF_MESSAGES):
        return True
    if entry["kind"] == EntryKind.POSTED.value:
        return _of_post(entry, envelope, fact.message)
    same_person = entry["actor_id"] == envelope.actor_id
    return same_person and placed(fact).seq == int(entry["about_seq"])


def _of_post(entry: Mapping[str, Any], envelope: Envelope, message: Any) -> bool:
    held = (
        entry["entity_id"],
        entry["conversation_id"],
        entry["seq"],
        entry["sender_id"],
        entry["sender_id"],
        entry["request_id"],
        entry["priority"],
        entry.get("root_seq", 0),
        entry["change_no"],
    )
    written = (
        message.id,
        message.conversation_id,
        message.seq,
        message.sender_id,
        envelope.actor_id,
        message.request_id,
        message.priority,
        message.root_seq,
        message.change_no,
    )
    replied = message.reply_to_seq in {0, entry.get("reply_to_seq", 0)}
    return held == written and replied
