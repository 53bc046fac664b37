"""What the directory stores: every collection, query, index and document shape."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox

from directory.store.api_tokens import ApiTokens
from directory.store.credentials import AttemptLog, Credential, Credentials
from directory.store.departments import Departments
from directory.store.key_files import UnusableKeys
from directory.store.people import People
from directory.store.requests import Requests
from directory.store.sealing import SealBroken, Sealing, load_or_create_sealing
from directory.store.second_factors import Challenges, RecoveryCodes, SecondFactors
from directory.store.sessions import Sessions
from directory.store.sign_in_policies import Providers, SignInPolicies
from directory.store.signing_keys import SigningKeys, load, load_or_create, rotate
from directory.store.tenants import Tenants

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


class Store:
    """The directory's database: one room per collection, and the outbox for its facts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.tenants = Tenants(db)
        self.people = People(db)
        self.departments = Departments(db)
        self.credentials = Credentials(db)
        self.attempts = AttemptLog(db)
        self.sessions = Sessions(db)
        self.factors = SecondFactors(db)
        self.recovery_codes = RecoveryCodes(db)
        self.challenges = Challenges(db)
        self.api_tokens = ApiTokens(db)
        self.sign_in_policies = SignInPolicies(db)
        self.providers = Providers(db)
        self.requests = Requests(db)
        self.outbox = Outbox(db)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a closure in one transaction; it may run several times and has no effect outside."""
        return await self._db.transact(work)

    async def provision(self) -> None:
        """Create what is missing of collections and indexes; safe to run at every start."""
        await self.tenants.provision()
        await self.people.provision()
        await self.departments.provision()
        await self.credentials.provision()
        await self.attempts.provision()
        await self.sessions.provision()
        await self.factors.provision()
        await self.recovery_codes.provision()
        await self.challenges.provision()
        await self.api_tokens.provision()
        await self.sign_in_policies.provision()
        await self.providers.provision()
        await self.requests.provision()
        await self.outbox.ensure_indexes()
