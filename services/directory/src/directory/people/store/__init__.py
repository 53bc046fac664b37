"""The collections of tenants, people, departments and groups."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from plexuskit.mongo import Database, Transaction

from directory.accounts.store import Store as AccountsStore
from directory.people.store.departments import Departments
from directory.people.store.groups import Groups
from directory.people.store.holders import Holders
from directory.people.store.members import Members
from directory.people.store.people import Follower, People
from directory.people.store.places import PeoplePlaces
from directory.people.store.providers import ProviderIds
from directory.people.store.reporting import Reporting
from directory.people.store.tenants import Tenants
from directory.shared.domain.ids import TenantId

T = TypeVar("T")
# Changes at once wait for one another by trying again.
_ATTEMPTS: Final = 60


class Store(AccountsStore):
    """The database with tenants, people, departments and groups."""

    places: PeoplePlaces

    def __init__(self, db: Database, *, followers: Sequence[Follower] = ()) -> None:
        """Open the stores; `followers` are called in transactions that change people."""
        super().__init__(db)
        self._reorganising: defaultdict[TenantId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.tenants = Tenants(db)
        self.people = People(db, followers=followers)
        self.members = Members(db)
        self.departments = Departments(db)
        self.groups = Groups(db)
        self.reporting = Reporting(self.people, self.departments)
        self.holders = Holders(
            db,
            roles=self.roles,
            bindings=self.bindings,
            departments=self.departments,
            members=self.members,
        )
        self.places = PeoplePlaces(db)
        self.provider_ids = ProviderIds(db)

    async def reorganise(
        self, tenant_id: TenantId, work: Callable[[Transaction], Awaitable[T]]
    ) -> T:
        """Run a closure in one transaction that no other change of the organisation overlaps.

        Changes of one tenant's people, departments and groups come one after the other, in any
        number of processes; readers, sign-ins and everything else do not wait. Those of one process
        wait for each other here: every conflict would cost a transaction.
        """

        async def alone(tx: Transaction) -> T:
            await self.tenants.serialise_organisation(tenant_id, tx=tx)
            return await work(tx)

        async with self._reorganising[tenant_id]:
            return await self._db.transact(alone, attempts=_ATTEMPTS)

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.tenants.provision()
        await self.people.provision()
        await self.departments.provision()
        await self.groups.provision()
        await self.members.provision()
