"""The store of drafts and scheduled messages."""

from plexuskit.mongo import Database

from messaging.messages.store.stores import Store as MessagesStore
from messaging.personal.store.drafts import DraftStore
from messaging.personal.store.scheduled import ScheduledStore


class Store(MessagesStore):
    """Collections of drafts and scheduled messages, and those of messages."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.drafts = DraftStore(db)
        self.scheduled = ScheduledStore(db)

    async def provision(self) -> None:
        """Create collections and indexes too; again changes nothing."""
        await super().provision()
        await self.drafts.ensure_indexes()
        await self.scheduled.ensure_indexes()
