"""Module switches; the default state is not stored."""

from collections.abc import AsyncIterator
from typing import Final

from plexus_access.modules import NAMES
from plexuskit.mongo import Database, Transaction

from directory.access.domain.modules import Module, unswitched
from directory.access.store.documents import MODULES
from directory.shared.domain.ids import TenantId

SCHEMA_VERSION: Final = 1


class Modules:
    """The modules of every tenant."""

    def __init__(self, db: Database) -> None:
        self._modules = db.collection("modules", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection; there are as many as the product has modules."""
        await self._modules.ensure_indexes([])

    async def get(self, name: str, *, tenant_id: TenantId, tx: Transaction) -> Module:
        """Load a module; one that was never switched is on.

        Raises:
            ModuleUnknown: there is no module of that name.
        """
        module = unswitched(name, tenant_id=tenant_id)
        found = await self._modules.find_one({"_id": module.key}, tx=tx)
        return MODULES.from_document(found) if found else module

    async def list_all(self, *, tenant_id: TenantId) -> list[Module]:
        """List every module of the product as the tenant has it, by name."""
        keys = [unswitched(name, tenant_id=tenant_id).key for name in NAMES]
        found = await self._modules.find_all({"_id": {"$in": keys}})
        switched = {document["name"]: MODULES.from_document(document) for document in found}
        return [
            switched.get(name) or unswitched(name, tenant_id=tenant_id) for name in sorted(NAMES)
        ]

    async def save(self, module: Module, *, tx: Transaction) -> None:
        """Store how a module is switched now."""
        await self._modules.replace(
            {"_id": module.key}, MODULES.to_document(module), upsert=True, tx=tx
        )

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Module]:
        """Read every module that was switched, of one tenant or of all."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._modules.find(wanted, batch_size=1_000):
            yield MODULES.from_document(document)
