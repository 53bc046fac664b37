"""The tenants collection: a unique slot makes a second tenant in a deployment impossible."""

from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Transaction

from directory.people.domain.refusals import TenantExists
from directory.people.domain.tenants import Tenant
from directory.people.store.documents import TENANTS
from directory.shared.domain.ids import TenantId

SCHEMA_VERSION: Final = 1
_SLOT: Final = "only"


class Tenants:
    """The company of this deployment."""

    def __init__(self, db: Database) -> None:
        self._tenants = db.collection("tenants", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its index."""
        await self._tenants.ensure_indexes([Index(keys=[("slot", ASCENDING)], unique=True)])

    async def add(self, tenant: Tenant, *, tx: Transaction) -> None:
        """Store the tenant; the slot decides between two that come at once.

        Raises:
            TenantExists: there is one.
        """
        try:
            await self._tenants.insert(TENANTS.to_document(tenant) | {"slot": _SLOT}, tx=tx)
        except DuplicateKey as duplicate:
            raise TenantExists from duplicate

    async def find_only(self) -> Tenant | None:
        """Load the tenant; None before the deployment is set up."""
        found = await self._tenants.find_one({"slot": _SLOT})
        return TENANTS.from_document(found) if found else None

    async def get(self, tenant_id: TenantId, *, tx: Transaction | None = None) -> Tenant:
        """Load a tenant that a verified caller belongs to, so it exists."""
        found = await self._tenants.find_one({"_id": tenant_id}, tx=tx)
        if found is None:
            raise LookupError(f"a caller of the unknown tenant {tenant_id}")
        return TENANTS.from_document(found)

    async def serialise_organisation(self, tenant_id: TenantId, *, tx: Transaction) -> None:
        """Make changes of a tenant's organisation conflict, so that each sees the others whole.

        A snapshot alone would allow two moves that together make a cycle, a person hired into a
        department while it is merged, or a person changed while a rule is.
        """
        await self._tenants.update({"_id": tenant_id}, {"$inc": {"organisation_changes": 1}}, tx=tx)

    async def serialise_administrators(self, tenant_id: TenantId, *, tx: Transaction) -> None:
        """Make changes of a tenant's administrators conflict, so that each counts the others."""
        await self._tenants.update(
            {"_id": tenant_id}, {"$inc": {"administrator_changes": 1}}, tx=tx
        )
