"""Reads: what one person may see of conversations, messages, changes and receipts."""

from messaging.queries.acquaintance import acquainted
from messaging.queries.anchors import export_anchors
from messaging.queries.authority import (
    compact_snapshot,
    read_members,
    readable_containers,
    recheck,
    snapshot,
)
from messaging.queries.history import (
    Changes,
    get_message,
    list_changes,
    list_members,
    list_messages,
)
from messaging.queries.personal import list_drafts, list_scheduled
from messaging.queries.preview import Preview, preview_send
from messaging.queries.receipts import Receipts, Thread, get_thread, list_receipts
from messaging.queries.seats import Seat, seat
from messaging.queries.verification import Verification, verify_conversation
from messaging.queries.versions import list_pins, list_versions
from messaging.queries.views import ListPosition, View, get_view, list_views, peer_of

__all__ = [
    "Changes",
    "ListPosition",
    "Preview",
    "Receipts",
    "Seat",
    "Thread",
    "Verification",
    "View",
    "acquainted",
    "compact_snapshot",
    "export_anchors",
    "get_message",
    "get_thread",
    "get_view",
    "list_changes",
    "list_drafts",
    "list_members",
    "list_messages",
    "list_pins",
    "list_receipts",
    "list_scheduled",
    "list_versions",
    "list_views",
    "peer_of",
    "preview_send",
    "read_members",
    "readable_containers",
    "recheck",
    "seat",
    "snapshot",
    "verify_conversation",
]
