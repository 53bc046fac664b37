"""Making, changing and deactivating people."""

from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import people, profiles
from directory.domain.access import ADMIN, Actor
from directory.domain.ids import PersonId
from directory.domain.passwords import normalise
from directory.domain.people import Changes, Draft, Kind, Person
from directory.domain.refusals import LastAdministrator
from directory.domain.requests import Request
from directory.domain.sessions import EndCause
from directory.operations.hashing import Hashing
from directory.operations.scoping import (
    PEOPLE,
    check_departments,
    check_standing,
    managed_person,
)
from directory.operations.sessions import end_sessions
from directory.store import Credential, Store
from directory.store.documents import person_document, person_from

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
        GrantExceedsOwn: a role of theirs holds more than the actor does.
        InvalidArgument: a field, the handle or the password is not allowed.
        HandleTaken: someone of the tenant has the handle.
        DepartmentNotFound: a department is unknown, or the actor manages nobody there.
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
    password_hash = password and await hashing.make(normalise(password, field="password"))

    async def work(tx: Transaction) -> tuple[Person, bool]:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered), False
        await store.requests.remember(request, person_document(person), now=now, tx=tx)
        await check_departments(
            store, grants, person.department_ids, tenant_id=actor.tenant_id, tx=tx
        )
        grants.require_roles((), person.roles)
        await store.people.add(person, tx=tx)
        if password_hash:
            credential = Credential(
                person_id=person.id, tenant_id=actor.tenant_id, password_hash=password_hash
            )
            await store.credentials.set(credential, now=now, tx=tx)
        await store.outbox.add(
            events.person_added(person, actor_id=actor.person_id, now=now), tx=tx
        )
        return person, True

    made, new = await store.transact(work)
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
        GrantExceedsOwn: a role that changes, or who takes over, holds more than the actor does.
        VersionConflict: someone changed the person since `expected_version`.
        InvalidArgument: a field is not allowed.
        DepartmentNotFound: a department is unknown, or the actor manages nobody there.
        LastAdministrator: nobody could administer the tenant any more.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        before = await managed_person(store, grants, person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.change(before, changes, expected_version=expected_version)
        grants.require_roles(before.roles, after.roles)
        if after.email != before.email:
            # Single sign-on may know somebody by it.
            await check_standing(store, grants, before, now=now, tx=tx)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        if changes.department_ids is not None:
            wanted = profiles.departments(changes.department_ids)
            await check_departments(store, grants, wanted, tenant_id=actor.tenant_id, tx=tx)
        if after is not before:
            await _save(store, before, after, actor=actor, now=now, tx=tx)
        return after

    return await store.transact(work)


async def deactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Take away a person's right to sign in and end their sessions; again changes nothing.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: there is none whom the actor manages.
        LastAdministrator: nobody could administer the tenant any more.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        before = await managed_person(store, grants, person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.deactivate(before)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        if after is not before:
            await _save(store, before, after, actor=actor, now=now, tx=tx)
            await end_sessions(
                store,
                person_ids=[before.id],
                cause=EndCause.PERSON_DEACTIVATED,
                actor_id=actor.person_id,
                now=now,
                tx=tx,
            )
        return after

    person = await store.transact(work)
    log.info("person.deactivated", person_id=person.id, by=actor.person_id)
    return person


async def _save(
    store: Store, before: Person, after: Person, *, actor: Actor, now: datetime, tx: Transaction
) -> None:
    await store.people.save_many([(before, after)], tx=tx)
    if people.loses_administrator(before, after):
        await store.tenants.serialise_administrators(actor.tenant_id, tx=tx)
        if not await store.people.count_with_role(ADMIN, tenant_id=actor.tenant_id, tx=tx):
            raise LastAdministrator
    fact = events.person_changed(before, after, actor_id=actor.person_id, now=now)
    await store.outbox.add(fact, tx=tx)
