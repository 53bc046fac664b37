"""What the directory stores: every collection, query, index and document shape."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from plexus.authz.v1.authority_pb2 import ReadFactsRequest, ReadFactsResponse
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox
from plexuskit.relay import OUTBOX, read_facts, read_new_facts

from directory.access.store.access_policies import Policies
from directory.access.store.grants import GrantReader
from directory.access.store.modules import Modules
from directory.access.store.role_bindings import Bindings
from directory.access.store.roles import Roles
from directory.accounts.store.api_tokens import ApiTokens
from directory.accounts.store.credentials import (
    AttemptLog,
    Credential,
    Credentials,
    FailedSignInLog,
    SpreadLog,
)
from directory.accounts.store.key_files import UnusableKeys
from directory.accounts.store.sealing import SealBroken, Sealing, load_or_create_sealing
from directory.accounts.store.sessions import Sessions
from directory.accounts.store.signing_keys import SigningKeys, load, load_or_create, rotate
from directory.people.store.departments import Departments
from directory.people.store.groups import Groups
from directory.people.store.holders import Holders
from directory.people.store.members import Members
from directory.people.store.people import People
from directory.people.store.places import PeoplePlaces
from directory.people.store.reporting import Reporting
from directory.people.store.tenants import Tenants
from directory.scim.store import Feeds, Records
from directory.shared.domain.ids import TenantId
from directory.shared.store.requests import Requests
from directory.sign_in.store.second_factors import Challenges, RecoveryCodes, SecondFactors
from directory.sign_in.store.sign_in_policies import Providers, SignInPolicies

__all__ = [
    "Credential",
    "SealBroken",
    "Sealing",
    "SigningKeys",
    "Store",
    "UnusableKeys",
    "load",
    "load_or_create",
    "load_or_create_sealing",
    "rotate",
]

T = TypeVar("T")
# Changes at once wait for one another by trying again.
_ATTEMPTS: Final = 60


class Store:
    """The directory's database: one room per collection, and the outbox for its facts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._reorganising: defaultdict[TenantId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.tenants = Tenants(db)
        self.scim = Records(db)
        self.feeds = Feeds(db)
        self.people = People(db, followers=[self.scim])
        self.members = Members(db)
        self.departments = Departments(db)
        self.groups = Groups(db)
        self.reporting = Reporting(self.people, self.departments)
        self.credentials = Credentials(db)
        self.attempts = AttemptLog(db)
        self.spread = SpreadLog(db)
        self.failed_sign_ins = FailedSignInLog(db)
        self.sessions = Sessions(db)
        self.factors = SecondFactors(db)
        self.recovery_codes = RecoveryCodes(db)
        self.challenges = Challenges(db)
        self.api_tokens = ApiTokens(db)
        self.sign_in_policies = SignInPolicies(db)
        self.providers = Providers(db)
        self.requests = Requests(db)
        self.roles = Roles(db)
        self.bindings = Bindings(db)
        self.policies = Policies(db)
        self.modules = Modules(db)
        self.grants = GrantReader(db)
        self.holders = Holders(
            db,
            roles=self.roles,
            bindings=self.bindings,
            departments=self.departments,
            members=self.members,
        )
        self.places = PeoplePlaces(db)
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
        """Create what is missing of collections and indexes; safe to run at every start."""
        await self.tenants.provision()
        await self.people.provision()
        await self.scim.provision()
        await self.feeds.provision()
        await self.departments.provision()
        await self.groups.provision()
        await self.members.provision()
        await self.credentials.provision()
        await self.attempts.provision()
        await self.failed_sign_ins.provision()
        await self.sessions.provision()
        await self.factors.provision()
        await self.recovery_codes.provision()
        await self.challenges.provision()
        await self.api_tokens.provision()
        await self.sign_in_policies.provision()
        await self.providers.provision()
        await self.requests.provision()
        await self.roles.provision()
        await self.bindings.provision()
        await self.policies.provision()
        await self.modules.provision()
        await self.outbox.ensure_indexes()
