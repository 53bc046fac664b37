"""Who leaves, who comes back, and guests whose time is over (GW-5)."""

from datetime import datetime
from typing import Final

import structlog
from plexuskit.mongo import Transaction

from directory.people.domain import people
from directory.people.domain.people import Person
from directory.people.operations.changes import change_one
from directory.people.operations.rights import PEOPLE, check_joined, check_standing
from directory.people.store.documents import person_document, person_from
from directory.shared.domain.actors import SERVICE, Actor
from directory.shared.domain.requests import Request
from directory.store import Store

log = structlog.get_logger()

EXPIRED_AT_ONCE: Final = 100


async def deactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Take away a person's right to sign in, end their sessions, and take them out of groups.

    Again changes nothing.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: there is none whom the actor manages.
        GrantExceedsOwn: they hold something that the actor does not.
        LastAdministrator: nobody could administer the tenant any more.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.deactivate(previous)
        if after is not previous:
            await check_standing(store, grants, previous, now=now, tx=tx)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    person = await store.reorganise(actor.tenant_id, work)
    log.info("person.deactivated", person_id=person.id, by=actor.person_id)
    return person


async def reactivate_person(
    store: Store, *, actor: Actor, person_id: str, request: Request | None, now: datetime
) -> Person:
    """Let a deactivated person back in; they sign in anew, and groups by rule take them in.

    Again changes nothing. Groups by name do not remember them.

    Raises:
        PermissionMissing: the actor manages people nowhere.
        PersonNotFound: there is none whom the actor manages.
        GrantExceedsOwn: they would hold something that the actor does not.
        GuestExpired: it is a guest whose time is over.
        GroupTooLarge: a group whose rule gives the person is full.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Person:
        grants = await store.grants.holding(actor, PEOPLE, now=now, tx=tx)
        if answered := await store.requests.answer(request, tx=tx):
            return person_from(answered)
        previous = await store.places.managed_person(
            grants, person_id, tenant_id=actor.tenant_id, tx=tx
        )
        after = people.reactivate(previous, now=now)
        await check_standing(store, grants, previous, now=now, tx=tx)
        await store.requests.remember(request, person_document(after), now=now, tx=tx)
        await change_one(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        await check_joined(store, grants, previous, after, now=now, tx=tx)
        return after

    person = await store.reorganise(actor.tenant_id, work)
    log.info("person.reactivated", person_id=person.id, by=actor.person_id)
    return person


async def expire_guests(store: Store, *, now: datetime) -> int:
    """Deactivate guests whose time is over, at most 100; out: how many were looked at.

    Any number of processes may do so at once: each guest is looked at again in a transaction of
    their own, and who is deactivated already is left as is.
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

        if await store.reorganise(guest.tenant_id, work):
            log.info("guest.expired", person_id=guest.id)
    return len(found)
