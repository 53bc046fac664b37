"""The database as every subject uses it: transactions, request ids and the outbox."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from plexus.authz.v1.authority_pb2 import ReadFactsRequest, ReadFactsResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox
from plexuskit.relay import OUTBOX, read_facts, read_new_facts
from plexuskit.request_ids import Requests

from directory.shared.store.older_requests import OlderRequests

T = TypeVar("T")


class Store:
    """The directory's database; each subject adds its collections in a subclass."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.requests = Requests(db, older=OlderRequests())
        self.outbox = Outbox(db)

    async def read_facts(self, request: ReadFactsRequest) -> ReadFactsResponse:
        """Read published facts by their numbers; see `plexuskit.relay.read_facts`."""
        return await read_facts(self._db, [OUTBOX], request)

    def read_new_facts(
        self, topics: Sequence[str], *, since: datetime
    ) -> AsyncIterator[list[Envelope]]:
        """Read facts that are new since an instant; see `plexuskit.relay.read_new_facts`."""
        return read_new_facts(self._db, OUTBOX, topics=topics, since=since)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a closure in one transaction; it may run several times and has no effect outside."""
        return await self._db.transact(work)

    async def provision(self) -> None:
        """Create what is missing of collections and indexes; safe to run at every start."""
        await self.requests.ensure_indexes()
        await self.outbox.ensure_indexes()
