"""The `scim` collection: the feed's record of each person, beside the person."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    Database,
    DuplicateKey,
    Index,
    ReplaceOne,
    Retry,
    Transaction,
    UpdateOne,
    stored_size,
)
from plexuskit.paging import PageBudget, cut
from scim2_models import NotFoundException
from scim2_models.path import AttributeBinding

from directory.people.domain.people import Person
from directory.scim.domain.matching import folded, match_document
from directory.scim.domain.records import EXTENDED, Record, amended_user, amendments, remove
from directory.scim.store.filters import MATCH, Query, path_of
from directory.shared.domain.ids import DepartmentId, PersonId, TenantId
from directory.shared.store.documents import Document

SCHEMA_VERSION: Final = 1
_USER_NAME: Final = f"{MATCH}.user_name"
_EXTERNAL_ID: Final = f"{MATCH}.external_id"

_INDEXES: Final = (
    # Removed ones keep their names: a person who comes back by one is the same person.
    Index(
        keys=[("tenant_id", ASCENDING), (_USER_NAME, ASCENDING)],
        unique=True,
        name="tenant_user_name",
    ),
    Index(
        keys=[("tenant_id", ASCENDING), (_EXTERNAL_ID, ASCENDING)],
        unique=True,
        partial={_EXTERNAL_ID: {"$exists": True}},
        name="tenant_external_id",
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("removed", ASCENDING), ("_id", ASCENDING)],
        name="tenant_removed_id",
    ),
    Index(
        keys=[("tenant_id", ASCENDING), (f"{MATCH}.emails.value", ASCENDING)], name="tenant_email"
    ),
    Index(
        keys=[("tenant_id", ASCENDING), (f"{MATCH}.EnterpriseUser.employee_number", ASCENDING)],
        name="tenant_employee_number",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Page of records in their order, and the total number."""

    total: int
    records: tuple[Record, ...]


class Records:
    """The feed's records of all people that it manages."""

    def __init__(self, db: Database) -> None:
        self._records = db.collection("scim", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._records.ensure_indexes(_INDEXES)

    async def add(self, record: Record, *, tx: Transaction) -> None:
        """Store a new record.

        Raises:
            Retry: the userName or externalId was taken meanwhile; the transaction sees it then.
        """
        try:
            await self._records.insert(_document(record), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def save(self, record: Record, *, tx: Transaction) -> None:
        """Store a changed record; the transaction's snapshot guards what it was before.

        Raises:
            Retry: as `add` does.
        """
        try:
            await self._records.replace({"_id": record.person_id}, _document(record), tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate

    async def get(
        self, person_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Record:
        """Load a record.

        Raises:
            NotFoundException: the feed does not know such a person, or knows them no more (GW-2).
        """
        found = await self._records.find_one(
            {"_id": person_id, "tenant_id": tenant_id, "removed": False}, tx=tx
        )
        if found is None:
            raise NotFoundException(detail="There is no such resource.")
        return _record(found)

    async def find_named(
        self, *, tenant_id: TenantId, user_name: str, external_id: str, tx: Transaction
    ) -> list[Record]:
        """Load who has the userName or the externalId, removed ones too."""
        named: list[Query] = [{_USER_NAME: folded(user_name, case_exact=False)}]
        if external_id:
            named.append({_EXTERNAL_ID: folded(external_id, case_exact=True)})
        found = await self._records.find_all(
            {"$or": [{"tenant_id": tenant_id} | each for each in named]}, tx=tx
        )
        return [_record(document) for document in found]

    async def remove_many(
        self,
        person_ids: Collection[str],
        *,
        tenant_id: TenantId,
        now: datetime,
        tx: Transaction,
    ) -> None:
        """Remove the records of people; those that are removed already stay as they are."""
        if not person_ids:
            return
        found = await self._records.find_all(
            {"_id": {"$in": sorted(person_ids)}, "tenant_id": tenant_id, "removed": False}, tx=tx
        )
        gone = [remove(_record(document), now=now) for document in found]
        writes = [ReplaceOne({"_id": each.person_id}, _document(each)) for each in gone]
        await self._records.bulk(writes, tx=tx)

    async def has(self, person_id: str, *, tx: Transaction) -> bool:
        """Return whether the person has a record, removed or not."""
        found = await self._records.find_one({"_id": person_id}, projection={"_id": 1}, tx=tx)
        return found is not None

    async def list_matching(
        self,
        wanted: Query,
        *,
        tenant_id: TenantId,
        order: AttributeBinding | None,
        descending: bool,
        skip: int,
        limit: int,
    ) -> Page:
        """Find records that match a query, one page in the given order, else by id.

        A page ends when it is full, by number or by bytes; the feed continues after what it has.

        Raises:
            InvalidFilterException: records cannot be ordered by that attribute.
        """
        existing: Query = {"tenant_id": tenant_id, "removed": False}
        query = {"$and": [existing, wanted]} if wanted else existing
        total = await self._records.count(query)
        if not limit or skip >= total:
            return Page(total=total, records=())
        if order is None:
            found, _ = await self._records.find_page(
                query, budget=PageBudget(items=limit), sort=[("_id", ASCENDING)], skip=skip
            )
            return Page(total=total, records=tuple(map(_record, found)))

        direction = -1 if descending else 1
        keyed = await self._records.aggregate(
            [
                {"$match": query},
                {"$project": {"key": _sort_key(order)}},
                {"$addFields": {"absent": {"$eq": [{"$ifNull": ["$key", None]}, None]}}},
                {"$sort": {"absent": direction, "key": direction, "_id": 1}},
                {"$skip": skip},
                {"$limit": limit},
                {"$project": {"_id": 1}},
            ]
        )
        ids = [document["_id"] for document in keyed]
        loaded = {
            document["_id"]: document
            for document in await self._records.find_all({"_id": {"$in": ids}} | existing)
        }
        ordered = [loaded[id_] for id_ in ids if id_ in loaded]
        fitting, _ = cut(ordered, limit=limit, size_of=stored_size)
        return Page(total=total, records=tuple(map(_record, fitting)))

    async def amend(self, changed: Iterable[tuple[Person, Person]], *, tx: Transaction) -> None:
        """Update records after changes made here, each as (before, after).

        People that the feed does not manage have no record and are skipped.
        """
        writes = [
            UpdateOne({"_id": after.id}, _amending(amended))
            for previous, after in changed
            if (amended := amendments(previous, after))
        ]
        await self._records.bulk(writes, tx=tx)


def _amending(amended: dict[str, Any]) -> dict[str, Any]:
    match = match_document(amended_user(amended))
    change: dict[str, Any] = {
        "$set": {f"amended.{name}": value for name, value in amended.items()},
        "$currentDate": {"changed_at": True},
        "$inc": {"version": 1},
    }
    gone = {}
    for name in amended:
        extended = name in EXTENDED
        found = match.get("EnterpriseUser", {}) if extended else match
        path = ".".join([MATCH, *(["EnterpriseUser"] if extended else []), name])
        if name in found:
            change["$set"][path] = found[name]
        else:
            gone[path] = ""
    return change | ({"$unset": gone} if gone else {})


def _sort_key(binding: AttributeBinding) -> Any:
    """Return the expression of the one value that a record is ordered by."""
    path = path_of(binding)
    if not binding.is_multivalued:
        return f"${path}"
    host, _, member = path.rpartition(".") if binding.sub_field_name else (path, "", "")
    values: Any = {"$ifNull": [f"${host}", []]}
    primary = {"$filter": {"input": values, "cond": {"$eq": ["$$this.primary", True]}}}
    first = {"$arrayElemAt": [{"$concatArrays": [primary, values]}, 0]}
    return {"$let": {"vars": {"one": first}, "in": f"$$one.{member}" if member else "$$one"}}


def _document(record: Record) -> Document:
    return {
        "_id": record.person_id,
        "tenant_id": record.tenant_id,
        # As text: its names hold dots and begin with `$`, which mean something to MongoDB.
        "resource": json.dumps(record.resource, ensure_ascii=False),
        "amended": record.amended,
        MATCH: match_document(record.user()),
        "department_id": record.department_id,
        "removed": record.removed,
        "created_at": record.created_at,
        "changed_at": record.changed_at,
        "version": record.version,
    }


def _record(document: Document) -> Record:
    department_id = document["department_id"]
    return Record(
        person_id=PersonId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        resource=json.loads(document["resource"]),
        amended=document["amended"],
        department_id=DepartmentId(department_id) if department_id else None,
        removed=document["removed"],
        created_at=document["created_at"],
        changed_at=document["changed_at"],
        version=document["version"],
    )
