"""The store of imports from other systems."""

from plexuskit.mongo import Database

from messaging.importing.store.imports import ImportedStore, ImportStore
from messaging.messages.store.stores import Store as MessagesStore


class Store(MessagesStore):
    """Collections of imports, and those of messages."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.imports = ImportStore(db)
        self.imported = ImportedStore(db)

    async def provision(self) -> None:
        """Create collections and indexes too; again changes nothing."""
        await super().provision()
        await self.imports.ensure_indexes()
