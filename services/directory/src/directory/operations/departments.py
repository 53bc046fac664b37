"""Making departments."""

from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import departments
from directory.domain.access import Actor
from directory.domain.authority import place_of_departments
from directory.domain.departments import Department
from directory.domain.ids import DepartmentId
from directory.domain.refusals import DepartmentNotFound
from directory.domain.requests import Request
from directory.operations.scoping import DEPARTMENTS, managed_department
from directory.store import Store
from directory.store.documents import department_document, department_from


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

    Raises:
        PermissionMissing: the actor manages departments nowhere, or makes a root and manages not
            all.
        DepartmentNotFound: the parent is unknown, or the actor manages nothing there.
        InvalidArgument: a field is not allowed, or the tree would be too deep.
        RequestIdReused: the request id was used with other content.
    """
    department_id = DepartmentId(new_id("dep", now=now))

    async def work(tx: Transaction) -> Department:
        grants = await store.grants.holding(actor, DEPARTMENTS, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return department_from(answered)
        if external_id:
            present = await store.departments.find_by_external_id(
                external_id, tenant_id=actor.tenant_id, tx=tx
            )
            if present is not None:
                if not grants.holds(DEPARTMENTS, place_of_departments([present.path])):
                    raise DepartmentNotFound
                await store.requests.remember(request, department_document(present), now=now, tx=tx)
                return present

        parent = None
        if parent_id:
            parent = await managed_department(
                store, grants, parent_id, tenant_id=actor.tenant_id, tx=tx
            )
        else:
            grants.require_everywhere(DEPARTMENTS)
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

    return await store.transact(work)
