"""Making, changing, deactivating and importing people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import line_of
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request
from plexuskit.turns import in_turns

from directory.accounts.domain.passwords import normalise
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.accounts.operations.sessions import finish_sessions
from directory.accounts.store import Credential
from directory.people import events
from directory.people.domain import imports, people, profiles
from directory.people.domain.imports import Imported, Plan
from directory.people.domain.people import Changes, Draft, Kind, Person
from directory.people.domain.refusals import ReasonRequired
from directory.people.operations.changes import (
    change_one,
    check_managers,
    deactivated,
    save_changed,
)
from directory.people.operations.imports import (
    check_passwords,
    hashes_of,
    plan_of,
    write_addresses,
    write_new,
)
from directory.people.operations.memberships import regroup
from directory.people.operations.rights import (
    PEOPLE,
    check_departments,
    check_joined,
    check_standing,
)
from directory.people.operations.standing import Written, check_regrouped, check_written
from directory.people.store import Store
from directory.shared.domain.actors import SERVICE, Actor
from directory.shared.domain.ids import PersonId

log = structlog.get_logger()

EXPIRED_AT_ONCE: Final = 100
IMPORT: Final = "people.import"
# Estimating the strength of a password takes up to a millisecond.
CHECKED_AT_ONCE: Final = 20


async def create_person(
    store: Store,
    hashing: Hashing,
    *,
    actor: Actor,
    draft: Draft,
    password: str,
    request: Request | None,
    now: datetime,
) -> Person:
    """Create a person, with a local account if a password is given.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        GrantExceedsOwn: a role or department would grant the person more than the actor holds.
        InvalidArgument: a field, the handle or the password is not allowed.
        HandleTaken: another person of the tenant has the handle.
        EmployeeNumberTaken: another person of the tenant has the employee number.
        DepartmentNotFound: a department is unknown, closed, or outside the actor's scope.
        PersonNotFound: the manager is not in the tenant.
        SuperiorUnavailable: the manager is deactivated or a guest.
        RequestIdReused: the request id was used with other content.
    """
    await store.grants.holding(actor, PEOPLE, now=now)
    if draft.kind is Kind.BOOTSTRAP:
        raise InvalidArgument(field="kind", problem="is made by setting up the tenant only")
    tenant = await store.tenants.get(actor.tenant_id)
    person = people.create(
        draft,
        person_id=PersonId(new_id("per", now=now)),
        tenant=tenant,
        now=now,
    )
    password_hash = password and await hashing.make(
        normalise(password, field="password", about=person.obvious_words),
        source=signed_in(actor.person_id),
    )

    async def work(tx: Transaction) -> tuple[Person, bool]:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx), False
        await store.requests.record(request, {"id": person.id}, now=now, tx=tx)
        await check_departments(
            store, grants, person.department_ids, tenant_id=actor.tenant_id, now=now, tx=tx
        )
        grants.require_roles((), person.roles)
        await check_managers(store, [(None, person)], tenant_id=actor.tenant_id, tx=tx)
        await store.people.add(person, tx=tx)
        if password_hash:
            credential = Credential(
                person_id=person.id, tenant_id=actor.tenant_id, password_hash=password_hash
            )
            await store.credentials.set(credential, now=now, tx=tx)
        await store.outbox.add(
            events.person_added(person, actor_id=actor.person_id, now=now), tx=tx
        )
        await regroup(
            store,
            among=[person.id],
            tenant_id=actor.tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )
        await check_joined(store, grants, None, person, now=now, tx=tx)
        return person, True

    made, new = await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
    if new:
        log.info("person.created", person_id=made.id, by=actor.person_id)
    return made


async def update_person(
    store: Store,
    *,
    actor: Actor,
    person_id: str,
    changes: Changes,
    expected_version: int,
    reason: str = "",
    request: Request | None,
    now: datetime,
) -> Person:
    """Change the set fields of a person; write nothing if nothing differs.

    An e-mail address by which single sign-on would link its holder to the person requires a reason,
    as does setting another's password; the ledger keeps it (GW-11).

    Raises:
        ReasonRequired: the change sets such an address for another person without a reason.
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: absent, or not managed by the actor.
        GrantExceedsOwn: a changed role, a new department of the person, or the new means of signing
            in as them holds more than the actor does.
        VersionConflict: the person was changed since `expected_version`.
        InvalidArgument: a field is not allowed.
        DepartmentNotFound: a department is unknown, closed, or outside the actor's scope.
        EmployeeNumberTaken: another person of the tenant has the employee number.
        HandleReserved, HandleTaken: the new handle cannot be theirs.
        SuperiorUnavailable: the manager is deactivated or a guest.
        ReportingCycle: the manager reports to the person.
        LastAdministrator: the tenant would have no administrator any more.
        GroupTooLarge: a group whose rule now matches the person is full.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.change(previous, changes, expected_version=expected_version, now=now)
        grants.require_roles(previous.roles, after.roles)
        if (after.email, after.handle) != (previous.email, previous.handle):
            # Single sign-on may identify people by the address, and they sign in with the handle.
            await check_standing(store, grants, previous, now=now, tx=tx)
        if after.email != previous.email:
            await _give_reason(store, after, reason=reason, actor=actor, now=now, tx=tx)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        if changes.department_ids is not None:
            wanted = profiles.departments(changes.department_ids)
            await check_departments(
                store, grants, wanted, tenant_id=actor.tenant_id, now=now, tx=tx
            )
        await check_managers(store, [(previous, after)], tenant_id=actor.tenant_id, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        await check_joined(store, grants, previous, after, now=now, tx=tx)
        return after

    return await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))


async def _give_reason(
    store: Store, person: Person, *, reason: str, actor: Actor, now: datetime, tx: Transaction
) -> None:
    """Publish the reason for an address that a provider links by; nothing for another address.

    Raises:
        ReasonRequired: no reason is given.
    """
    if person.id == actor.person_id:
        return
    if not await store.provider_ids.linking([person], tenant_id=person.tenant_id, tx=tx):
        return
    if not reason.strip():
        raise ReasonRequired
    fact = events.sign_in_email_set(
        person, reason=reason.strip(), actor_id=actor.person_id, now=now
    )
    await store.outbox.add(fact, tx=tx)


async def deactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Deactivate a person: end their sessions and remove them from groups.

    Repeating it changes nothing.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: absent, or not managed by the actor.
        GrantExceedsOwn: the person holds grants that the actor does not.
        LastAdministrator: the tenant would have no administrator any more.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.deactivate(previous)
        if after is not previous:
            await check_standing(store, grants, previous, now=now, tx=tx)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    person = await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
    await finish_sessions(store, [person.id], now=now)
    log.info("person.deactivated", person_id=person.id, by=actor.person_id)
    return person


async def reactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Reactivate a person; they sign in again, and join groups by rule again.

    Repeating it changes nothing. Membership of groups by name is not restored.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: absent, or not managed by the actor.
        GrantExceedsOwn: the person would hold grants that the actor does not.
        GuestExpired: the person is a guest whose access has expired.
        GroupTooLarge: a group whose rule matches the person is full.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.reactivate(previous, now=now)
        await check_standing(store, grants, previous, now=now, tx=tx)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        await check_joined(store, grants, previous, after, now=now, tx=tx)
        return after

    person = await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
    log.info("person.reactivated", person_id=person.id, by=actor.person_id)
    return person


async def expire_guests(store: Store, *, now: datetime) -> int:
    """Deactivate guests whose access has expired, at most 100; out: the number examined.

    Any number of processes may do so at once: each guest is examined again in a separate
    transaction, and one that is already deactivated is left unchanged.
    """
    found = await store.people.find_expired(now=now, limit=EXPIRED_AT_ONCE)
    for guest in found:

        async def work(tx: Transaction, *, guest: Person = guest) -> bool:
            previous = await store.people.get(guest.id, tenant_id=guest.tenant_id, tx=tx)
            if not previous.active or not previous.expired(now=now):
                return False
            after = people.deactivate(previous)
            await change_one(store, previous, after, actor_id=SERVICE, now=now, tx=tx)
            return True

        if await store.reorganise(guest.tenant_id, work, caller=SERVICE):
            await finish_sessions(store, [guest.id], now=now)
            log.info("guest.expired", person_id=guest.id)
    return len(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """People of an import in request order, and the outcome for each."""

    people: tuple[Person, ...]
    created: int
    changed: int
    unchanged: int


async def import_people(
    store: Store, hashing: Hashing, *, actor: Actor, imported: Sequence[Imported], now: datetime
) -> ImportOutcome:
    """Create or change people by their external id; running it again changes nothing.

    All or nothing. Passwords are set only for new people, hashed once per distinct password.
    A person who can sign in already gets no address by which a provider would sign in another one
    as them.

    Raises:
        PermissionMissing: the actor may not import people into the tenant.
        InvalidArgument: a field is not allowed, or an external id comes twice.
        DepartmentNotFound: a department is unknown or closed.
        EmployeeNumberTaken: an employee number belongs to another person.
        SuperiorUnavailable: a manager is deactivated or a guest.
        ReportingCycle: a person would report to themselves.
        GrantExceedsOwn: a person would gain more than the actor holds, or a person who holds more
            would get another e-mail address or be deactivated (GW-11).
        LastAdministrator: it would deactivate the last administrator.
        GroupTooLarge: a group whose rule matches one of them is full.
    """
    await store.grants.holding_everywhere(actor, IMPORT, now=now)
    checked = await in_turns(imports.checked(imported), at_once=CHECKED_AT_ONCE)
    tenant = await store.tenants.get(actor.tenant_id)
    new_ids = {person.external_id: PersonId(new_id("per", now=now)) for person in checked}
    await check_passwords(store, checked, tenant_id=actor.tenant_id)
    hashes = await hashes_of(store, hashing, checked, actor=actor)

    async def work(tx: Transaction) -> Plan:
        plan = await plan_of(store, checked, tenant=tenant, new_ids=new_ids, now=now, tx=tx)
        if not plan.created and not plan.changed:
            return plan
        everybody: list[Written] = [
            *((None, person) for person in plan.created),
            *plan.changed,
        ]
        grants = await store.grants.holding_everywhere(actor, IMPORT, now=now, tx=tx)
        await check_written(store, grants, everybody, tenant_id=actor.tenant_id, now=now, tx=tx)
        await write_addresses(store, plan, checked, actor=actor, now=now, tx=tx)
        await check_managers(store, everybody, tenant_id=actor.tenant_id, tx=tx)
        await write_new(store, plan, hashes=hashes, actor=actor, now=now, tx=tx)
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

    plan = await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
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
