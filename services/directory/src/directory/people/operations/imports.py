"""Plans of imports: passwords, handles and managers of up to 1,000 people, and their writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction
from plexuskit.turns import converted

from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.accounts.store import Credential
from directory.people import events
from directory.people.domain import imports
from directory.people.domain.imports import Imported, Plan
from directory.people.domain.tenants import Tenant
from directory.people.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PersonId, TenantId

log = structlog.get_logger()


async def check_passwords(
    store: Store, checked: Sequence[Imported], *, tenant_id: TenantId
) -> None:
    """Refuse a password for an account that is linked to a provider's subject.

    The importer would know the password of an account that its owner reaches by single sign-on.

    Raises:
        InvalidArgument: with the field of the first such person.
    """
    if not any(person.password for person in checked):
        return
    providers = await store.provider_ids.list_of(tenant_id)
    for index, person in enumerate(checked):
        if person.password and person.external_id.partition(":")[0] in providers:
            raise InvalidArgument(
                field=f"people[{index}].password",
                problem=f"must be empty: {person.external_id!r} signs in by single sign-on",
            )


async def hashes_of(
    store: Store, hashing: Hashing, checked: Sequence[Imported], *, actor: Actor
) -> Mapping[str, str]:
    """Hash the passwords of new people; out: hashes by external id.

    People are never deleted, so a person who exists now exists in the transaction too: a hash can
    be superfluous there, never missing. Hashes are made one after the other, so that an import
    leaves capacity for sign-ins.
    """
    external_ids = [person.external_id for person in checked]
    existing = await store.people.find_by_external_ids(external_ids, tenant_id=actor.tenant_id)
    newcomers = {
        person.external_id: person.password
        for person in checked
        if person.password and not person.deactivated and person.external_id not in existing
    }
    made = {
        password: await hashing.make(password, source=signed_in(actor.person_id))
        for password in set(newcomers.values())
    }
    return {external_id: made[password] for external_id, password in newcomers.items()}


async def plan_of(
    store: Store,
    checked: Sequence[Imported],
    *,
    tenant: Tenant,
    new_ids: Mapping[str, PersonId],
    now: datetime,
    tx: Transaction,
) -> Plan:
    """Load the existing people that the import concerns, and plan creations and changes.

    Raises:
        DepartmentNotFound: a department is unknown or closed.
    """
    wanted = [department_id for person in checked for department_id in person.department_ids]
    await store.places.check_departments(wanted, tenant_id=tenant.id, tx=tx)
    existing = await store.people.find_by_external_ids(
        [person.external_id for person in checked], tenant_id=tenant.id, tx=tx
    )
    handles = [
        imports.wanted_handle(person) for person in checked if person.external_id not in existing
    ]
    return imports.plan(
        checked,
        existing=existing,
        taken=await store.people.taken_handles(handles, tenant_id=tenant.id, tx=tx),
        new_ids=new_ids,
        managers=await _managers(store, checked, tenant=tenant, tx=tx),
        tenant=tenant,
        now=now,
    )


async def _managers(
    store: Store, checked: Sequence[Imported], *, tenant: Tenant, tx: Transaction
) -> dict[str, PersonId]:
    """Find the managers who are not of this import themselves, by external id."""
    here = {person.external_id for person in checked}
    named = {person.manager_external_id for person in checked} - here - {""}
    if not named:
        return {}
    found = await store.people.find_by_external_ids(sorted(named), tenant_id=tenant.id, tx=tx)
    return {external_id: person.id for external_id, person in found.items()}


async def write_new(
    store: Store,
    plan: Plan,
    *,
    hashes: Mapping[str, str],
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store new people with their passwords and one fact each.

    Raises:
        EmployeeNumberTaken: another person has an employee number.
    """
    if not plan.created:
        return
    await store.people.add_many(plan.created, tx=tx)
    credentials = [
        Credential(
            person_id=person.id,
            tenant_id=person.tenant_id,
            password_hash=hashes[person.external_id],
        )
        for person in plan.created
        if person.external_id in hashes
    ]
    await store.credentials.add_many(credentials, now=now, tx=tx)
    facts = await converted(
        plan.created,
        lambda person: events.person_added(person, actor_id=actor.person_id, now=now),
    )
    await store.outbox.add(*facts, tx=tx)
