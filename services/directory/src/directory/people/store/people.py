"""The people collection, its indexes and queries, each bound to one tenant (GW-2)."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from plexuskit.mongo import (
    ASCENDING,
    IGNORE_CASE,
    Database,
    DuplicateKey,
    Index,
    ReplaceOne,
    Retry,
    Transaction,
)
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.people.domain.people import Kind, Person
from directory.people.domain.refusals import EmployeeNumberTaken, HandleTaken
from directory.people.store.documents import PEOPLE
from directory.shared.domain.actors import State
from directory.shared.domain.ids import DepartmentId, PersonId, TenantId
from directory.shared.domain.refusals import PersonNotFound

SCHEMA_VERSION: Final = 1
# Query parts joined by $or in one round trip.
_ALTERNATIVES: Final = 50
BY_ID: Final = "_id_"
# By name: planned by its sample, MongoDB at times prefers an index that must then sort.
BY_HANDLE: Final = "tenant_handle"
_BY_SEARCH: Final = "tenant_handle_search"
_BY_EXTERNAL_ID: Final = "tenant_external_id"
_BY_EMPLOYEE_NUMBER: Final = "tenant_employee_number"
_BY_EXPIRY: Final = "state_guest_expires"
_BY_EMAIL: Final = "tenant_email"
_BY_FORMER_HANDLE: Final = "tenant_former_handle"

_INDEXES: Final = (
    Index(keys=[("tenant_id", ASCENDING), ("handle", ASCENDING)], unique=True, name=BY_HANDLE),
    Index(
        keys=[("tenant_id", ASCENDING), ("external_id", ASCENDING)],
        unique=True,
        partial={"external_id": {"$type": "string"}},
        name=_BY_EXTERNAL_ID,
    ),
    # A part of a name is searched in the index itself, in order of the handle: no document is read
    # in vain.
    Index(
        keys=[("tenant_id", ASCENDING), ("handle", ASCENDING), ("search", ASCENDING)],
        name=_BY_SEARCH,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("department_ids", ASCENDING), ("handle", ASCENDING)],
        name="tenant_department_handle",
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("employee_number", ASCENDING)],
        unique=True,
        partial={"employee_number": {"$type": "string"}},
        name=_BY_EMPLOYEE_NUMBER,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("email", ASCENDING)],
        collation=IGNORE_CASE,
        name=_BY_EMAIL,
    ),
    Index(
        keys=[("tenant_id", ASCENDING), ("former_handles.handle", ASCENDING)],
        partial={"former_handles.handle": {"$type": "string"}},
        name=_BY_FORMER_HANDLE,
    ),
    # Guests whose time has come, of every tenant.
    Index(
        keys=[("state", ASCENDING), ("guest_expires_at", ASCENDING)],
        partial={"guest_expires_at": {"$type": "date"}},
        name=_BY_EXPIRY,
    ),
    Index(keys=[("tenant_id", ASCENDING), ("kind", ASCENDING)], name="tenant_kind"),
    Index(
        keys=[("tenant_id", ASCENDING), ("roles", ASCENDING), ("state", ASCENDING)],
        name="tenant_role_state",
    ),
)


class Follower(Protocol):
    """Documents beside people, kept by another subject, that change with them."""

    async def amend(self, changed: Sequence[tuple[Person, Person]], *, tx: Transaction) -> None:
        """Follow changed people, given as (before, after)."""
        ...


class People:
    """People of every tenant."""

    def __init__(self, db: Database, *, followers: Sequence[Follower] = ()) -> None:
        """Open the collection; `followers` are called in transactions that change people."""
        self._followers = followers
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection and its indexes."""
        await self._people.ensure_indexes(_INDEXES)

    async def add(self, person: Person, *, tx: Transaction) -> None:
        """Store a new person.

        Raises:
            HandleTaken: someone of the tenant has the handle, or had it.
            EmployeeNumberTaken: someone of the tenant has the employee number.
        """
        await self._check_handle(person, tx=tx)
        try:
            await self._people.insert(PEOPLE.to_document(person), tx=tx)
        except DuplicateKey as duplicate:
            if duplicate.index == _BY_EMPLOYEE_NUMBER:
                raise EmployeeNumberTaken(employee_number=person.employee_number) from duplicate
            raise HandleTaken(handle=person.handle) from duplicate

    async def add_many(self, people: Sequence[Person], *, tx: Transaction) -> None:
        """Store new people whose handles were free in this transaction's view.

        Raises:
            EmployeeNumberTaken: another person has an employee number.
            Retry: a handle or external id was taken meanwhile; the transaction decides again.
        """
        try:
            await self._people.insert_many([PEOPLE.to_document(p) for p in people], tx=tx)
        except DuplicateKey as duplicate:
            if duplicate.index == _BY_EMPLOYEE_NUMBER:
                number = people[duplicate.position].employee_number
                raise EmployeeNumberTaken(employee_number=number) from duplicate
            raise Retry from duplicate

    async def save_many(self, changed: Sequence[tuple[Person, Person]], *, tx: Transaction) -> None:
        """Store changed people, each as (before, after).

        The transaction's snapshot makes every `previous` the current one: a concurrent change
        is a write conflict and the transaction runs again.

        Raises:
            HandleTaken: someone else of the tenant has a new handle, or had it.
            EmployeeNumberTaken: another person has an employee number.
        """
        for previous, after in changed:
            if after.handle != previous.handle:
                await self._check_handle(after, tx=tx)
        writes = [
            ReplaceOne({"_id": previous.id, "version": previous.version}, PEOPLE.to_document(after))
            for previous, after in changed
        ]
        try:
            await self._people.bulk(writes, tx=tx)
        except DuplicateKey as duplicate:
            person = changed[duplicate.position][1]
            if duplicate.index == BY_HANDLE:
                raise HandleTaken(handle=person.handle) from duplicate
            number = person.employee_number
            raise EmployeeNumberTaken(employee_number=number) from duplicate
        for follower in self._followers:
            await follower.amend(changed, tx=tx)

    async def get(
        self, person_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Person:
        """Load a person by id.

        Raises:
            PersonNotFound: there is none in the tenant.
        """
        found = await self._people.find_one({"_id": person_id, "tenant_id": tenant_id}, tx=tx)
        if found is None:
            raise PersonNotFound
        return PEOPLE.from_document(found)

    async def find_by_handle(
        self, handle: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Person | None:
        """Load a person by their normal handle; None when there is none in the tenant."""
        found = await self._people.find_one(
            {"tenant_id": tenant_id, "handle": handle}, hint=BY_HANDLE, tx=tx
        )
        return PEOPLE.from_document(found) if found else None

    async def find_by_former_handles(
        self, handles: Sequence[str], *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> list[Person]:
        """Load people who had one of these normal handles before their present one."""
        found = await self._people.find_all(
            {
                "tenant_id": tenant_id,
                # The type has to be named: else the partial index would not serve.
                "former_handles.handle": {"$in": list(handles), "$type": "string"},
            },
            hint=_BY_FORMER_HANDLE,
            tx=tx,
        )
        return await converted(found, PEOPLE.from_document)

    async def _check_handle(self, person: Person, *, tx: Transaction) -> None:
        """Refuse a handle that led to another person."""
        before = await self.find_by_former_handles(
            [person.handle], tenant_id=person.tenant_id, tx=tx
        )
        if any(each.id != person.id for each in before):
            raise HandleTaken(handle=person.handle)

    async def find_by_email(
        self, email: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> list[Person]:
        """Load all people of the tenant who have an address, whatever its case."""
        # The collation ignores more than case; addresses that differ otherwise are left out here.
        found = await self._people.find_all(
            {"tenant_id": tenant_id, "email": email},
            hint=_BY_EMAIL,
            collation=IGNORE_CASE,
            tx=tx,
        )
        return [
            PEOPLE.from_document(document)
            for document in found
            if document["email"].casefold() == email.casefold()
        ]

    async def list_with_role(
        self, role: str, *, tenant_id: TenantId, tx: Transaction
    ) -> list[Person]:
        """List active people that hold a built-in role."""
        found = await self._people.find_all(
            {"tenant_id": tenant_id, "roles": role, "state": State.ACTIVE.value}, tx=tx
        )
        return await converted(found, PEOPLE.from_document)

    async def touch(self, person_id: PersonId, *, tx: Transaction) -> None:
        """Make this transaction conflict with any that changes the person at the same time."""
        await self._people.update({"_id": person_id}, {"$inc": {"touches": 1}}, tx=tx)

    async def find_either(
        self, *, handle: str, external_id: str, tenant_id: TenantId, tx: Transaction
    ) -> list[Person]:
        """Load who has the normal handle or the external id, in one round trip; "" for no id."""
        wanted: list[dict[str, Any]] = [{"tenant_id": tenant_id, "handle": handle}]
        if external_id:
            named = {"$eq": external_id, "$type": "string"}
            wanted.append({"tenant_id": tenant_id, "external_id": named})
        found = await self._people.find_all({"$or": wanted}, tx=tx)
        return await converted(found, PEOPLE.from_document)

    async def find_many(
        self, *, tenant_id: TenantId, person_ids: Sequence[str], handles: Sequence[str]
    ) -> list[Person]:
        """Load people by id or normal handle, also a former one, each once; without the unknown."""
        by_id = await self._people.find_all(
            {"_id": {"$in": list(person_ids)}, "tenant_id": tenant_id}
        )
        by_handle = await self._people.find_all(
            {"tenant_id": tenant_id, "handle": {"$in": list(handles)}}, hint=BY_HANDLE
        )
        people = await converted(by_id + by_handle, PEOPLE.from_document)
        unknown = set(handles) - {person.handle for person in people}
        if unknown:
            people += await self.find_by_former_handles(sorted(unknown), tenant_id=tenant_id)
        return list({person.id: person for person in people}.values())

    async def find_by_external_ids(
        self, external_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> dict[str, Person]:
        """Load people by external id, the unknown left out."""
        found = await self._people.find_all(
            {
                "tenant_id": tenant_id,
                # The type has to be named: else the partial index would be read from end to end.
                "external_id": {"$in": list(external_ids), "$type": "string"},
            },
            hint=_BY_EXTERNAL_ID,
            tx=tx,
        )
        people = await converted(found, PEOPLE.from_document)
        return {person.external_id: person for person in people}

    async def taken_handles(
        self, wanted: Iterable[str], *, tenant_id: TenantId, tx: Transaction
    ) -> frozenset[str]:
        """Find which wanted handles are taken, and the numbered forms of those that clash."""
        names = Counter(wanted)
        repeated = {name for name, askers in names.items() if askers > 1}
        taken = {
            document["handle"]
            for document in await self._people.find_all(
                {"tenant_id": tenant_id, "handle": {"$in": sorted(names)}},
                projection={"handle": 1},
                hint=BY_HANDLE,
                tx=tx,
            )
        }
        former = await self.find_by_former_handles(sorted(names), tenant_id=tenant_id, tx=tx)
        taken |= {each.handle for person in former for each in person.former_handles}
        clashing = sorted(taken | repeated)
        for start in range(0, len(clashing), _ALTERNATIVES):
            some = clashing[start : start + _ALTERNATIVES]
            numbered = await self._people.find_all(
                {"tenant_id": tenant_id, "$or": [_numbered_forms(name) for name in some]},
                projection={"handle": 1},
                hint=BY_HANDLE,
                tx=tx,
            )
            taken.update(document["handle"] for document in numbered)
        return frozenset(taken)

    async def list_by_handle(
        self,
        *,
        tenant_id: TenantId,
        after: str,
        budget: PageBudget,
        departments: Sequence[DepartmentId] | None,
        part: str,
        include_deactivated: bool,
        only: PersonId | None = None,
    ) -> tuple[list[Person], bool]:
        """List people in order of their handle, after one; return whether more follow.

        In: departments (descendants included) or None for all; a folded part of handle or name, or
            ""; the only person who may be found, or None.
        """
        if "\0" in part:
            # No stored text holds it, and MongoDB refuses it in a pattern.
            return [], False
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "handle": {"$gt": after}}
        hint: str | None = BY_HANDLE
        if part:
            wanted["search"] = {"$regex": re.escape(part)}
            hint = _BY_SEARCH
        if departments is not None:
            wanted["department_ids"] = {"$in": list(departments)}
            hint = None
        if not include_deactivated:
            wanted["state"] = State.ACTIVE.value
        if only is not None:
            wanted["_id"] = only
            hint = BY_ID
        found, more = await self._people.find_page(
            wanted, budget=budget, sort=[("handle", ASCENDING)], hint=hint
        )
        return await converted(found, PEOPLE.from_document), more

    async def count_humans(self, *, tenant_id: TenantId) -> int:
        """Count humans, active or not; service accounts and the bootstrap left out."""
        return await self._people.count({"tenant_id": tenant_id, "kind": Kind.HUMAN.value})

    async def count_active_humans(
        self, *, tenant_id: TenantId, since: datetime, tx: Transaction | None = None
    ) -> int:
        """Count humans that may sign in and were made, or last let back in, by an instant."""
        return await self._people.count(
            {
                "tenant_id": tenant_id,
                "kind": Kind.HUMAN.value,
                "state": State.ACTIVE.value,
                "created_at": {"$lte": since},
                # Also true where there is none.
                "reactivated_at": {"$not": {"$gt": since}},
            },
            tx=tx,
        )

    async def count_with_role(self, role: str, *, tenant_id: TenantId, tx: Transaction) -> int:
        """Count active people that hold a role."""
        return await self._people.count(
            {"tenant_id": tenant_id, "roles": role, "state": State.ACTIVE.value}, tx=tx
        )

    async def stream(self, *, tenant_id: TenantId | None) -> AsyncIterator[Person]:
        """Read all people of one tenant, or of all tenants, in no particular order."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        hint = BY_HANDLE if tenant_id else None
        async for document in self._people.find(wanted, hint=hint, batch_size=1_000):
            yield PEOPLE.from_document(document)

    async def find_expired(self, *, now: datetime, limit: int) -> list[Person]:
        """Find guests of any tenant that are active though their time is over."""
        found = await self._people.find_all(
            {"state": State.ACTIVE.value, "guest_expires_at": {"$lte": now}},
            limit=limit,
            hint=_BY_EXPIRY,
        )
        return await converted(found, PEOPLE.from_document)

    async def load_many(
        self, person_ids: Iterable[str], *, tenant_id: TenantId, tx: Transaction
    ) -> dict[str, Person]:
        """Load people by id, all of whom must exist.

        Raises:
            PersonNotFound: one does not exist; the metadata names it, since the caller supplied it.
        """
        wanted = sorted(set(person_ids))
        if not wanted:
            return {}
        found = await self._people.find_all(
            {"_id": {"$in": wanted}, "tenant_id": tenant_id}, hint=BY_ID, tx=tx
        )
        people: dict[str, Person] = {
            person.id: person for person in await converted(found, PEOPLE.from_document)
        }
        if missing := [person_id for person_id in wanted if person_id not in people]:
            raise PersonNotFound(person_id=missing[0])
        return people

    async def active(
        self, person_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> frozenset[str]:
        """Find which of the people are active."""
        if not person_ids:
            return frozenset()
        found = await self._people.find_all(
            {
                "_id": {"$in": list(person_ids)},
                "tenant_id": tenant_id,
                "state": State.ACTIVE.value,
            },
            projection={"_id": 1},
            hint=BY_ID,
            tx=tx,
        )
        return frozenset(document["_id"] for document in found)

    async def managers_up(
        self, person_ids: Iterable[str], *, tenant_id: TenantId, tx: Transaction
    ) -> dict[str, str]:
        """Find the named manager of these people, of their managers, and so on up."""
        managers: dict[str, str] = {}
        asked = set(person_ids) - {""}
        while asked:
            found = await self._people.find_all(
                {"_id": {"$in": sorted(asked)}, "tenant_id": tenant_id},
                projection={"manager_id": 1},
                hint=BY_ID,
                tx=tx,
            )
            managers |= {document["_id"]: document.get("manager_id", "") for document in found}
            asked = {managers.get(person_id, "") for person_id in asked} - managers.keys() - {""}
        return managers

    async def versions(
        self, person_ids: Sequence[PersonId], *, tenant_id: TenantId
    ) -> dict[str, int]:
        """Find the current versions of people, the unknown left out."""
        found = await self._people.find_all(
            {"_id": {"$in": list(person_ids)}, "tenant_id": tenant_id}, projection={"version": 1}
        )
        return {document["_id"]: document["version"] for document in found}


def _numbered_forms(handle: str) -> dict[str, Any]:
    # Long handles lose their end to the number, so their stem is matched.
    return {"handle": {"$regex": f"^{re.escape(handle[:58])}.{{0,6}}-[0-9]+$"}}
