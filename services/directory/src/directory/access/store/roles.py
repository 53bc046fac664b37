"""The roles collection: the tenant's own roles, each query bound to one tenant (GW-2)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Transaction
from plexuskit.paging import PageBudget

from directory.access.domain.refusals import RoleNameTaken, RoleNotFound
from directory.access.domain.roles import Role, built_in
from directory.access.store.documents import expiry, marked, role_document, role_from
from directory.shared.domain.ids import RoleId, TenantId

SCHEMA_VERSION: Final = 1
_BY_NAME: Final = "tenant_name"
_BY_PERMISSION: Final = "tenant_permission"

_INDEXES: Final = (
    Index(
        keys=[("tenant_id", ASCENDING), ("name_key", ASCENDING)],
        unique=True,
        partial={"removed": False},
        name=_BY_NAME,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("permissions", ASCENDING)],
        partial={"removed": False},
        name=_BY_PERMISSION,
    ),
    expiry(),
)


class Roles:
    """The roles that tenants have made, and those of the product whose masks they have set."""

    def __init__(self, db: Database) -> None:
        self._roles = db.collection("roles", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._roles.ensure_indexes(_INDEXES)

    async def add(self, role: Role, *, tx: Transaction) -> None:
        """Store a new role.

        Raises:
            RoleNameTaken: a role of the tenant has the name.
        """
        try:
            await self._roles.insert(role_document(role), tx=tx)
        except DuplicateKey as duplicate:
            raise RoleNameTaken(name=role.name) from duplicate

    async def save(self, role: Role, *, now: datetime, tx: Transaction) -> None:
        """Store a changed or removed role.

        Raises:
            RoleNameTaken: another role of the tenant has the name.
        """
        try:
            await self._roles.replace(
                {"_id": role.key}, marked(role_document(role), now=now), tx=tx
            )
        except DuplicateKey as duplicate:
            raise RoleNameTaken(name=role.name) from duplicate

    async def get(self, role_id: str, *, tenant_id: TenantId, tx: Transaction) -> Role:
        """Load a role, built in or the tenant's own.

        Raises:
            RoleNotFound: there is none in the tenant.
        """
        known = next((role for role in built_in(tenant_id) if role.id == role_id), None)
        found = await self._roles.find_one(
            {
                "_id": role_id if known is None else known.key,
                "tenant_id": tenant_id,
                "removed": False,
            },
            tx=tx,
        )
        if found is None:
            if known is not None:
                return known
            raise RoleNotFound
        return role_from(found)

    async def granting(
        self, permission: str, *, tenant_id: TenantId, tx: Transaction
    ) -> list[RoleId]:
        """Find the tenant's own roles that hold a permission."""
        found = await self._roles.find_all(
            {"tenant_id": tenant_id, "removed": False, "permissions": permission},
            projection={"_id": 1},
            hint=_BY_PERMISSION,
            tx=tx,
        )
        return [RoleId(document["_id"]) for document in found]

    async def list_changed(self, *, tenant_id: TenantId) -> list[Role]:
        """List the built-in roles whose masks the tenant has set."""
        found = await self._roles.find_all(
            {"_id": {"$in": _keys(tenant_id)}, "tenant_id": tenant_id, "removed": False}
        )
        return [role_from(document) for document in found]

    async def list_own(
        self, *, tenant_id: TenantId, after: str, budget: PageBudget
    ) -> tuple[list[Role], bool]:
        """List the tenant's own roles by name, after a name; return whether more follow."""
        found, more = await self._roles.find_page(
            {
                "tenant_id": tenant_id,
                "removed": False,
                "name_key": {"$gt": after},
                "_id": {"$nin": _keys(tenant_id)},
            },
            budget=budget,
            sort=[("name_key", ASCENDING)],
            hint=_BY_NAME,
        )
        return [role_from(document) for document in found], more

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Role]:
        """Read every role of one tenant, or of all, removed ones included."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._roles.find(wanted, batch_size=1_000):
            yield role_from(document)


def _keys(tenant_id: TenantId) -> list[str]:
    """Return the ids under which a tenant's built-in roles are stored."""
    return [role.key for role in built_in(tenant_id)]
