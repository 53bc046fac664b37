"""Store of messages, their log and the tenant's policy."""

from plexuskit.mongo import Database

from messaging.conversations.store.stores import Store as ConversationsStore
from messaging.messages.store.history import HistoryStore
from messaging.messages.store.messages import MessageStore
from messaging.messages.store.policies import PolicyStore
from messaging.messages.store.recalls import EmptyingStore


class Store(ConversationsStore):
    """Collections of messages, and those of conversations."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.messages = MessageStore(db)
        self.history = HistoryStore(db)
        self.emptying = EmptyingStore(db)
        self.policies = PolicyStore(db)

    async def provision(self) -> None:
        """Create collections and indexes too; again changes nothing."""
        await super().provision()
        await self.emptying.ensure_indexes()
        await self.policies.ensure_indexes()
