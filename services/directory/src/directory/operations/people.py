"""Making, changing and deactivating people."""

from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import people, profiles
from directory.domain.access import ADMIN, Actor, require
from directory.domain.ids import PersonId
from directory.domain.passwords import normalise
from directory.domain.people import Changes, Draft, Kind, Person
from directory.domain.refusals import LastAdministrator
from directory.domain.requests import Request
from directory.domain.sessions import EndCause
from directory.operations.hashing import Hashing
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
        PermissionMissing: the actor may not manage people.
        InvalidArgument: a field, the handle or the password is not allowed.
        HandleTaken: someone of the tenant has the handle.
        DepartmentNotFound: a department is unknown.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.manage")
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
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered), False
        await store.requests.remember(request, person_document(person), now=now, tx=tx)
        await store.departments.check_exist(person.department_ids, tenant_id=actor.tenant_id, tx=tx)
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
        PermissionMissing: the actor may not manage people.
        PersonNotFound: there is none in the tenant.
        VersionConflict: someone changed the person since `expected_version`.
        InvalidArgument: a field is not allowed.
        DepartmentNotFound: a department is unknown.
        LastAdministrator: nobody could administer the tenant any more.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.manage")

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        before = await store.people.get(person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.change(before, changes, expected_version=expected_version)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        if changes.department_ids is not None:
            wanted = profiles.departments(changes.department_ids)
            await store.departments.check_exist(wanted, tenant_id=actor.tenant_id, tx=tx)
        if after is not before:
            await save_person(store, before, after, actor=actor, now=now, tx=tx)
        return after

    return await store.transact(work)


async def deactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Take away a person's right to sign in and end their sessions; again changes nothing.

    Raises:
        PermissionMissing: the actor may not manage people.
        PersonNotFound: there is none in the tenant.
        LastAdministrator: nobody could administer the tenant any more.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.manage")

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        before = await store.people.get(person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.deactivate(before)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        if after is not before:
            await save_person(store, before, after, actor=actor, now=now, tx=tx)
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


async def save_person(
    store: Store, before: Person, after: Person, *, actor: Actor, now: datetime, tx: Transaction
) -> None:
    """Store a changed person and state it, inside somebody's transaction.

    Raises:
        LastAdministrator: nobody could administer the tenant any more.
    """
    await store.people.save_many([(before, after)], tx=tx)
    if people.loses_administrator(before, after):
        await store.tenants.serialise_administrators(actor.tenant_id, tx=tx)
        if not await store.people.count_with_role(ADMIN, tenant_id=actor.tenant_id, tx=tx):
            raise LastAdministrator
    fact = events.person_changed(before, after, actor_id=actor.person_id, now=now)
    await store.outbox.add(fact, tx=tx)
