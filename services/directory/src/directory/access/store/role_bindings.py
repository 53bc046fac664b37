"""The role bindings: subject, role and scope, each query bound to one tenant (GW-2)."""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexus_access.objects import Object, Subject, subject_of
from plexuskit.mongo import ASCENDING, Database, DuplicateKey, Index, ReplaceOne, Retry, Transaction
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.access.domain.role_bindings import Binding
from directory.access.store.documents import ROLE_BINDINGS, expiry, marked
from directory.shared.domain.ids import RoleId, TenantId

COLLECTION: Final = "role_bindings"
SCHEMA_VERSION: Final = 1
_BY_SUBJECT: Final = "tenant_subject_role_scope"
_BY_ID: Final = "tenant_id"
_BY_ROLE: Final = "tenant_role_scope"
_BY_SCOPE: Final = "tenant_scope_id"
_BY_EXPIRY: Final = "expires_at"
_PRESENT: Final = {"removed": False}

_INDEXES: Final = (
    Index(
        keys=[
            ("tenant_id", ASCENDING),
            ("subject", ASCENDING),
            ("role_id", ASCENDING),
            ("scope", ASCENDING),
        ],
        unique=True,
        partial=_PRESENT,
        name=_BY_SUBJECT,
    ),
    # Ids are time-ordered: by id is the oldest first.
    Index(keys=[("tenant_id", ASCENDING), ("_id", ASCENDING)], partial=_PRESENT, name=_BY_ID),
    Index(
        keys=[("tenant_id", ASCENDING), ("role_id", ASCENDING), ("scope", ASCENDING)],
        partial=_PRESENT,
        name=_BY_ROLE,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("scope", ASCENDING), ("_id", ASCENDING)],
        partial=_PRESENT,
        name=_BY_SCOPE,
    ),
    Index(keys=[("expires_at", ASCENDING)], partial=_PRESENT, name=_BY_EXPIRY),
    expiry(),
)


def in_force(tenant_id: TenantId, now: datetime) -> dict[str, Any]:
    """Return the filter for a tenant's bindings that bind at an instant."""
    return {
        "tenant_id": tenant_id,
        "$or": [{"expires_at": None}, {"expires_at": {"$gt": now}}],
        **_PRESENT,
    }


class Bindings:
    """Every role binding of every tenant."""

    def __init__(self, db: Database) -> None:
        self._bindings = db.collection(COLLECTION, schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._bindings.ensure_indexes(_INDEXES)

    async def add(self, binding: Binding, *, tx: Transaction) -> None:
        """Store a new binding.

        Raises:
            Retry: the same came up meanwhile; the transaction finds it then.
        """
        try:
            await self._bindings.insert(ROLE_BINDINGS.to_document(binding), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def save_many(
        self, bindings: Iterable[Binding], *, now: datetime, tx: Transaction
    ) -> None:
        """Store changed or removed bindings, each read in this transaction."""
        writes = [
            ReplaceOne({"_id": each.id}, marked(ROLE_BINDINGS.to_document(each), now=now))
            for each in bindings
        ]
        await self._bindings.bulk(writes, tx=tx)

    async def find_same(
        self,
        *,
        tenant_id: TenantId,
        role_id: RoleId,
        subject: Subject,
        scope: Object,
        tx: Transaction,
    ) -> Binding | None:
        """Load the binding of the same subject, role and scope; None when there is none."""
        found = await self._bindings.find_one(
            {
                "tenant_id": tenant_id,
                "subject": str(subject),
                "role_id": role_id,
                "scope": str(scope),
                **_PRESENT,
            },
            hint=_BY_SUBJECT,
            tx=tx,
        )
        return ROLE_BINDINGS.from_document(found) if found else None

    async def list_of_role(
        self, role_id: RoleId, *, tenant_id: TenantId, tx: Transaction
    ) -> list[Binding]:
        """List every binding of a role."""
        found = await self._bindings.find_all(
            {"tenant_id": tenant_id, "role_id": role_id, **_PRESENT}, hint=_BY_ROLE, tx=tx
        )
        return await converted(found, ROLE_BINDINGS.from_document)

    async def subjects(
        self,
        role_ids: Sequence[str],
        *,
        scope: Object,
        tenant_id: TenantId,
        now: datetime,
        tx: Transaction,
    ) -> list[Subject]:
        """Find the subjects with a binding in force of any of the roles for exactly a scope."""
        found = await self._bindings.find_all(
            {
                "scope": str(scope),
                "role_id": {"$in": list(role_ids)},
                **in_force(tenant_id, now),
            },
            projection={"subject": 1},
            hint=_BY_ROLE,
            tx=tx,
        )
        return [subject_of(document["subject"]) for document in found]

    async def list_about(
        self, object_: Object, *, tenant_id: TenantId, tx: Transaction
    ) -> list[Binding]:
        """List the bindings of a department's or group's members, and those for it as a scope."""
        members = Subject(object_.kind, object_.id)
        found = await self._bindings.find_all(
            {
                "$or": [
                    {"tenant_id": tenant_id, "subject": str(members), **_PRESENT},
                    {"tenant_id": tenant_id, "scope": str(object_), **_PRESENT},
                ]
            },
            tx=tx,
        )
        return await converted(found, ROLE_BINDINGS.from_document)

    async def list_by_id(
        self,
        *,
        tenant_id: TenantId,
        subject: str,
        scopes: Sequence[str] | None,
        after: str,
        budget: PageBudget,
    ) -> tuple[list[Binding], bool]:
        """List bindings, the oldest first, after an id; return whether more follow.

        An empty subject, or None for scopes, means all of them.
        """
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "_id": {"$gt": after}, **_PRESENT}
        hint = _BY_ID
        if scopes is not None:
            wanted["scope"] = {"$in": list(scopes)}
            hint = _BY_SCOPE
        if subject:
            wanted["subject"] = subject
            hint = _BY_SUBJECT
        found, more = await self._bindings.find_page(
            wanted,
            budget=budget,
            sort=[("_id", ASCENDING)],
            hint=hint,
        )
        return await converted(found, ROLE_BINDINGS.from_document), more

    async def list_expired(self, *, now: datetime, limit: int, tx: Transaction) -> list[Binding]:
        """List bindings whose time is over, those that ended first to begin with."""
        found = await self._bindings.find_all(
            {"expires_at": {"$lte": now}, **_PRESENT},
            sort=[("expires_at", ASCENDING)],
            limit=limit,
            hint=_BY_EXPIRY,
            tx=tx,
        )
        return await converted(found, ROLE_BINDINGS.from_document)

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Binding]:
        """Read every binding of one tenant, or of all, removed ones included."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._bindings.find(wanted, batch_size=1_000):
            yield ROLE_BINDINGS.from_document(document)
