"""The log as the relay publishes it."""

from typing import Final

from plexus.topics import MESSAGING_CONVERSATION_V1
from plexuskit.relay import FactSource, replay_by_id

from messaging.log.domain.entries import EntryKind

_FACTS: Final = {
    EntryKind.CREATED: "ConversationCreated",
    EntryKind.CHANGED: "ConversationChanged",
    EntryKind.ARCHIVED: "ConversationArchived",
    EntryKind.MEMBERS_ADDED: "MembersAdded",
    EntryKind.MEMBERS_REMOVED: "MembersRemoved",
    EntryKind.POSTED: "MessagePosted",
    EntryKind.EDITED: "MessageEdited",
    EntryKind.RECALLED: "MessageRecalled",
    EntryKind.REACTED: "MessageReacted",
    EntryKind.PINNED: "MessagePinned",
    EntryKind.LABELED: "MessageLabeled",
    EntryKind.CHAIN_BEGUN: "ChainBegun",
}

TYPES: Final = {kind.value: f"plexus.messaging.v1.{fact}" for kind, fact in _FACTS.items()}

ENTRIES: Final = FactSource(
    collection="entries",
    topic=lambda _: MESSAGING_CONVERSATION_V1.name,
    key=lambda entry: entry["conversation_id"],
    scope=lambda entry: entry["conversation_id"],
    number=lambda entry: entry["change_no"],
    event=lambda entry: entry["event"],
    traceparent=lambda entry: entry.get("traceparent", ""),
    dense=True,
    mark_published=False,
    replay=replay_by_id("conversation_id", "change_no"),
    recent=lambda since: {"stored_at": {"$gte": since}},
    event_type=lambda entry: TYPES[entry["kind"]],
)
