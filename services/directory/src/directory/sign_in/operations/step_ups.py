"""Proving again who asks, before anything about their sign-in is changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import attempt_key
from directory.accounts.domain.sessions import Session, has_second, prove, with_second
from directory.accounts.operations.attempts import count_attempt
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.people.domain.people import Person
from directory.shared.domain.actors import Actor
from directory.sign_in.domain.refusals import StepUpRequired
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.operations.admissions import confirmed
from directory.sign_in.store import Store

# People without a password proved their identity at the provider, moments ago.
FRESH: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class SteppedUp:
    """The verified person's session and their confirmed second factors."""

    person: Person
    factors: tuple[Factor, ...]


async def step_up(
    store: Store, hashing: Hashing, *, actor: Actor, password: str, now: datetime
) -> SteppedUp:
    """Check that the caller is the person and not only the holder of an open session.

    The password, counted like a sign-in; for people without one, a session of the last 10 minutes.
    A person with a second factor must have used it in this session: a stolen password adds none.

    Raises:
        StepUpRequired: neither holds, or the caller uses an API token.
    """
    session = await open_session_of(store, actor, now=now)
    person = await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    factors = confirmed(await store.factors.list_of(person.id))
    if not person.welcome(now=now) or (factors and not has_second(session.methods)):
        raise StepUpRequired

    credential = await store.credentials.find(person.id)
    if credential is None:
        if now - session.started_at > FRESH:
            raise StepUpRequired
        return SteppedUp(person=person, factors=factors)
    key = attempt_key(
        tenant_id=person.tenant_id, handle=person.handle, source=f"session:{session.id}"
    )
    async with hashing.turn(key):
        locked = await count_attempt(store, key, refusal=StepUpRequired, now=now)
        if not await hashing.matches(
            credential.password_hash, password, source=signed_in(person.id)
        ):
            raise StepUpRequired(retry_after=locked)
        await store.attempts.forget(key)
    return SteppedUp(person=person, factors=factors)


async def open_session_of(
    store: Store, actor: Actor, *, now: datetime, tx: Transaction | None = None
) -> Session:
    """Load the session in which the actor acts.

    Raises:
        StepUpRequired: it is over, or there is none because the caller uses an API token.
    """
    session = await store.sessions.find(actor.session_id, tenant_id=actor.tenant_id, tx=tx)
    if session is None or session.person_id != actor.person_id or not session.alive(now=now):
        raise StepUpRequired
    return session


async def note_second_factor(
    store: Store, actor: Actor, *, method: str, now: datetime, tx: Transaction
) -> None:
    """Record in the actor's session that a second factor was used; its next token includes it.

    Raises:
        StepUpRequired: the session is over.
    """
    previous = await open_session_of(store, actor, now=now, tx=tx)
    after = prove(previous, methods=with_second(previous.methods, method=method))
    if after is not previous:
        await store.sessions.save_many([(previous, after)], tx=tx)
