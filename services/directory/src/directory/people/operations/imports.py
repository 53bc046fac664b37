"""Bringing in people from another system, 1,000 at a time, in one transaction of few writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.turns import converted, in_turns

from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.people import events
from directory.people.domain import imports
from directory.people.domain.imports import Imported, Plan
from directory.people.domain.people import Person
from directory.people.domain.tenants import Tenant
from directory.people.operations.changes import check_managers, deactivated, save_changed
from directory.people.operations.memberships import regroup
from directory.people.operations.standing import Written, check_regrouped, check_written
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PersonId, TenantId
from directory.store import Credential, Store

PERMISSION: Final = "people.import"
# Estimating the strength of a password takes up to a millisecond.
_CHECKED_AT_ONCE: Final = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """Everybody of the request in its order, and what became of them."""

    people: tuple[Person, ...]
    created: int
    changed: int
    unchanged: int


async def import_people(
    store: Store, hashing: Hashing, *, actor: Actor, imported: Sequence[Imported], now: datetime
) -> ImportOutcome:
    """Make or change people by their external id; running it again changes nothing.

    All or nothing. Passwords are set for people that are new only, hashed once per distinct
    password.

    Raises:
        PermissionMissing: the actor may not import people into the tenant.
        InvalidArgument: a field is not allowed, or an external id comes twice.
        DepartmentNotFound: a department is unknown or closed.
        EmployeeNumberTaken: an employee number is someone else's.
        SuperiorUnavailable: a manager is deactivated or a guest.
        ReportingCycle: somebody would report to themselves.
        GrantExceedsOwn: somebody would come to hold more than the actor does, or somebody who holds
            more would get another e-mail address or be deactivated (GW-11).
        LastAdministrator: it would deactivate the last administrator.
        GroupTooLarge: a group whose rule gives somebody of them is full.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    checked = await in_turns(imports.checked(imported), at_once=_CHECKED_AT_ONCE)
    tenant = await store.tenants.get(actor.tenant_id)
    new_ids = {person.external_id: PersonId(new_id("per", now=now)) for person in checked}
    await _check_passwords(store, checked, tenant_id=actor.tenant_id)
    hashes = await _hashes(store, hashing, checked, actor=actor)

    async def work(tx: Transaction) -> Plan:
        plan = await _plan(store, checked, tenant=tenant, new_ids=new_ids, now=now, tx=tx)
        if not plan.created and not plan.changed:
            return plan
        everybody: list[Written] = [
            *((None, person) for person in plan.created),
            *plan.changed,
        ]
        grants = await store.grants.holding_everywhere(actor, PERMISSION, now=now, tx=tx)
        await check_written(store, grants, everybody, tenant_id=actor.tenant_id, now=now, tx=tx)
        await check_managers(store, everybody, tenant_id=actor.tenant_id, tx=tx)
        await _write_new(store, plan, hashes=hashes, actor=actor, now=now, tx=tx)
        await save_changed(
            store,
            plan.changed,
            tenant_id=actor.tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )
        await regroup(
            store,
            among=[person.id for _, person in everybody],
            left=deactivated(plan.changed),
            tenant_id=actor.tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )
        await check_regrouped(store, grants, everybody, tenant_id=actor.tenant_id, now=now, tx=tx)
        return plan

    plan = await store.reorganise(actor.tenant_id, work)
    outcome = ImportOutcome(
        people=plan.people,
        created=len(plan.created),
        changed=len(plan.changed),
        unchanged=len(plan.people) - len(plan.created) - len(plan.changed),
    )
    log.info(
        "people.imported",
        by=actor.person_id,
        created=outcome.created,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
    )
    return outcome


async def _check_passwords(
    store: Store, checked: Sequence[Imported], *, tenant_id: TenantId
) -> None:
    """Refuse a password for an account that a provider's subject signs in to.

    Who imports would know the password of the account that its owner reaches by single sign-on.
    """
    if not any(person.password for person in checked):
        return
    providers = {each.id for each in await store.providers.list_of(tenant_id)}
    for index, person in enumerate(checked):
        if person.password and person.external_id.partition(":")[0] in providers:
            raise InvalidArgument(
                field=f"people[{index}].password",
                problem=f"must be empty: {person.external_id!r} signs in by single sign-on",
            )


async def _hashes(
    store: Store, hashing: Hashing, checked: Sequence[Imported], *, actor: Actor
) -> Mapping[str, str]:
    """Hash the passwords of those who are new; out: hashes by external id.

    Nobody is ever deleted, so who is present now is so in the transaction as well: a hash can be
    superfluous there, never missing. One after the other, so that an import leaves room for people
    who sign in.
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


async def _plan(
    store: Store,
    checked: Sequence[Imported],
    *,
    tenant: Tenant,
    new_ids: Mapping[str, PersonId],
    now: datetime,
    tx: Transaction,
) -> Plan:
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


async def _write_new(
    store: Store,
    plan: Plan,
    *,
    hashes: Mapping[str, str],
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
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
