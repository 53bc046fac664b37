"""Making departments, renaming them and giving them leaders."""

from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.access.domain.grants import place_of_departments
from directory.people import events
from directory.people.domain import departments
from directory.people.domain.departments import Department
from directory.people.domain.people import Kind
from directory.people.operations.rights import DEPARTMENTS, managed_department, managed_home
from directory.people.store.documents import department_document, department_from
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId
from directory.shared.domain.refusals import DepartmentNotFound, PersonNotFound
from directory.shared.domain.requests import Request
from directory.store import Store


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

    return await store.reorganise(actor.tenant_id, work)


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

    return await store.reorganise(actor.tenant_id, work)
