"""The departments collection, its indexes and queries, each bound to one tenant (GW-2)."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, ReplaceOne, Retry, Transaction
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.people.domain.departments import Department
from directory.people.store.documents import DEPARTMENTS
from directory.shared.domain.ids import DepartmentId, TenantId
from directory.shared.domain.refusals import DepartmentNotFound

SCHEMA_VERSION: Final = 1
_BY_DEPTH: Final = "tenant_depth_id"
_BY_PATH: Final = "tenant_path"
_BY_EXTERNAL_ID: Final = "tenant_external_id"
_BY_PARENT: Final = "tenant_parent_name"

_INDEXES: Final = (
    Index(
        keys=[("tenant_id", ASCENDING), ("depth", ASCENDING), ("_id", ASCENDING)], name=_BY_DEPTH
    ),
    Index(keys=[("tenant_id", ASCENDING), ("path", ASCENDING)], name=_BY_PATH),
    Index(
        keys=[("tenant_id", ASCENDING), ("parent_id", ASCENDING), ("name", ASCENDING)],
        name=_BY_PARENT,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("external_id", ASCENDING)],
        unique=True,
        partial={"external_id": {"$type": "string"}},
        name=_BY_EXTERNAL_ID,
    ),
)


class Departments:
    """The department trees of every tenant."""

    def __init__(self, db: Database) -> None:
        self._departments = db.collection("departments", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._departments.ensure_indexes(_INDEXES)

    async def add(self, department: Department, *, tx: Transaction) -> None:
        """Store a new department.

        Raises:
            Retry: its external id came up meanwhile; the transaction finds that department then.
        """
        try:
            await self._departments.insert(DEPARTMENTS.to_document(department), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def get(
        self, department_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Department:
        """Load a department that is not closed.

        Raises:
            DepartmentNotFound: there is none in the tenant.
        """
        found = await self._departments.find_one(
            {"_id": department_id, "tenant_id": tenant_id, "closed": {"$ne": True}}, tx=tx
        )
        if found is None:
            raise DepartmentNotFound
        return DEPARTMENTS.from_document(found)

    async def find(
        self, department_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> Department | None:
        """Load a department, closed or not; None when there is none in the tenant."""
        found = await self._departments.find_one(
            {"_id": department_id, "tenant_id": tenant_id}, tx=tx
        )
        return DEPARTMENTS.from_document(found) if found else None

    async def save_many(
        self, changed: Sequence[tuple[Department, Department]], *, tx: Transaction
    ) -> None:
        """Store changes as (before, after); a concurrent change is a write conflict."""
        writes = [
            ReplaceOne(
                {"_id": previous.id, "version": previous.version}, DEPARTMENTS.to_document(after)
            )
            for previous, after in changed
        ]
        await self._departments.bulk(writes, tx=tx)

    async def subtree(
        self, department_id: DepartmentId, *, tenant_id: TenantId, tx: Transaction
    ) -> list[Department]:
        """Load everything below a department, without itself."""
        found = await self._departments.find_all(
            {"tenant_id": tenant_id, "path": department_id, "_id": {"$ne": department_id}},
            hint=_BY_PATH,
            tx=tx,
        )
        return await converted(found, DEPARTMENTS.from_document)

    async def way_up(
        self, department_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> list[Department]:
        """Load a department and those above it, from it up to its root; empty without one."""
        found = await self._departments.find_one(
            {"_id": department_id, "tenant_id": tenant_id}, projection={"path": 1}, tx=tx
        )
        if found is None:
            return []
        loaded = await self._departments.find_all(
            {"_id": {"$in": found["path"]}, "tenant_id": tenant_id}, tx=tx
        )
        return sorted(map(DEPARTMENTS.from_document, loaded), key=lambda each: -each.depth)

    async def find_by_external_id(
        self, external_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> Department | None:
        """Load the department of an external id; None when there is none."""
        found = await self._departments.find_one(
            # The type has to be named: else the partial index would be read from end to end.
            {"tenant_id": tenant_id, "external_id": {"$eq": external_id, "$type": "string"}},
            hint=_BY_EXTERNAL_ID,
            tx=tx,
        )
        return DEPARTMENTS.from_document(found) if found else None

    async def find_child(
        self, name: str, *, parent_id: str, tenant_id: TenantId, tx: Transaction
    ) -> Department | None:
        """Load the first open department of a name under a parent, or a root; None for none."""
        found = await self._departments.find_one(
            {
                "tenant_id": tenant_id,
                "parent_id": parent_id,
                "name": name,
                "closed": {"$ne": True},
            },
            sort=[("_id", ASCENDING)],
            hint=_BY_PARENT,
            tx=tx,
        )
        return DEPARTMENTS.from_document(found) if found else None

    async def below(
        self,
        department_ids: Sequence[str],
        *,
        tenant_id: TenantId,
        tx: Transaction | None = None,
    ) -> list[DepartmentId]:
        """Find departments and all under them; the tenant's only, the unknown left out."""
        if not department_ids:
            return []
        found = await self._departments.find_all(
            {"tenant_id": tenant_id, "path": {"$in": list(department_ids)}},
            projection={"_id": 1},
            hint=_BY_PATH,
            tx=tx,
        )
        return [DepartmentId(document["_id"]) for document in found]

    async def paths_below(
        self, department_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction
    ) -> dict[DepartmentId, frozenset[str]]:
        """Find departments and all under them, each with the ids of its path."""
        if not department_ids:
            return {}
        found = await self._departments.find_all(
            {"tenant_id": tenant_id, "path": {"$in": list(department_ids)}},
            projection={"path": 1},
            hint=_BY_PATH,
            tx=tx,
        )
        return {DepartmentId(document["_id"]): frozenset(document["path"]) for document in found}

    async def existing(
        self, department_ids: Sequence[str], *, tenant_id: TenantId
    ) -> dict[str, int]:
        """Find the current versions of departments, the unknown left out."""
        found = await self._departments.find_all(
            {"_id": {"$in": list(department_ids)}, "tenant_id": tenant_id},
            projection={"version": 1},
        )
        return {document["_id"]: document["version"] for document in found}

    async def list_by_depth(
        self,
        *,
        tenant_id: TenantId,
        after: tuple[int, str],
        budget: PageBudget,
        include_closed: bool,
    ) -> tuple[list[Department], bool]:
        """List departments, parents first, after a (depth, id); return whether more follow."""
        depth, department_id = after
        wanted = {
            "tenant_id": tenant_id,
            "depth": {"$gte": depth},
            "$or": [{"depth": {"$gt": depth}}, {"_id": {"$gt": department_id}}],
        }
        if not include_closed:
            wanted["closed"] = {"$ne": True}
        found, more = await self._departments.find_page(
            wanted,
            budget=budget,
            sort=[("depth", ASCENDING), ("_id", ASCENDING)],
            hint=_BY_DEPTH,
        )
        return await converted(found, DEPARTMENTS.from_document), more

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Department]:
        """Read every department of one tenant, or of all, in no promised order."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        hint = _BY_DEPTH if tenant_id else None
        async for document in self._departments.find(wanted, hint=hint, batch_size=1_000):
            yield DEPARTMENTS.from_document(document)

    async def count(self, *, tenant_id: TenantId) -> int:
        """Count the tenant's departments that are not closed."""
        return await self._departments.count({"tenant_id": tenant_id, "closed": {"$ne": True}})
