"""Checks and writes of changes that move whole subtrees with their people."""

from collections.abc import Sequence
from datetime import datetime

from plexus_access.objects import DEPARTMENT, GROUP, Subject
from plexuskit.mongo import Transaction

from directory.access.domain.grants import Grants, place_of_departments
from directory.people import events
from directory.people.domain import departments
from directory.people.domain.departments import MAX_MOVED_PEOPLE, Department
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.domain.refusals import DepartmentTooLarge
from directory.people.operations.memberships import regroup
from directory.people.operations.rights import check_joining
from directory.people.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import TenantId
from directory.shared.domain.refusals import PersonNotFound


def check_own_scopes(grants: Grants, moved: Department, *, into: Department | None) -> None:
    """Check that the actor's roles for a part reach nothing more than they hold there already.

    Raises:
        GrantExceedsOwn: a role for the new place gives what the actor does not hold in the old one.
    """
    gained = set(into.path).difference(moved.path) if into is not None else set()
    place = place_of_departments([moved.path])
    for held in grants.within:
        if held.scope.kind == DEPARTMENT and held.scope.id in gained:
            grants.require_giving(held.permissions, place, masks=held.masks)


async def check_joining_below(
    store: Store,
    grants: Grants,
    parent: Department | None,
    *,
    closing: Department | None = None,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check the grants that people gain who will belong below another department.

    Rules that name a closing department name the other one afterwards: its people join then.
    """
    if parent is not None and not grants.holds_everything:
        subjects = [Subject(DEPARTMENT, id_) for id_ in parent.path]
        named = {*parent.path, closing.id} if closing else set(parent.path)
        subjects += [
            Subject(GROUP, group.id)
            for group in await store.groups.by_rule(tenant_id=tenant_id, tx=tx)
            if group.rule and not named.isdisjoint(group.rule.department_ids)
        ]
        await check_joining(store, grants, subjects, tenant_id=tenant_id, now=now, tx=tx)


async def people_of(store: Store, department: Department, *, tx: Transaction) -> list[Person]:
    """Load the people directly of a department, active or not.

    Raises:
        DepartmentTooLarge: there are more than one change may move.
    """
    found = await store.members.of_department(
        department.id, tenant_id=department.tenant_id, limit=MAX_MOVED_PEOPLE + 1, tx=tx
    )
    if len(found) > MAX_MOVED_PEOPLE:
        raise DepartmentTooLarge(department_id=department.id, most=MAX_MOVED_PEOPLE)
    return found


async def named_people(
    store: Store, department: Department, person_ids: Sequence[str], *, tx: Transaction
) -> list[Person]:
    """Load people by id who belong to a department.

    Raises:
        PersonNotFound: one is unknown or does not belong to it; the metadata names them.
    """
    found = await store.people.load_many(person_ids, tenant_id=department.tenant_id, tx=tx)
    for person in found.values():
        if department.id not in person.department_ids:
            raise PersonNotFound(person_id=person.id)
    return list(found.values())


async def save_departments(
    store: Store,
    changed: Sequence[departments.Changed],
    *,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store changed departments, given as (before, after), with one fact each."""
    await store.departments.save_many(changed, tx=tx)
    facts = [
        events.department_changed(after, actor_id=actor.person_id, now=now) for _, after in changed
    ]
    await store.outbox.add(*facts, tx=tx)


async def transfer_people(
    store: Store,
    moved: Sequence[tuple[Person, Person]],
    *,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store people whose departments changed, given as (before, after), with one fact each."""
    await store.members.transfer(moved, tx=tx)
    facts = [
        events.person_changed(previous, after, actor_id=actor.person_id, now=now)
        for previous, after in moved
    ]
    await store.outbox.add(*facts, tx=tx)


async def regroup_all(
    store: Store,
    *,
    actor: Actor,
    touched: Sequence[Group] = (),
    now: datetime,
    tx: Transaction,
) -> None:
    """Evaluate the rules of all groups again after the tree has changed.

    Raises:
        GroupTooLarge: more than 10,000 people would belong to a group.
    """
    await regroup(
        store,
        among=None,
        touched=touched,
        tenant_id=actor.tenant_id,
        actor_id=actor.person_id,
        now=now,
        tx=tx,
    )
