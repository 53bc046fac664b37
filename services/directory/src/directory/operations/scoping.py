"""Loading what an actor may manage: hidden is absent, with the same commands for both (GW-2).

For use inside a transaction, with grants that were read in it (`store.grants.holding`). Who holds
the permission for the tenant pays nothing extra.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction

from directory.domain.authority import ACCOUNT, Grants, place_of_departments
from directory.domain.departments import Department
from directory.domain.ids import TenantId
from directory.domain.people import Person
from directory.domain.refusals import DepartmentNotFound, PersonNotFound
from directory.store import Store

PEOPLE: Final = "people.manage"
DEPARTMENTS: Final = "departments.manage"


async def managed_person(
    store: Store,
    grants: Grants,
    person_id: str,
    *,
    tenant_id: TenantId,
    permission: str = PEOPLE,
    tx: Transaction | None = None,
) -> Person:
    """Load somebody whom the actor manages.

    For a part of the tenant that is who belongs to that part with every department, and holds no
    role for the tenant but those that come with an account.

    Raises:
        PersonNotFound: there is nobody of that id, or not there.
    """
    if grants.holds_everywhere(permission):
        return await store.people.get(person_id, tenant_id=tenant_id, tx=tx)
    person, place = await store.places.get_person(person_id, tenant_id=tenant_id, tx=tx)
    if not grants.holds(permission, place) or not ACCOUNT.issuperset(person.roles):
        raise PersonNotFound
    return person


async def managed_department(
    store: Store,
    grants: Grants,
    department_id: str,
    *,
    tenant_id: TenantId,
    permission: str = DEPARTMENTS,
    tx: Transaction,
) -> Department:
    """Load a department on which the actor holds a permission.

    Raises:
        DepartmentNotFound: there is none of that id, or not there.
    """
    department = await store.departments.get(department_id, tenant_id=tenant_id, tx=tx)
    if not grants.holds(permission, place_of_departments([department.path])):
        raise DepartmentNotFound
    return department


async def check_departments(
    store: Store,
    grants: Grants,
    department_ids: Iterable[str],
    *,
    tenant_id: TenantId,
    permission: str = PEOPLE,
    tx: Transaction,
) -> None:
    """Check that departments exist and the actor holds a permission on each.

    Raises:
        DepartmentNotFound: one is missing, or not theirs; which one stands in the metadata, for it
            was given.
        InvalidArgument: there is none, and the actor holds the permission for departments only.
    """
    wanted = sorted(set(department_ids))
    if grants.holds_everywhere(permission):
        await store.departments.check_exist(wanted, tenant_id=tenant_id, tx=tx)
        return
    if not wanted:
        raise InvalidArgument(field="department_ids", problem="names none that you manage")
    paths = await store.places.paths(wanted, tenant_id=tenant_id, tx=tx)
    for id_ in wanted:
        if id_ not in paths or not grants.holds(permission, place_of_departments([paths[id_]])):
            raise DepartmentNotFound(department_id=id_)


async def check_standing(
    store: Store, grants: Grants, person: Person, *, now: datetime, tx: Transaction
) -> None:
    """Check that who takes over this person's account gains nothing: before sign-in changes.

    Raises:
        GrantExceedsOwn: the person holds something that the actor does not.
    """
    if grants.holds_everything:
        return
    other = await store.grants.of_person(person.id, tenant_id=person.tenant_id, now=now, tx=tx)
    grants.require_standing_over(other)
