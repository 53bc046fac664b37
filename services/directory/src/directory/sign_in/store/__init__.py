"""The collections of second factors, sign-in policies and OpenID providers."""

from plexuskit.mongo import Database

from directory.people.store import Store as PeopleStore
from directory.sign_in.store.second_factors import Challenges, RecoveryCodes, SecondFactors
from directory.sign_in.store.sign_in_policies import Providers, SignInPolicies


class Store(PeopleStore):
    """The database with second factors, open questions, policies and providers."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.factors = SecondFactors(db)
        self.recovery_codes = RecoveryCodes(db)
        self.challenges = Challenges(db)
        self.sign_in_policies = SignInPolicies(db)
        self.providers = Providers(db)

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.factors.provision()
        await self.recovery_codes.provision()
        await self.challenges.provision()
        await self.sign_in_policies.provision()
        await self.providers.provision()
