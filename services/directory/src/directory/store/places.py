"""Where objects lie: what decides who may manage them (GW-3).

What is asked does not depend on whether an object exists or may be seen (GW-2): each question is
one command, and the answer is judged in memory.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from plexus_access.objects import DEPARTMENT, GROUP, PERSON, TENANT, Object, Subject
from plexuskit.mongo import Database, Transaction

from directory.domain.access_refusals import (
    GroupSelfChosen,
    RoleBindingNotFound,
    ScopeNotFound,
    SubjectNotFound,
)
from directory.domain.authority import (
    ACCOUNT,
    IN_TENANT,
    Grants,
    Place,
    place_of_departments,
    place_of_group,
)
from directory.domain.bindings import Binding
from directory.domain.groups import Group
from directory.domain.ids import DepartmentId, PersonId, TenantId
from directory.domain.people import Person
from directory.domain.refusals import GroupNotFound, PersonNotFound
from directory.store.access_documents import binding_from
from directory.store.bindings import COLLECTION as BINDINGS
from directory.store.documents import person_from
from directory.store.groups import group_from
from directory.store.scoping import open_departments, place_of, scope_stages

PEOPLE: Final = "people.manage"
_PATHS: Final = "paths"


class Places:
    """Finds the ways from the tenant to people, departments, groups and other scopes."""

    def __init__(self, db: Database) -> None:
        # Read only: their own rooms write them.
        self._people = db.collection("people", schema_version=0)
        self._departments = db.collection("departments", schema_version=0)
        self._groups = db.collection("groups", schema_version=0)
        self._bindings = db.collection(BINDINGS, schema_version=0)

    async def get_person(
        self, person_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> tuple[Person, Place]:
        """Load a person, and where they belong.

        Raises:
            PersonNotFound: there is none in the tenant.
        """
        found = await self._people.aggregate(
            [
                {"$match": {"_id": person_id, "tenant_id": tenant_id}},
                open_departments(tenant_id, local="department_ids", name=_PATHS),
            ],
            tx=tx,
        )
        if not found:
            raise PersonNotFound
        return person_from(found[0]), place_of_departments(
            each["path"] for each in found[0][_PATHS]
        )

    async def managed_person(
        self,
        grants: Grants,
        person_id: str,
        *,
        permission: str = PEOPLE,
        tenant_id: TenantId,
        tx: Transaction | None = None,
    ) -> Person:
        """Load somebody on whom a permission is held.

        For a part of the tenant that is who belongs to that part with every department, and holds
        no role for the tenant but those that come with an account.

        Raises:
            PersonNotFound: there is nobody of that id, or not there (GW-2).
        """
        person, place = await self.get_person(person_id, tenant_id=tenant_id, tx=tx)
        if not grants.holds_everywhere(permission) and not (
            grants.holds(permission, place) and ACCOUNT.issuperset(person.roles)
        ):
            raise PersonNotFound
        return person

    async def departments_of(self, person_id: PersonId, *, tenant_id: TenantId) -> frozenset[str]:
        """Find the ids of somebody's departments and of all above them."""
        _, place = await self.get_person(person_id, tenant_id=tenant_id)
        return frozenset(object_.id for way in place.ways for object_ in way)

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
        """Find where a scope lies.

        Conversations and projects are others' to know: directory sees only their form, and they lie
        in nothing but themselves.

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
            _, place = await self.get_group(scope.id, tenant_id=tenant_id, tx=tx)
        except GroupNotFound as absent:
            raise ScopeNotFound from absent
        return place

    async def get_group(
        self, group_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> tuple[Group, Place]:
        """Load a group, and where it lies by the department that manages it.

        Raises:
            GroupNotFound: there is none in the tenant.
        """
        found = await self._groups.aggregate(
            [
                {"$match": {"_id": group_id, "tenant_id": tenant_id, "removed": False}},
                open_departments(tenant_id, local="department_id", name=_PATHS),
            ],
            tx=tx,
        )
        if not found:
            raise GroupNotFound
        path = [id_ for each in found[0][_PATHS] for id_ in each["path"]]
        return group_from(found[0]), place_of_group(group_id, path=path)

    async def get_binding(
        self, binding_id: str, *, tenant_id: TenantId, tx: Transaction
    ) -> tuple[Binding, Place]:
        """Load a role binding, and where its scope lies.

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
        binding = binding_from(found[0])
        return binding, place_of(binding.scope, found[0])

    async def check_subject(
        self, subject: Subject, *, tenant_id: TenantId, tx: Transaction
    ) -> None:
        """Check that the tenant has a person, department or group that can hold a role.

        Raises:
            SubjectNotFound: it has not.
            GroupSelfChosen: people join the group by what they say of themselves.
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
        if subject.kind == GROUP and group_from(found).self_chosen:
            raise GroupSelfChosen

    async def within(self, scopes: Iterable[Object], *, tenant_id: TenantId) -> frozenset[Object]:
        """Find what lies in scopes, themselves included: departments below, and their groups."""
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
    """Match what is there and neither closed nor removed."""
    return {
        "_id": id_,
        "tenant_id": tenant_id,
        "closed": {"$ne": True},
        "removed": {"$ne": True},
    }
