"""The groups collection, its indexes and queries; membership is in `Members`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    Database,
    Documents,
    DuplicateKey,
    Index,
    ReplaceOne,
    Transaction,
)
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.people.domain.groups import Group, Rule
from directory.people.domain.refusals import GroupNameTaken
from directory.shared.domain.ids import GroupId, TenantId
from directory.shared.domain.refusals import GroupNotFound
from directory.shared.domain.texts import fold
from directory.shared.store.documents import Document

SCHEMA_VERSION: Final = 1
_BY_NAME: Final = "tenant_name"
_BY_EXTERNAL_ID: Final = "tenant_external_id"
_BY_RULE: Final = "tenant_by_rule"
_BY_TENANT: Final = "tenant"
_BY_ID: Final = "_id_"
# Of a snapshot: groups, and members of theirs, that are read in one query.
_TOGETHER: Final = 200
_MEMBERS_TOGETHER: Final = 50_000
# The type has to be named: else a partial index would be read from end to end.
_TEXT: Final = {"$type": "string"}

_INDEXES: Final = (
    # Removed groups have no name key: their names are free.
    Index(
        keys=[("tenant_id", ASCENDING), ("name_key", ASCENDING)],
        unique=True,
        partial={"name_key": {"$type": "string"}},
        name=_BY_NAME,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("external_id", ASCENDING)],
        unique=True,
        partial={"external_id": {"$type": "string"}},
        name=_BY_EXTERNAL_ID,
    ),
    Index(keys=[("tenant_id", ASCENDING), ("by_rule", ASCENDING)], name=_BY_RULE),
    Index(keys=[("tenant_id", ASCENDING), ("_id", ASCENDING)], name=_BY_TENANT),
    Index(keys=[("tenant_id", ASCENDING), ("department_id", ASCENDING)], name="tenant_department"),
    Index(
        keys=[("tenant_id", ASCENDING), ("rule.department_ids", ASCENDING)],
        partial={"by_rule": True},
        name="tenant_rule_department",
    ),
)

_RULES: Final = Documents(Rule)


class Groups:
    """The groups of every tenant."""

    def __init__(self, db: Database) -> None:
        self._groups = db.collection("groups", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._groups.ensure_indexes(_INDEXES)

    async def add(self, group: Group, *, tx: Transaction) -> None:
        """Store a new group.

        Raises:
            GroupNameTaken: a group of the tenant has the name.
        """
        try:
            await self._groups.insert(group_document(group), tx=tx)
        except DuplicateKey as duplicate:
            raise GroupNameTaken(name=group.name) from duplicate

    async def save_many(self, changed: Sequence[Group], *, tx: Transaction) -> None:
        """Store changed groups, which only this transaction changes.

        Raises:
            GroupNameTaken: another group of the tenant has the name.
        """
        writes = [ReplaceOne({"_id": group.id}, group_document(group)) for group in changed]
        try:
            await self._groups.bulk(writes, tx=tx)
        except DuplicateKey as duplicate:
            raise GroupNameTaken(name=changed[duplicate.position].name) from duplicate

    async def get(
        self, group_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Group:
        """Load a group that is not removed.

        Raises:
            GroupNotFound: there is none in the tenant.
        """
        found = await self._groups.find_one(
            {"_id": group_id, "tenant_id": tenant_id, "removed": False}, tx=tx
        )
        if found is None:
            raise GroupNotFound
        return group_from(found)

    async def find_by_external_id(
        self, external_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> Group | None:
        """Load the group of an external id; None when there is none, or it was removed."""
        found = await self._groups.find_one(
            {"tenant_id": tenant_id, "external_id": {"$eq": external_id, **_TEXT}},
            hint=_BY_EXTERNAL_ID,
            tx=tx,
        )
        return group_from(found) if found else None

    async def find_many(
        self, group_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> list[Group]:
        """Load groups by id, the unknown left out."""
        found = await self._groups.find_all(
            {"_id": {"$in": list(group_ids)}, "tenant_id": tenant_id}, tx=tx
        )
        return await converted(found, group_from)

    async def by_rule(self, *, tenant_id: TenantId, tx: Transaction) -> list[Group]:
        """Load every group whose membership follows a rule."""
        found = await self._groups.find_all(
            {"tenant_id": tenant_id, "by_rule": True}, hint=_BY_RULE, tx=tx
        )
        return await converted(found, group_from)

    async def of_department(
        self, department_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> list[Group]:
        """Load the groups managed by a department's administrators, or whose rule names it."""
        existing = {"tenant_id": tenant_id, "removed": False}
        found = await self._groups.find_all(
            {
                "$or": [
                    {**existing, "department_id": department_id},
                    {**existing, "by_rule": True, "rule.department_ids": department_id},
                ]
            },
            tx=tx,
        )
        return await converted(found, group_from)

    async def list_by_name(
        self,
        *,
        tenant_id: TenantId,
        after: str,
        budget: PageBudget,
        among: Sequence[GroupId] | None,
    ) -> tuple[list[Group], bool]:
        """List groups by name without regard to case, after one; return whether more follow."""
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "name_key": {"$gt": after, **_TEXT}}
        hint = _BY_NAME
        if among is not None:
            wanted["_id"] = {"$in": list(among)}
            hint = _BY_ID
        found, more = await self._groups.find_page(
            wanted, budget=budget, sort=[("name_key", ASCENDING)], hint=hint
        )
        return await converted(found, group_from), more

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Group]:
        """Read every group of one tenant, or of all, removed ones too, in no promised order."""
        async for part in self.stream_parts(tenant_id=tenant_id):
            for group in part:
                yield group

    async def stream_parts(self, *, tenant_id: TenantId | None) -> AsyncIterator[list[Group]]:
        """Read every group as `stream` does, in parts whose members fit into memory."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        hint = _BY_TENANT if tenant_id else None
        part: list[Group] = []
        members = 0
        async for document in self._groups.find(wanted, hint=hint, batch_size=500):
            group = group_from(document)
            if part and (len(part) == _TOGETHER or members + group.size > _MEMBERS_TOGETHER):
                yield part
                part, members = [], 0
            part.append(group)
            members += group.size
        if part:
            yield part


def name_key(name: str) -> str:
    """Return a group's name in the form in which names are compared and ordered."""
    return fold(name)


def group_document(group: Group) -> Document:
    """Write a group."""
    document: Document = {
        "_id": group.id,
        "tenant_id": group.tenant_id,
        "name": group.name,
        "description": group.description,
        "department_id": group.department_id,
        "rule": None if group.rule is None else _RULES.to_document(group.rule),
        "by_rule": group.rule is not None and not group.removed,
        "removed": group.removed,
        "size": group.size,
        "version": group.version,
    }
    if not group.removed:
        document["name_key"] = name_key(group.name)
        if group.external_id:
            document["external_id"] = group.external_id
    return document


def group_from(document: Mapping[str, Any]) -> Group:
    """Read a group."""
    rule = document["rule"]
    return Group(
        id=GroupId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        description=document["description"],
        department_id=document["department_id"],
        rule=None if rule is None else _RULES.from_document(rule),
        external_id=document.get("external_id", ""),
        version=document["version"],
        removed=document["removed"],
        size=document["size"],
    )
