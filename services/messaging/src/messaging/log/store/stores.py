"""The store of the log: entries, the state that they lead to, and their heads."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from plexuskit.mongo import Database, Transaction

from messaging.log.store.checkpoints import CheckpointStore
from messaging.log.store.entries import EntryStore
from messaging.log.store.heads import HeadStore
from messaging.log.store.older_entries import erase_recalled_hashes
from messaging.log.store.proofs import ProofStore
from messaging.log.store.states import StateStore

T = TypeVar("T")


class Store:
    """Collections of the log, in the one database of messaging."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.entries = EntryStore(db)
        self.proofs = ProofStore(db)
        self.checkpoints = CheckpointStore(db)
        self.states = StateStore(db)
        self.heads = HeadStore(db)

    async def provision(self) -> None:
        """Create collections and indexes, and migrate stored data; repeating it changes nothing."""
        await self.entries.ensure_indexes()
        await self.checkpoints.ensure_indexes()
        await self.states.ensure_indexes()
        await self.heads.ensure_indexes()
        await erase_recalled_hashes(self.proofs)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a re-runnable closure in one transaction."""
        return await self.db.transact(work)
