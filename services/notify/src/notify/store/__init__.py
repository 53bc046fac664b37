"""Every query, index and document shape of the service."""

from notify.store.conversations import Cursor
from notify.store.store import Store

__all__ = ["Cursor", "Store"]
