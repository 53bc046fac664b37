"""The store of conversations: people, settings, request ids and facts beside the log."""

from plexuskit.mongo import Database
from plexuskit.outbox import Outbox
from plexuskit.request_ids import Requests

from messaging.conversations.store.conversations import ConversationStore
from messaging.conversations.store.events import EventStore
from messaging.conversations.store.older_requests import OlderRequests
from messaging.conversations.store.people import PeopleStore
from messaging.conversations.store.settings import SettingsStore
from messaging.log.store.stores import Store as LogStore


class Store(LogStore):
    """Collections of conversations, and those of the log."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.conversations = ConversationStore(db)
        self.events = EventStore(db)
        self.people = PeopleStore(db)
        self.settings = SettingsStore(db)
        self.requests = Requests(db, older=OlderRequests())
        self.outbox = Outbox(db)

    async def provision(self) -> None:
        """Create collections and indexes too; again changes nothing."""
        await super().provision()
        await self.events.ensure_indexes()
        await self.people.ensure_indexes()
        await self.settings.ensure_indexes()
        await self.requests.ensure_indexes()
        await self.outbox.ensure_indexes()
