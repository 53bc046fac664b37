"""Positions of objects, which decide who may manage them (GW-3).

The queries do not depend on whether an object exists or may be seen (GW-2): each question is one
command, and the result is judged in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from plexus_access.objects import DEPARTMENT, GROUP, PERSON, TENANT, Object, Subject
from plexus_access.roles import GUEST
from plexuskit.mongo import Database, Transaction

from directory.access.domain.grants import IN_TENANT, Place, place_of_departments, place_of_group
from directory.access.domain.refusals import (
    GroupSelfChosen,
    GuestHoldsGuest,
    RoleBindingNotFound,
    ScopeNotFound,
    SubjectNotFound,
)
from directory.access.domain.role_bindings import Binding, is_self_chosen
from directory.access.store.documents import ROLE_BINDINGS
from directory.access.store.role_bindings import COLLECTION as BINDINGS
from directory.access.store.scopes import open_departments, place_of, scope_stages
from directory.shared.domain.ids import DepartmentId, PersonId, TenantId
from directory.shared.domain.refusals import DepartmentNotFound, GroupNotFound, PersonNotFound

PATHS: Final = "paths"


class Places:
    """Finds the ways from the tenant to people, departments, groups and other scopes."""

    def __init__(self, db: Database) -> None:
        # Read only: their own rooms write them.
        self._people = db.collection("people", schema_version=0)
        self._departments = db.collection("departments", schema_version=0)
        self._groups = db.collection("groups", schema_version=0)
        self._bindings = db.collection(BINDINGS, schema_version=0)

    async def person_with_paths(
        self, person_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Mapping[str, Any]:
        """Load the document of a person, with the `paths` of their open departments.

        Raises:
            PersonNotFound: there is none in the tenant.
        """
        found = await self._people.aggregate(
            [
                {"$match": {"_id": person_id, "tenant_id": tenant_id}},
                open_departments(tenant_id, local="department_ids", name=PATHS),
            ],
            tx=tx,
        )
        if not found:
            raise PersonNotFound
        return found[0]

    async def group_with_path(
        self, group_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> tuple[Mapping[str, Any], Place]:
        """Load the document of a group, and its position by the department that manages it.

        Raises:
            GroupNotFound: there is none in the tenant.
        """
        found = await self._groups.aggregate(
            [
                {"$match": {"_id": group_id, "tenant_id": tenant_id, "removed": False}},
                open_departments(tenant_id, local="department_id", name=PATHS),
            ],
            tx=tx,
        )
        if not found:
            raise GroupNotFound
        path = [id_ for each in found[0][PATHS] for id_ in each["path"]]
        return found[0], place_of_group(group_id, path=path)

    async def departments_of(self, person_id: PersonId, *, tenant_id: TenantId) -> frozenset[str]:
        """Find the ids of a person's departments and of all above them."""
        person = await self.person_with_paths(person_id, tenant_id=tenant_id)
        return frozenset(id_ for each in person[PATHS] for id_ in each["path"])

    async def check_departments(
        self, department_ids: Iterable[str], *, tenant_id: TenantId, tx: Transaction
    ) -> None:
        """Check that the tenant has all of these departments, none of them closed.

        Raises:
            DepartmentNotFound: one is missing; the metadata names it, since the caller supplied it.
        """
        wanted = sorted(set(department_ids))
        if not wanted:
            return
        found = await self._departments.find_all(
            {"_id": {"$in": wanted}, "tenant_id": tenant_id, "closed": {"$ne": True}},
            projection={"_id": 1},
            tx=tx,
        )
        if missing := set(wanted) - {document["_id"] for document in found}:
            raise DepartmentNotFound(department_id=min(missing))

    async def paths(
        self, department_ids: Iterable[str], *, tenant_id: TenantId, tx: Transaction
    ) -> dict[str, Sequence[str]]:
        """Find the paths of open departments by their ids, the unknown left out."""
        found = await self._departments.find_all(
            {
                "_id": {"$in": sorted(set(department_ids))},
                "tenant_id": tenant_id,
                "closed": {"$ne": True},
            },
            projection={"path": 1},
            tx=tx,
        )
        return {document["_id"]: document["path"] for document in found}

    async def of_scope(self, scope: Object, *, tenant_id: TenantId, tx: Transaction) -> Place:
        """Find the position of a scope.

        Conversations and projects belong to other services: directory knows only their form, and
        they are in nothing but themselves.

        Raises:
            ScopeNotFound: the tenant has no such department or group, or is another one.
        """
        if scope.kind == DEPARTMENT:
            paths = await self.paths([scope.id], tenant_id=tenant_id, tx=tx)
            if scope.id not in paths:
                raise ScopeNotFound
            return place_of_departments(paths.values())
        if scope.kind == GROUP:
            return await self._of_group(scope, tenant_id=tenant_id, tx=tx)
        if scope.kind == TENANT:
            if scope.id != tenant_id:
                raise ScopeNotFound
            return IN_TENANT
        return Place(ways=(frozenset({scope}),))

    async def _of_group(self, scope: Object, *, tenant_id: TenantId, tx: Transaction) -> Place:
        try:
            _, place = await self.group_with_path(scope.id, tenant_id=tenant_id, tx=tx)
        except GroupNotFound as absent:
            raise ScopeNotFound from absent
        return place

    async def get_binding(
        self, binding_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> tuple[Binding, Place]:
        """Load a role binding, and the position of its scope.

        Raises:
            RoleBindingNotFound: there is none in the tenant.
        """
        found = await self._bindings.aggregate(
            [
                {"$match": {"_id": binding_id, "tenant_id": tenant_id, "removed": False}},
                *scope_stages(tenant_id, local="scope_id"),
            ],
            tx=tx,
        )
        if not found:
            raise RoleBindingNotFound
        binding = ROLE_BINDINGS.from_document(found[0])
        return binding, place_of(binding.scope, found[0])

    async def check_subject(
        self, subject: Subject, *, tenant_id: TenantId, tx: Transaction
    ) -> None:
        """Check that the tenant has a person, department or group that can hold a role.

        Raises:
            SubjectNotFound: it has not.
            GuestHoldsGuest: it is a guest.
            GroupSelfChosen: people join the group by editing their own profile.
        """
        collection = {
            PERSON: self._people,
            DEPARTMENT: self._departments,
            GROUP: self._groups,
        }[subject.kind]
        wanted = _existing(subject.id, tenant_id)
        found = await collection.find_one(wanted, tx=tx)
        if found is None:
            raise SubjectNotFound
        if subject.kind == PERSON and GUEST in found["roles"]:
            raise GuestHoldsGuest
        rule = found.get("rule") if subject.kind == GROUP else None
        if rule and is_self_chosen(skills=rule["skills"], locales=rule["locales"]):
            raise GroupSelfChosen

    async def within(self, scopes: Iterable[Object], *, tenant_id: TenantId) -> frozenset[Object]:
        """Find all objects within scopes, these included: departments below, and their groups."""
        given = set(scopes)
        above = [scope.id for scope in given if scope.kind == DEPARTMENT]
        departments = await self._departments.find_all(
            {"tenant_id": tenant_id, "path": {"$in": above}}, projection={"_id": 1}
        )
        ids = [DepartmentId(document["_id"]) for document in departments]
        groups = await self._groups.find_all(
            {"tenant_id": tenant_id, "department_id": {"$in": ids}}, projection={"_id": 1}
        )
        given.update(Object(DEPARTMENT, id_) for id_ in ids)
        given.update(Object(GROUP, document["_id"]) for document in groups)
        return frozenset(given)


def _existing(id_: str, tenant_id: TenantId) -> dict[str, Any]:
    """Match existing documents that are neither closed nor removed."""
    return {
        "_id": id_,
        "tenant_id": tenant_id,
        "closed": {"$ne": True},
        "removed": {"$ne": True},
    }
