"""The collections of access, and grants, which are read from them."""

from plexuskit.mongo import Database

from directory.access.store.access_policies import Policies
from directory.access.store.grants import GrantReader
from directory.access.store.modules import Modules
from directory.access.store.places import Places
from directory.access.store.role_bindings import Bindings
from directory.access.store.roles import Roles
from directory.shared.store import Store as SharedStore


class Store(SharedStore):
    """The database with roles, bindings, attribute policies and modules."""

    places: Places

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.roles = Roles(db)
        self.bindings = Bindings(db)
        self.policies = Policies(db)
        self.modules = Modules(db)
        self.grants = GrantReader(db)
        self.places = Places(db)

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.roles.provision()
        await self.bindings.provision()
        await self.policies.provision()
        await self.modules.provision()
