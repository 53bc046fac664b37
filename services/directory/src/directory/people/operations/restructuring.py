"""Moving, merging and splitting departments: whole subtrees, with their people, in one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from plexus_access.objects import DEPARTMENT, GROUP, Object, Subject
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.access.domain.grants import Grants, place_of_departments
from directory.access.operations.role_bindings import end_bindings_about
from directory.people import events
from directory.people.domain import departments, groups, people
from directory.people.domain.departments import MAX_MOVED_PEOPLE, Department
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.domain.refusals import DepartmentTooLarge
from directory.people.operations.memberships import regroup
from directory.people.operations.rights import (
    DEPARTMENTS,
    check_contained,
    check_joining,
    managed_department,
    managed_home,
)
from directory.people.store.documents import department_document, department_from
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId, TenantId
from directory.shared.domain.refusals import PersonNotFound
from directory.shared.domain.requests import Request
from directory.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Restructured:
    """The department that the step was about, and how much went elsewhere with it."""

    department: Department
    departments_moved: int
    people_moved: int = 0


async def move_department(
    store: Store,
    *,
    actor: Actor,
    department_id: str,
    parent_id: str,
    request: Request | None,
    now: datetime,
) -> Restructured:
    """Move a department with everything below it under another one; "" makes it a root (GW-3).

    Out: the department, and how many have another path now, itself included; 0 when it stood there.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they
            manage not all.
        DepartmentNotFound: one of them is unknown or closed, or the actor does not manage it, or
            what the first stands in.
        GrantExceedsOwn: whoever belongs there holds what the actor does not.
        DepartmentCycle: the parent is the department or stands below it.
        InvalidArgument: the tree would be deeper than 20.
        GroupTooLarge: a group whose rule names a department on the way would be.
        RequestIdReused: the request id was used with other content.
    """
    tenant_id = actor.tenant_id

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return _remembered(answered)
        previous = await managed_department(
            store, grants, department_id, tenant_id=tenant_id, tx=tx
        )
        check_contained(grants, previous)
        parent = await managed_home(store, grants, parent_id, tenant_id=tenant_id, tx=tx)
        _check_own_scopes(grants, previous, into=parent)
        await _check_joining(store, grants, parent, tenant_id=tenant_id, now=now, tx=tx)
        below = await store.departments.subtree(previous.id, tenant_id=tenant_id, tx=tx)
        changed = departments.move(previous, below=below, parent=parent)
        done = Restructured(
            department=changed[0][1] if changed else previous, departments_moved=len(changed)
        )
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        if changed:
            await _save(store, changed, actor=actor, now=now, tx=tx)
            await _regroup(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work)
    log.info("department.moved", department_id=done.department.id, moved=done.departments_moved)
    return done


async def merge_department(
    store: Store,
    *,
    actor: Actor,
    department_id: str,
    into_id: str,
    request: Request | None,
    now: datetime,
) -> Restructured:
    """Close a department: its people and what stands below it go to another one.

    Groups that it managed, and rules that name it, go there too; what was bound to its members or
    for it ends. Out: the other one.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they
            manage not all.
        DepartmentNotFound: one of them is unknown or closed, or the actor does not manage it, or
            what the first stands in.
        GrantExceedsOwn: whoever belongs there holds what the actor does not.
        DepartmentCycle: the other one is the department or stands below it.
        DepartmentTooLarge: more than 2,000 people are in it directly.
        InvalidArgument: the tree would be deeper than 20.
        GroupTooLarge: a group whose rule names a department on the way would be.
        RequestIdReused: the request id was used with other content.
    """
    tenant_id = actor.tenant_id

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return _remembered(answered)
        closing = await managed_department(store, grants, department_id, tenant_id=tenant_id, tx=tx)
        check_contained(grants, closing)
        into = await managed_department(store, grants, into_id, tenant_id=tenant_id, tx=tx)
        _check_own_scopes(grants, closing, into=into)
        await _check_joining(
            store, grants, into, closing=closing, tenant_id=tenant_id, now=now, tx=tx
        )
        below = await store.departments.subtree(closing.id, tenant_id=tenant_id, tx=tx)
        changed = departments.merge(closing, into=into, below=below)
        moved = [
            (person, people.transfer(person, previous=closing.id, after=into.id))
            for person in await _people_of(store, closing, tx=tx)
        ]
        done = Restructured(
            department=into, departments_moved=len(changed) - 1, people_moved=len(moved)
        )
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        await _save(store, changed, actor=actor, now=now, tx=tx)
        await _transfer(store, moved, actor=actor, now=now, tx=tx)
        of_it = await store.groups.of_department(closing.id, tenant_id=tenant_id, tx=tx)
        rehomed = [groups.rehomed(group, closed=closing.id, into=into.id) for group in of_it]
        await _regroup(store, actor=actor, touched=rehomed, now=now, tx=tx)
        await end_bindings_about(
            store,
            Object(DEPARTMENT, closing.id),
            tenant_id=tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )
        return done

    done = await store.reorganise(tenant_id, work)
    log.info(
        "department.merged",
        department_id=department_id,
        into_id=done.department.id,
        people_moved=done.people_moved,
        departments_moved=done.departments_moved,
    )
    return done


async def split_department(
    store: Store,
    *,
    actor: Actor,
    department_id: str,
    name: str,
    below: bool,
    person_ids: Sequence[str],
    child_ids: Sequence[str],
    request: Request | None,
    now: datetime,
) -> Restructured:
    """Make a department beside another, or below it, out of some of its people and departments.

    Out: the new one.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they
            manage not all.
        DepartmentNotFound: the department is unknown or closed, or the actor does not manage it or,
            for one beside it, what it stands in; or a child is not directly below it.
        PersonNotFound: a person is not directly of the department.
        InvalidArgument: more than 2,000 people, the name is not allowed, or the tree would be
            deeper than 20.
        GroupTooLarge: a group whose rule names a department on the way would be.
        RequestIdReused: the request id was used with other content.
    """
    departments.check_split(person_ids)
    tenant_id = actor.tenant_id
    new_id_ = DepartmentId(new_id("dep", now=now))

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return _remembered(answered)
        old = await managed_department(store, grants, department_id, tenant_id=tenant_id, tx=tx)
        above: Department | None = old
        if not below:
            check_contained(grants, old)
            above = await managed_home(store, grants, old.parent_id, tenant_id=tenant_id, tx=tx)
        new, changed = departments.split(
            old,
            new_id=new_id_,
            name=name,
            parent=above,
            child_ids=child_ids,
            below=await store.departments.subtree(old.id, tenant_id=tenant_id, tx=tx),
        )
        moved = [
            (person, people.transfer(person, previous=old.id, after=new.id))
            for person in await _named(store, old, person_ids, tx=tx)
        ]
        done = Restructured(department=new, departments_moved=len(changed), people_moved=len(moved))
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        await store.departments.add(new, tx=tx)
        added = events.department_added(new, actor_id=actor.person_id, now=now)
        await store.outbox.add(added, tx=tx)
        await _save(store, changed, actor=actor, now=now, tx=tx)
        await _transfer(store, moved, actor=actor, now=now, tx=tx)
        await _regroup(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work)
    log.info(
        "department.split",
        department_id=department_id,
        new_id=done.department.id,
        people_moved=done.people_moved,
        departments_moved=done.departments_moved,
    )
    return done


def _check_own_scopes(grants: Grants, moved: Department, *, into: Department | None) -> None:
    """Check that the actor's roles for a part reach nothing more than they hold there already.

    Raises:
        GrantExceedsOwn: a role for the new place gives what the actor does not hold in the old one.
    """
    gained = set(into.path).difference(moved.path) if into is not None else set()
    place = place_of_departments([moved.path])
    for held in grants.within:
        if held.scope.kind == DEPARTMENT and held.scope.id in gained:
            grants.require_giving(held.permissions, place, masks=held.masks)


async def _check_joining(
    store: Store,
    grants: Grants,
    parent: Department | None,
    *,
    closing: Department | None = None,
    tenant_id: TenantId,
    now: datetime,
    tx: Transaction,
) -> None:
    """Check what people come to hold who belong below another department from now on.

    Rules that name a department that closes name the other one afterwards: its people join then.
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


async def _people_of(store: Store, department: Department, *, tx: Transaction) -> list[Person]:
    found = await store.members.of_department(
        department.id, tenant_id=department.tenant_id, limit=MAX_MOVED_PEOPLE + 1, tx=tx
    )
    if len(found) > MAX_MOVED_PEOPLE:
        raise DepartmentTooLarge(department_id=department.id, most=MAX_MOVED_PEOPLE)
    return found


async def _named(
    store: Store, department: Department, person_ids: Sequence[str], *, tx: Transaction
) -> list[Person]:
    found = await store.people.load_many(person_ids, tenant_id=department.tenant_id, tx=tx)
    for person in found.values():
        if department.id not in person.department_ids:
            raise PersonNotFound(person_id=person.id)
    return list(found.values())


async def _save(
    store: Store,
    changed: Sequence[departments.Changed],
    *,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    await store.departments.save_many(changed, tx=tx)
    facts = [
        events.department_changed(after, actor_id=actor.person_id, now=now) for _, after in changed
    ]
    await store.outbox.add(*facts, tx=tx)


async def _transfer(
    store: Store,
    moved: Sequence[tuple[Person, Person]],
    *,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    await store.members.transfer(moved, tx=tx)
    facts = [
        events.person_changed(previous, after, actor_id=actor.person_id, now=now)
        for previous, after in moved
    ]
    await store.outbox.add(*facts, tx=tx)


async def _regroup(
    store: Store,
    *,
    actor: Actor,
    touched: Sequence[Group] = (),
    now: datetime,
    tx: Transaction,
) -> None:
    await regroup(
        store,
        among=None,
        touched=touched,
        tenant_id=actor.tenant_id,
        actor_id=actor.person_id,
        now=now,
        tx=tx,
    )


def _memory(done: Restructured) -> dict[str, Any]:
    return {
        "department": department_document(done.department),
        "departments_moved": done.departments_moved,
        "people_moved": done.people_moved,
    }


def _remembered(answered: dict[str, Any]) -> Restructured:
    return Restructured(
        department=department_from(answered["department"]),
        departments_moved=answered["departments_moved"],
        people_moved=answered["people_moved"],
    )
