"""Reverse lookup of `grants`: people with a permission for the whole tenant."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexus_access.objects import DEPARTMENT, GROUP, PERSON, TENANT, Object, Subject
from plexus_access.roles import BUILT_IN
from plexuskit.mongo import ASCENDING, Database, Transaction

from directory.access.store.role_bindings import Bindings
from directory.access.store.roles import Roles
from directory.people.domain.people import Kind
from directory.people.store.departments import Departments
from directory.people.store.members import Members
from directory.people.store.people import BY_ID
from directory.shared.domain.actors import State
from directory.shared.domain.ids import GroupId, PersonId, TenantId

_BY_ROLE: Final = "tenant_role_state"
_BY_DEPARTMENT: Final = "tenant_department_handle"
_EMPLOYED: Final = (Kind.HUMAN.value, Kind.BOOTSTRAP.value)


class Holders:
    """Reads people together with their roles, bindings, departments and groups."""

    def __init__(
        self,
        db: Database,
        *,
        roles: Roles,
        bindings: Bindings,
        departments: Departments,
        members: Members,
    ) -> None:
        # Read only: the room of people writes them.
        self._people = db.collection("people", schema_version=0)
        self._roles = roles
        self._bindings = bindings
        self._departments = departments
        self._members = members

    async def everywhere(
        self, permission: str, *, tenant_id: TenantId, now: datetime, limit: int, tx: Transaction
    ) -> tuple[PersonId, ...]:
        """Find active people with a permission for the tenant, in the order of their ids.

        By a role of their own, or by one that is bound for the tenant to them, to a group or to a
        department with all below it. Neither service accounts nor guests.
        """
        built_in = [name for name, permissions in BUILT_IN.items() if permission in permissions]
        own = await self._roles.granting(permission, tenant_id=tenant_id, tx=tx)
        subjects = await self._bindings.subjects(
            [*built_in, *own],
            scope=Object(TENANT, tenant_id),
            tenant_id=tenant_id,
            now=now,
            tx=tx,
        )
        people = await self._named(subjects, tx=tx)
        departments = await self._departments.below(
            _ids(subjects, DEPARTMENT), tenant_id=tenant_id, tx=tx
        )
        found: set[PersonId] = set()
        for field, values, index in (
            ("roles", built_in, _BY_ROLE),
            ("_id", people, BY_ID),
            ("department_ids", departments, _BY_DEPARTMENT),
        ):
            wanted = {"tenant_id": tenant_id, field: {"$in": values}}
            found |= await self._first(wanted, index=index, limit=limit, tx=tx)
        return tuple(sorted(found)[:limit])

    async def _named(self, subjects: Sequence[Subject], *, tx: Transaction) -> list[str]:
        """Name the people among subjects, and those of the groups among them."""
        people = set(_ids(subjects, PERSON))
        listed = await self._members.of_groups(map(GroupId, _ids(subjects, GROUP)), tx=tx)
        return sorted(people.union(*listed.values()))

    async def _first(
        self, wanted: dict[str, Any], *, index: str, limit: int, tx: Transaction
    ) -> set[PersonId]:
        found = await self._people.find_all(
            {**wanted, "state": State.ACTIVE.value, "kind": {"$in": _EMPLOYED}},
            projection={"_id": 1},
            sort=[("_id", ASCENDING)],
            limit=limit,
            hint=index,
            tx=tx,
        )
        return {PersonId(document["_id"]) for document in found}


def _ids(subjects: Iterable[Subject], kind: str) -> list[str]:
    return [subject.id for subject in subjects if subject.kind == kind]
