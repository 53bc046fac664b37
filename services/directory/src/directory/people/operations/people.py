"""Making and changing people."""

from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import normalise
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.people import events
from directory.people.domain import people, profiles
from directory.people.domain.people import Changes, Draft, Kind, Person
from directory.people.operations.changes import change_one, check_managers
from directory.people.operations.memberships import regroup
from directory.people.operations.rights import (
    PEOPLE,
    check_departments,
    check_joined,
    check_standing,
)
from directory.people.store.documents import person_document, person_from
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import PersonId
from directory.shared.domain.requests import Request
from directory.store import Credential, Store

log = structlog.get_logger()


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
    """Make a person, with a local account when a password is given.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        GrantExceedsOwn: by a role or a department of theirs they would hold more than the actor.
        InvalidArgument: a field, the handle or the password is not allowed.
        HandleTaken: someone of the tenant has the handle.
        EmployeeNumberTaken: someone of the tenant has the employee number.
        DepartmentNotFound: a department is unknown or closed, or the actor manages nobody there.
        PersonNotFound: the manager is nobody of the tenant.
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
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered), False
        await store.requests.remember(request, person_document(person), now=now, tx=tx)
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

    made, new = await store.reorganise(actor.tenant_id, work)
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
    request: Request | None,
    now: datetime,
) -> Person:
    """Change the set fields of a person; nothing is written when nothing differs.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: there is none whom the actor manages.
        GrantExceedsOwn: a role that changes hands, a department that the person comes to belong
            to, or who can sign in as them holds more than the actor does.
        VersionConflict: someone changed the person since `expected_version`.
        InvalidArgument: a field is not allowed.
        DepartmentNotFound: a department is unknown or closed, or the actor manages nobody there.
        EmployeeNumberTaken: someone else of the tenant has the employee number.
        SuperiorUnavailable: the manager is deactivated or a guest.
        ReportingCycle: the manager reports to the person.
        LastAdministrator: nobody could administer the tenant any more.
        GroupTooLarge: a group whose rule gives the person now is full.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.change(previous, changes, expected_version=expected_version, now=now)
        grants.require_roles(previous.roles, after.roles)
        if after.email != previous.email:
            # Single sign-on may know somebody by it.
            await check_standing(store, grants, previous, now=now, tx=tx)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        if changes.department_ids is not None:
            wanted = profiles.departments(changes.department_ids)
            await check_departments(
                store, grants, wanted, tenant_id=actor.tenant_id, now=now, tx=tx
            )
        await check_managers(store, [(previous, after)], tenant_id=actor.tenant_id, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        await check_joined(store, grants, previous, after, now=now, tx=tx)
        return after

    return await store.reorganise(actor.tenant_id, work)


async def update_profile(
    store: Store, *, actor: Actor, changes: Changes, request: Request | None, now: datetime
) -> Person:
    """Change what people say of themselves: skills, zone, language and working hours.

    Raises:
        PermissionMissing: the actor may not change their profile.
        InvalidArgument: a field is not allowed.
        GroupTooLarge: a group whose rule gives the person now is full.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.update_profile")

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        previous = await store.people.get(actor.person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.change(previous, changes, now=now)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    return await store.reorganise(actor.tenant_id, work)
