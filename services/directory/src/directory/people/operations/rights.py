"""Loading of objects that an actor may manage: hidden is absent, with the same commands (GW-2).

For use inside a transaction, with grants that were read in it (`store.grants.holding`). For actors
with the permission for the whole tenant there is no extra cost.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from plexus_access.objects import DEPARTMENT, GROUP, Subject
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction

from directory.access.domain.grants import IN_TENANT, Grants, place_of_departments
from directory.people.domain.departments import Department
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.store import Store
from directory.shared.domain.ids import TenantId
from directory.shared.domain.refusals import DepartmentNotFound, GroupNotFound

PEOPLE: Final = "people.manage"
DEPARTMENTS: Final = "departments.manage"
GROUPS: Final = "groups.manage"


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


async def managed_group(
    store: Store, grants: Grants, group_id: str, *, tenant_id: TenantId, tx: Transaction
) -> Group:
    """Load a group that the actor manages.

    Raises:
        GroupNotFound: there is none of that id, or not there.
    """
    if grants.holds_everywhere(GROUPS):
        return await store.groups.get(group_id, tenant_id=tenant_id, tx=tx)
    group, place = await store.places.get_group(group_id, tenant_id=tenant_id, tx=tx)
    if not grants.holds(GROUPS, place):
        raise GroupNotFound
    return group


async def managed_home(
    store: Store,
    grants: Grants,
    department_id: str,
    *,
    tenant_id: TenantId,
    permission: str = DEPARTMENTS,
    tx: Transaction,
) -> Department | None:
    """Load the department that something is made or moved in; None for the tenant itself.

    Raises:
        DepartmentNotFound: there is none of that id, or not where the actor holds the permission.
        PermissionMissing: it is the tenant, and the permission is held for departments only.
    """
    if not department_id:
        grants.require_everywhere(permission)
        return None
    return await managed_department(
        store, grants, department_id, tenant_id=tenant_id, permission=permission, tx=tx
    )


def check_contained(grants: Grants, department: Department) -> None:
    """Check that the actor manages the parent of a department, which changes when that one goes.

    Raises:
        DepartmentNotFound: the actor manages the department, but not its parent.
    """
    above = department.path[:-1]
    place = place_of_departments([above]) if above else IN_TENANT
    if not grants.holds(DEPARTMENTS, place):
        raise DepartmentNotFound


async def check_departments(
    store: Store,
    grants: Grants,
    department_ids: Iterable[str],
    *,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check that departments exist, and that the actor may add people to each.

    Raises:
        DepartmentNotFound: one is missing, or outside the actor's scope; the metadata names it,
            since the caller supplied it.
        InvalidArgument: none is given, and the actor manages people of departments only.
        GrantExceedsOwn: members of a department hold grants that the actor does not.
    """
    wanted = sorted(set(department_ids))
    if grants.holds_everything:
        await store.places.check_departments(wanted, tenant_id=tenant_id, tx=tx)
        return
    if not wanted and not grants.holds_everywhere(PEOPLE):
        raise InvalidArgument(field="department_ids", problem="names none that you manage")
    paths = await store.places.paths(wanted, tenant_id=tenant_id, tx=tx)
    for id_ in wanted:
        if id_ not in paths or not grants.holds(PEOPLE, place_of_departments([paths[id_]])):
            raise DepartmentNotFound(department_id=id_)
    await check_joining(
        store,
        grants,
        {Subject(DEPARTMENT, id_) for path in paths.values() for id_ in path},
        tenant_id=tenant_id,
        now=now,
        tx=tx,
    )


async def check_joining(
    store: Store,
    grants: Grants,
    subjects: Iterable[Subject],
    *,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check that who is put into departments or groups gets nothing that the actor does not hold.

    Raises:
        GrantExceedsOwn: one of them is bound to more.
    """
    wanted = list(subjects)
    if grants.holds_everything or not wanted:
        return
    bound = await store.grants.of_subjects(wanted, tenant_id=tenant_id, now=now, tx=tx)
    grants.require_standing_over(bound)


async def check_joined(
    store: Store,
    grants: Grants,
    previous: Person | None,
    after: Person,
    *,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check the groups that a rule has just added a person to; None if the person is new.

    Raises:
        GrantExceedsOwn: one of them has more grants than the actor holds.
    """
    if grants.holds_everything:
        return
    current = await store.people.get(after.id, tenant_id=after.tenant_id, tx=tx)
    joined = set(current.group_ids).difference(previous.group_ids if previous else ())
    subjects = [Subject(GROUP, id_) for id_ in joined]
    await check_joining(store, grants, subjects, tenant_id=after.tenant_id, now=now, tx=tx)


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
