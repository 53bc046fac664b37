"""The store as a whole: one database, its collections and their indexes."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox
from plexuskit.requests import Requests

from messaging.store.checkpoints import CheckpointStore
from messaging.store.conversations import ConversationStore
from messaging.store.cursors import CursorStore
from messaging.store.drafts import DraftStore
from messaging.store.emptying import EmptyingStore
from messaging.store.entries import EntryStore
from messaging.store.heads import HeadStore
from messaging.store.history import HistoryStore
from messaging.store.imports import ImportStore
from messaging.store.older import erase_recalled_hashes
from messaging.store.people import PeopleStore
from messaging.store.policies import PolicyStore
from messaging.store.proofs import ProofStore
from messaging.store.scheduled import ScheduledStore
from messaging.store.settings import SettingsStore
from messaging.store.threads import ThreadStore
from messaging.store.unread import UnreadStore

T = TypeVar("T")


class Store:
    """Everything messaging keeps, in one database."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.entries = EntryStore(db)
        self.emptying = EmptyingStore(db)
        self.proofs = ProofStore(db)
        self.checkpoints = CheckpointStore(db)
        self.conversations = ConversationStore(db)
        self.heads = HeadStore(db)
        self.history = HistoryStore(db)
        self.unread = UnreadStore(db)
        self.cursors = CursorStore(db)
        self.threads = ThreadStore(db)
        self.policies = PolicyStore(db)
        self.people = PeopleStore(db)
        self.requests = Requests(db)
        self.drafts = DraftStore(db)
        self.settings = SettingsStore(db)
        self.scheduled = ScheduledStore(db)
        self.imports = ImportStore(db)
        self.outbox = Outbox(db)

    async def provision(self) -> None:
        """Create collections and indexes, bring stored data up to date; again changes nothing."""
        await self.entries.ensure_indexes()
        await self.emptying.ensure_indexes()
        await self.checkpoints.ensure_indexes()
        await self.conversations.ensure_indexes()
        await self.heads.ensure_indexes()
        await self.cursors.ensure_indexes()
        await self.threads.ensure_indexes()
        await self.policies.ensure_indexes()
        await self.people.ensure_indexes()
        await self.requests.ensure_indexes()
        await self.drafts.ensure_indexes()
        await self.settings.ensure_indexes()
        await self.scheduled.ensure_indexes()
        await self.imports.ensure_indexes()
        await self.outbox.ensure_indexes()
        await erase_recalled_hashes(self.proofs)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a re-runnable closure in one transaction."""
        return await self.db.transact(work)
