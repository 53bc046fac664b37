"""Every query, index and document shape of messaging."""

from messaging.store.conversations import ConversationStore
from messaging.store.cursors import CursorStore
from messaging.store.entries import EntryStore
from messaging.store.store import Store

__all__ = ["ConversationStore", "CursorStore", "EntryStore", "Store"]
