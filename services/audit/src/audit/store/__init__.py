"""Every query, index and document shape of the service."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from plexuskit.mongo import Database, Transaction
from plexuskit.request_ids import Requests

from audit.store.history import HistoryStore
from audit.store.ledger import EntryFilter, LedgerStore
from audit.store.past import PastStore

__all__ = ["EntryFilter", "Store"]

T = TypeVar("T")


class Store:
    """The service's database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.ledger = LedgerStore(db)
        self.history = HistoryStore(db)
        self.past = PastStore(db)
        self.requests = Requests(db)

    async def provision(self) -> None:
        """Create the collections and indexes that are missing; run any number of times."""
        await self.ledger.ensure_indexes()
        await self.history.ensure_indexes()
        await self.requests.ensure_indexes()

    async def probe(self) -> None:
        """Write and read the probe document of the service"s consumers; see `Database.probe`."""
        await self._db.probe("audit")

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run the work in one transaction, again after conflicts; see `Database.transact`."""
        return await self._db.transact(work)
