"""The attribute policies, each query bound to one tenant (GW-2)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, Retry, Transaction
from plexuskit.paging import PageBudget

from directory.access.domain.access_policies import AccessPolicy
from directory.access.store.documents import ACCESS_POLICIES, expiry, marked
from directory.shared.domain.ids import TenantId

SCHEMA_VERSION: Final = 1
_BY_NAME: Final = "tenant_name"

_INDEXES: Final = (
    Index(
        keys=[("tenant_id", ASCENDING), ("name", ASCENDING)],
        unique=True,
        partial={"removed": False},
        name=_BY_NAME,
    ),
    expiry(),
)


class Policies:
    """Every attribute policy of every tenant."""

    def __init__(self, db: Database) -> None:
        self._policies = db.collection("access_policies", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._policies.ensure_indexes(_INDEXES)

    async def add(self, policy: AccessPolicy, *, tx: Transaction) -> None:
        """Store a new policy.

        Raises:
            Retry: one of that name came up meanwhile; the transaction finds it then.
        """
        try:
            await self._policies.insert(ACCESS_POLICIES.to_document(policy), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def save(self, policy: AccessPolicy, *, now: datetime, tx: Transaction) -> None:
        """Store a changed or removed policy."""
        await self._policies.replace(
            {"_id": policy.id}, marked(ACCESS_POLICIES.to_document(policy), now=now), tx=tx
        )

    async def find(self, name: str, *, tenant_id: TenantId, tx: Transaction) -> AccessPolicy | None:
        """Load the policy of a name; None when there is none."""
        found = await self._policies.find_one(
            {"tenant_id": tenant_id, "name": name, "removed": False}, hint=_BY_NAME, tx=tx
        )
        return ACCESS_POLICIES.from_document(found) if found else None

    async def list_by_name(
        self, *, tenant_id: TenantId, after: str, budget: PageBudget
    ) -> tuple[list[AccessPolicy], bool]:
        """List the tenant's policies by name, after a name; return whether more follow."""
        found, more = await self._policies.find_page(
            {"tenant_id": tenant_id, "removed": False, "name": {"$gt": after}},
            budget=budget,
            sort=[("name", ASCENDING)],
            hint=_BY_NAME,
        )
        return [ACCESS_POLICIES.from_document(document) for document in found], more

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[AccessPolicy]:
        """Read every policy of one tenant, or of all, removed ones included."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._policies.find(wanted, batch_size=1_000):
            yield ACCESS_POLICIES.from_document(document)
