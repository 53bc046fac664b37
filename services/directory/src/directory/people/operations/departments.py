"""Making, changing, moving, merging and splitting departments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from plexus_access.objects import DEPARTMENT, Object
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.access.domain.grants import place_of_departments
from directory.access.operations.role_bindings import end_bindings_about
from directory.people import events
from directory.people.domain import departments, groups, people
from directory.people.domain.departments import Department
from directory.people.domain.people import Kind
from directory.people.operations.rights import (
    DEPARTMENTS,
    check_contained,
    managed_department,
    managed_home,
)
from directory.people.operations.subtrees import (
    check_joining_below,
    check_own_scopes,
    named_people,
    people_of,
    regroup_all,
    save_departments,
    transfer_people,
)
from directory.people.store import Store
from directory.people.store.documents import department_document, department_from
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId
from directory.shared.domain.refusals import DepartmentNotFound, PersonNotFound
from directory.shared.domain.requests import Request

log = structlog.get_logger()


async def create_department(
    store: Store,
    *,
    actor: Actor,
    name: str,
    parent_id: str,
    external_id: str,
    request: Request | None,
    now: datetime,
) -> Department:
    """Make a department, or answer the one that its external id already has.

    For one that was merged that is the one it went into: a feed that still names it goes on there.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or makes a root and manages not
            all.
        DepartmentNotFound: the parent is unknown or closed, or the actor manages nothing there.
        InvalidArgument: a field is not allowed, or the tree would be too deep.
        RequestIdReused: the request id was used with other content.
    """
    department_id = DepartmentId(new_id("dep", now=now))

    async def work(tx: Transaction) -> Department:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return department_from(answered)
        if external_id:
            existing = await store.departments.find_by_external_id(
                external_id, tenant_id=actor.tenant_id, tx=tx
            )
            while existing is not None and existing.merged_into_id:
                existing = await store.departments.find(
                    existing.merged_into_id, tenant_id=actor.tenant_id, tx=tx
                )
            if existing is not None:
                if not grants.holds(DEPARTMENTS, place_of_departments([existing.path])):
                    raise DepartmentNotFound
                await store.requests.remember(
                    request, department_document(existing), now=now, tx=tx
                )
                return existing

        parent = await managed_home(store, grants, parent_id, tenant_id=actor.tenant_id, tx=tx)
        department = departments.create(
            department_id=department_id,
            tenant_id=actor.tenant_id,
            name=name,
            parent=parent,
            external_id=external_id,
        )
        await store.requests.remember(request, department_document(department), now=now, tx=tx)
        await store.departments.add(department, tx=tx)
        fact = events.department_added(department, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return department

    return await store.reorganise(actor.tenant_id, work, caller=actor.caller)


async def update_department(
    store: Store,
    *,
    actor: Actor,
    department_id: str,
    name: str | None,
    leader_id: str | None,
    expected_version: int,
    request: Request | None,
    now: datetime,
) -> Department:
    """Rename a department or give it a leader; nothing is written when nothing differs.

    Raises:
        PermissionMissing: the actor manages departments nowhere.
        DepartmentNotFound: there is none that the actor manages, or it is closed.
        PersonNotFound: the leader is nobody of the tenant who is active, or a guest.
        VersionConflict: someone changed the department since `expected_version`.
        InvalidArgument: the name is not allowed.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Department:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return department_from(answered)
        previous = await managed_department(
            store, grants, department_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = departments.change(
            previous, name=name, leader_id=leader_id, expected_version=expected_version
        )
        if after.leader_id and after.leader_id != previous.leader_id:
            leader = await store.people.get(after.leader_id, tenant_id=actor.tenant_id, tx=tx)
            if not leader.active or leader.kind is Kind.GUEST:
                raise PersonNotFound
        await store.requests.remember(request, department_document(after), now=now, tx=tx)
        if after is not previous:
            await store.departments.save_many([(previous, after)], tx=tx)
            fact = events.department_changed(after, actor_id=actor.person_id, now=now)
            await store.outbox.add(fact, tx=tx)
        return after

    return await store.reorganise(actor.tenant_id, work, caller=actor.caller)


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
        check_own_scopes(grants, previous, into=parent)
        await check_joining_below(store, grants, parent, tenant_id=tenant_id, now=now, tx=tx)
        below = await store.departments.subtree(previous.id, tenant_id=tenant_id, tx=tx)
        changed = departments.move(previous, below=below, parent=parent)
        done = Restructured(
            department=changed[0][1] if changed else previous, departments_moved=len(changed)
        )
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        if changed:
            await save_departments(store, changed, actor=actor, now=now, tx=tx)
            await regroup_all(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work, caller=actor.caller)
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
        check_own_scopes(grants, closing, into=into)
        await check_joining_below(
            store, grants, into, closing=closing, tenant_id=tenant_id, now=now, tx=tx
        )
        below = await store.departments.subtree(closing.id, tenant_id=tenant_id, tx=tx)
        changed = departments.merge(closing, into=into, below=below)
        moved = [
            (person, people.transfer(person, previous=closing.id, after=into.id))
            for person in await people_of(store, closing, tx=tx)
        ]
        done = Restructured(
            department=into, departments_moved=len(changed) - 1, people_moved=len(moved)
        )
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        await save_departments(store, changed, actor=actor, now=now, tx=tx)
        await transfer_people(store, moved, actor=actor, now=now, tx=tx)
        of_it = await store.groups.of_department(closing.id, tenant_id=tenant_id, tx=tx)
        rehomed = [groups.rehomed(group, closed=closing.id, into=into.id) for group in of_it]
        await regroup_all(store, actor=actor, touched=rehomed, now=now, tx=tx)
        await end_bindings_about(
            store,
            Object(DEPARTMENT, closing.id),
            tenant_id=tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )
        return done

    done = await store.reorganise(tenant_id, work, caller=actor.caller)
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
            for person in await named_people(store, old, person_ids, tx=tx)
        ]
        done = Restructured(department=new, departments_moved=len(changed), people_moved=len(moved))
        await store.requests.remember(request, _memory(done), now=now, tx=tx)
        await store.departments.add(new, tx=tx)
        added = events.department_added(new, actor_id=actor.person_id, now=now)
        await store.outbox.add(added, tx=tx)
        await save_departments(store, changed, actor=actor, now=now, tx=tx)
        await transfer_people(store, moved, actor=actor, now=now, tx=tx)
        await regroup_all(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work, caller=actor.caller)
    log.info(
        "department.split",
        department_id=department_id,
        new_id=done.department.id,
        people_moved=done.people_moved,
        departments_moved=done.departments_moved,
    )
    return done


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
