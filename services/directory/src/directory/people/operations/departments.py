"""Making, changing, moving, merging and splitting departments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from plexus_access.objects import DEPARTMENT, Object
from plexuskit.grpc import line_of
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Answer, Request

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
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId
from directory.shared.domain.refusals import DepartmentNotFound, PersonNotFound

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
    """Create a department, or return the one that already has its external id.

    If that one was merged, return the one it went into, so that a feed can continue to name it.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or would make a root without
            managing all.
        DepartmentNotFound: the parent is unknown or closed, or outside the actor's scope.
        InvalidArgument: a field is not allowed, or the tree would be too deep.
        RequestIdReused: the request id was used with other content.
    """
    department_id = DepartmentId(new_id("dep", now=now))

    async def work(tx: Transaction) -> Department:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.departments.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
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
                await store.requests.record(request, {"id": existing.id}, now=now, tx=tx)
                return existing

        parent = await managed_home(store, grants, parent_id, tenant_id=actor.tenant_id, tx=tx)
        department = departments.create(
            department_id=department_id,
            tenant_id=actor.tenant_id,
            name=name,
            parent=parent,
            external_id=external_id,
        )
        await store.requests.record(request, {"id": department.id}, now=now, tx=tx)
        await store.departments.add(department, tx=tx)
        fact = events.department_added(department, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        return department

    return await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))


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
    """Rename a department or set its leader; write nothing if nothing differs.

    Raises:
        PermissionMissing: the actor manages departments nowhere.
        DepartmentNotFound: it does not exist, is closed, or is outside the actor's scope.
        PersonNotFound: the leader is not an active person of the tenant, or is a guest.
        VersionConflict: the department was changed since `expected_version`.
        InvalidArgument: the name is not allowed.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Department:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.departments.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
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
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        if after is not previous:
            await store.departments.save_many([(previous, after)], tx=tx)
            fact = events.department_changed(after, actor_id=actor.person_id, now=now)
            await store.outbox.add(fact, tx=tx)
        return after

    return await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Restructured:
    """The department of the step, and the number of others that moved with it."""

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

    Out: the department, and how many paths changed, its own included; 0 if it was there already.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they do
            not manage all.
        DepartmentNotFound: one of them is unknown or closed, or the actor does not manage it, or
            not the parent of the first.
        GrantExceedsOwn: its members would hold grants there that the actor does not.
        DepartmentCycle: the parent is the department itself or below it.
        InvalidArgument: the tree would be deeper than 20.
        GroupTooLarge: a group whose rule names a department on the path would be.
        RequestIdReused: the request id was used with other content.
    """
    tenant_id = actor.tenant_id

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await _again(store, answered, actor=actor, tx=tx)
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
        await store.requests.record(request, _answer(done), now=now, tx=tx)
        if changed:
            await save_departments(store, changed, actor=actor, now=now, tx=tx)
            await regroup_all(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work, caller=line_of(actor.person_id))
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
    """Close a department: its people and the departments below it go to another one.

    Groups that it managed, and rules that name it, go there too; role bindings of its members or
    for it end. Out: the other one.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they do
            not manage all.
        DepartmentNotFound: one of them is unknown or closed, or the actor does not manage it, or
            not the parent of the first.
        GrantExceedsOwn: its members would hold grants there that the actor does not.
        DepartmentCycle: the other one is the department itself or below it.
        DepartmentTooLarge: more than 2,000 people are in it directly.
        InvalidArgument: the tree would be deeper than 20.
        GroupTooLarge: a group whose rule names a department on the path would be.
        RequestIdReused: the request id was used with other content.
    """
    tenant_id = actor.tenant_id

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await _again(store, answered, actor=actor, tx=tx)
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
        await store.requests.record(request, _answer(done), now=now, tx=tx)
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

    done = await store.reorganise(tenant_id, work, caller=line_of(actor.person_id))
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
    """Create a department beside another, or below it, from some of its people and departments.

    Out: the new one.

    Raises:
        PermissionMissing: the actor manages departments nowhere, or a root is concerned and they do
            not manage all.
        DepartmentNotFound: the department is unknown or closed, or the actor does not manage it or,
            for one beside it, its parent; or a child is not directly below it.
        PersonNotFound: a person is not a direct member of the department.
        InvalidArgument: more than 2,000 people, the name is not allowed, or the tree would be
            deeper than 20.
        GroupTooLarge: a group whose rule names a department on the path would be.
        RequestIdReused: the request id was used with other content.
    """
    departments.check_split(person_ids)
    tenant_id = actor.tenant_id
    new_id_ = DepartmentId(new_id("dep", now=now))

    async def work(tx: Transaction) -> Restructured:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await _again(store, answered, actor=actor, tx=tx)
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
        await store.requests.record(request, _answer(done), now=now, tx=tx)
        await store.departments.add(new, tx=tx)
        added = events.department_added(new, actor_id=actor.person_id, now=now)
        await store.outbox.add(added, tx=tx)
        await save_departments(store, changed, actor=actor, now=now, tx=tx)
        await transfer_people(store, moved, actor=actor, now=now, tx=tx)
        await regroup_all(store, actor=actor, now=now, tx=tx)
        return done

    done = await store.reorganise(tenant_id, work, caller=line_of(actor.person_id))
    log.info(
        "department.split",
        department_id=department_id,
        new_id=done.department.id,
        people_moved=done.people_moved,
        departments_moved=done.departments_moved,
    )
    return done


def _answer(done: Restructured) -> Answer:
    return {
        "id": done.department.id,
        "departments_moved": done.departments_moved,
        "people_moved": done.people_moved,
    }


async def _again(store: Store, answered: Answer, *, actor: Actor, tx: Transaction) -> Restructured:
    """Return what a step did, with its department as it is now.

    Raises:
        DepartmentNotFound: it was closed since.
    """
    return Restructured(
        department=await store.departments.get(answered["id"], tenant_id=actor.tenant_id, tx=tx),
        departments_moved=answered["departments_moved"],
        people_moved=answered["people_moved"],
    )
