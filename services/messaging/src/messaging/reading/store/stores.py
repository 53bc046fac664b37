"""The store of read cursors, unread counts and followed threads."""

from plexuskit.mongo import Database

from messaging.messages.store.stores import Store as MessagesStore
from messaging.reading.store.cursors import CursorStore
from messaging.reading.store.threads import ThreadStore
from messaging.reading.store.unread import UnreadStore


class Store(MessagesStore):
    """Collections of reading, and those of messages."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.cursors = CursorStore(db)
        self.unread = UnreadStore(db)
        self.threads = ThreadStore(db)

    async def provision(self) -> None:
        """Create collections and indexes too; again changes nothing."""
        await super().provision()
        await self.cursors.ensure_indexes()
        await self.threads.ensure_indexes()
