"""What the directory stores: every collection, query, index and document shape."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox

from directory.store.credentials import AttemptLog, Credential, Credentials
from directory.store.departments import Departments
from directory.store.people import People
from directory.store.requests import Requests
from directory.store.scim import Feeds, Records
from directory.store.sessions import Sessions
from directory.store.signing_keys import SigningKeys, load_or_create, rotate
from directory.store.tenants import Tenants

__all__ = ["Credential", "SigningKeys", "Store", "load_or_create", "rotate"]

T = TypeVar("T")


class Store:
    """The directory's database: one room per collection, and the outbox for its facts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.tenants = Tenants(db)
        self.scim = Records(db)
        self.feeds = Feeds(db)
        self.people = People(db, records=self.scim)
        self.departments = Departments(db)
        self.credentials = Credentials(db)
        self.attempts = AttemptLog(db)
        self.sessions = Sessions(db)
        self.requests = Requests(db)
        self.outbox = Outbox(db)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a closure in one transaction; it may run several times and has no effect outside."""
        return await self._db.transact(work)

    async def provision(self) -> None:
        """Create what is missing of collections and indexes; safe to run at every start."""
        await self.tenants.provision()
        await self.people.provision()
        await self.scim.provision()
        await self.feeds.provision()
        await self.departments.provision()
        await self.credentials.provision()
        await self.attempts.provision()
        await self.sessions.provision()
        await self.requests.provision()
        await self.outbox.ensure_indexes()
