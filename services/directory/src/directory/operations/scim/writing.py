"""Writing people that the feed has decided on: state and fact together, as people's own verbs."""

from dataclasses import dataclass, field
from datetime import datetime

from plexuskit.mongo import Retry, Transaction

from directory import events
from directory.domain.access import Actor
from directory.domain.passwords import normalise
from directory.domain.people import Person
from directory.domain.refusals import HandleTaken
from directory.domain.scim.resources import FeedUser
from directory.domain.sessions import EndCause
from directory.operations.hashing import Hashing
from directory.operations.people import save_person
from directory.operations.sessions import end_sessions
from directory.store import Credential, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSet:
    """The hash of a password that the feed gave; empty: it gave none."""

    hash: str = field(default="", repr=False)


async def hashed(hashing: Hashing, user: FeedUser) -> PasswordSet:
    """Hash the password of a resource, outside any transaction.

    Raises:
        InvalidArgument: it is not allowed.
    """
    if not user.password:
        return PasswordSet()
    return PasswordSet(hash=await hashing.make(normalise(user.password, field="password")))


async def add(
    store: Store,
    person: Person,
    *,
    password: PasswordSet,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store a new person, with an account when there is a password.

    Raises:
        Retry: someone took the handle meanwhile; the transaction finds another one.
    """
    try:
        await store.people.add(person, tx=tx)
    except HandleTaken as taken:
        raise Retry from taken
    await _set_password(store, person, password, now=now, tx=tx)
    await store.outbox.add(events.person_added(person, actor_id=actor.person_id, now=now), tx=tx)


async def save(
    store: Store,
    before: Person,
    after: Person,
    *,
    password: PasswordSet,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Store a changed person; who is deactivated is signed out.

    Raises:
        LastAdministrator: nobody could administer the tenant any more.
    """
    await _set_password(store, after, password, now=now, tx=tx)
    if after is before:
        return
    await save_person(store, before, after, actor=actor, now=now, tx=tx)
    if before.active and not after.active:
        await end_sessions(
            store,
            person_ids=[before.id],
            cause=EndCause.PERSON_DEACTIVATED,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )


async def _set_password(
    store: Store, person: Person, password: PasswordSet, *, now: datetime, tx: Transaction
) -> None:
    if password.hash:
        credential = Credential(
            person_id=person.id, tenant_id=person.tenant_id, password_hash=password.hash
        )
        await store.credentials.set(credential, now=now, tx=tx)
