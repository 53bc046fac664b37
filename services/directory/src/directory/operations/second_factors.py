"""Setting second factors up and taking them away."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pyotp
import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory import events
from directory.domain import recovery_codes, second_factors
from directory.domain.access import Actor, require
from directory.domain.authentication import CODE, HARDWARE_KEY
from directory.domain.challenges import LIFETIME
from directory.domain.ids import FactorId, PersonId
from directory.domain.passwords import factor_key
from directory.domain.second_factors import Factor, FactorKind
from directory.domain.sessions import EndCause
from directory.domain.sign_in_refusals import (
    CodeRefused,
    PasskeyRefused,
    SecondFactorExists,
    SecondFactorNeeded,
)
from directory.operations.admitting import confirmed
from directory.operations.attempts import count_attempt
from directory.operations.hashing import Hashing
from directory.operations.limiting import owes_second_factor
from directory.operations.passkeys import Passkeys
from directory.operations.scoping import SESSIONS, check_standing, person_of_sessions
from directory.operations.sessions import end_sessions
from directory.operations.stepping_up import note_second_factor, open_session_of, step_up
from directory.store import Sealing, Store

PERMISSION: Final = "sessions.set_second_factor"
# How long a secret waits for the first code of its app.
UNCONFIRMED: Final = timedelta(minutes=15)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What an app for one-time codes is set up with: Base32, and as an `otpauth://` address."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A factor that works, and the recovery codes that come with a person's first one."""

    factor: Factor
    recovery_codes: tuple[str, ...] = field(repr=False)


async def enroll_totp(
    store: Store,
    hashing: Hashing,
    *,
    sealing: Sealing,
    actor: Actor,
    password: str,
    now: datetime,
) -> Enrolment:
    """Begin to set up one-time codes; nothing is asked for before the first one was right.

    Raises:
        PermissionMissing: the actor may not set up second factors.
        StepUpRequired: the password is wrong or missing, or a second factor was not given.
        SecondFactorExists: there are one-time codes already.
        TooManySecondFactors: there are 10 factors.
    """
    require(actor, PERMISSION)
    proved = await step_up(store, hashing, actor=actor, password=password, now=now)
    person = proved.person
    _check_no_codes(proved.factors)
    tenant = await store.tenants.get(actor.tenant_id)
    secret = pyotp.random_base32()
    factor_id = FactorId(new_id("fac", now=now))
    factor = Factor(
        id=factor_id,
        tenant_id=person.tenant_id,
        person_id=person.id,
        kind=FactorKind.TOTP,
        name="TOTP",
        created_at=now,
        confirmed=False,
        sealed_secret=sealing.seal(secret.encode("ascii"), owner=factor_id),
    )

    async def work(tx: Transaction) -> None:
        factors = await store.factors.list_of(person.id, tx=tx)
        _check_no_codes(confirmed(factors))
        second_factors.check_room(confirmed(factors))
        await store.factors.delete(_unconfirmed(factors), tx=tx)
        await store.factors.add(factor, tx=tx)

    await store.transact(work)
    log.info("second_factor.begun", person_id=person.id, kind=FactorKind.TOTP.value)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.handle, issuer_name=tenant.name)
    return Enrolment(secret=secret, uri=uri)


async def confirm_totp(
    store: Store, *, sealing: Sealing, actor: Actor, code: str, now: datetime
) -> Enrolled:
    """Prove that the app works: from now on it is asked for.

    Raises:
        PermissionMissing: the actor may not set up second factors.
        CodeRefused: the code is wrong, or nothing was begun in the last 15 minutes.
        StepUpRequired: the session is over.
    """
    require(actor, PERMISSION)
    person_id = PersonId(actor.person_id)
    key = factor_key(
        tenant_id=actor.tenant_id, person_id=person_id, source=f"session:{actor.session_id}"
    )
    locked = await count_attempt(store, key, refusal=CodeRefused, now=now)

    async def work(tx: Transaction) -> Enrolled:
        factors = await store.factors.list_of(person_id, tx=tx)
        for previous in _unconfirmed(factors):
            secret = sealing.open(previous.sealed_secret, owner=previous.id).decode("ascii")
            step = second_factors.matching_step(secret, code, after=previous.last_step, now=now)
            if step is not None and now - previous.created_at <= UNCONFIRMED:
                after = second_factors.used(previous, step=step, now=now)
                await store.factors.save(previous, after, tx=tx)
                codes = await _first_codes(store, actor, factors=factors, tx=tx)
                fact = events.second_factor_added(after, actor_id=actor.person_id, now=now)
                await store.outbox.add(fact, tx=tx)
                await note_second_factor(store, actor, method=CODE, now=now, tx=tx)
                return Enrolled(factor=after, recovery_codes=codes)
        raise CodeRefused(retry_after=locked)

    enrolled = await store.transact(work)
    await store.attempts.forget(key)
    log.info("second_factor.added", person_id=person_id, kind=FactorKind.TOTP.value)
    return enrolled


async def begin_passkey(
    store: Store,
    hashing: Hashing,
    *,
    passkeys: Passkeys,
    actor: Actor,
    password: str,
    now: datetime,
) -> str:
    """Begin to set up a passkey; out: PublicKeyCredentialCreationOptions as JSON.

    Raises:
        PermissionMissing: the actor may not set up second factors.
        StepUpRequired: the password is wrong or missing, or a second factor was not given.
        PasskeysNotSetUp: this installation has no relying party.
        TooManySecondFactors: there are 10 factors.
    """
    require(actor, PERMISSION)
    proved = await step_up(store, hashing, actor=actor, password=password, now=now)
    second_factors.check_room(proved.factors)
    options, challenge = passkeys.creation(proved.person, proved.factors)
    await store.challenges.begin_passkey(
        proved.person.id, challenge=challenge, expires_at=now + LIFETIME
    )
    return options


async def finish_passkey(
    store: Store, *, passkeys: Passkeys, actor: Actor, answer: str, name: str, now: datetime
) -> Enrolled:
    """Store the passkey that the browser made; from now on it is asked for.

    Raises:
        PermissionMissing: the actor may not set up second factors.
        PasskeyRefused: it is no answer to the question of the last 5 minutes.
        TooManySecondFactors: there are 10 factors.
        StepUpRequired: the session is over.
        InvalidArgument: the name is too long.
    """
    require(actor, PERMISSION)
    called = second_factors.clean_name(name, otherwise="Passkey")
    person_id = PersonId(actor.person_id)
    await open_session_of(store, actor, now=now)
    challenge = await store.challenges.take_passkey(person_id, now=now)
    if challenge is None:
        raise PasskeyRefused
    made = passkeys.made(answer, challenge=challenge)
    factor = Factor(
        id=FactorId(new_id("fac", now=now)),
        tenant_id=actor.tenant_id,
        person_id=person_id,
        kind=FactorKind.PASSKEY,
        name=called,
        created_at=now,
        confirmed=True,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
    )

    async def work(tx: Transaction) -> Enrolled:
        factors = await store.factors.list_of(person_id, tx=tx)
        second_factors.check_room(confirmed(factors))
        await store.factors.add(factor, tx=tx)
        codes = await _first_codes(store, actor, factors=factors, tx=tx)
        fact = events.second_factor_added(factor, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        await note_second_factor(store, actor, method=HARDWARE_KEY, now=now, tx=tx)
        return Enrolled(factor=factor, recovery_codes=codes)

    enrolled = await store.transact(work)
    log.info("second_factor.added", person_id=person_id, kind=FactorKind.PASSKEY.value)
    return enrolled


async def remove_second_factor(
    store: Store,
    hashing: Hashing,
    *,
    actor: Actor,
    factor_id: str,
    person_id: str,
    password: str,
    now: datetime,
) -> None:
    """Take a factor away, or all with an empty id; an empty person means oneself.

    Another's is taken away for who lost theirs, also where a role asks for one: their sessions end,
    and the next one may do nothing but set a new factor up.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage sessions nowhere.
        StepUpRequired: the password is wrong or missing, or a second factor was not given.
        PersonNotFound: there is none whose sessions the actor manages.
        GrantExceedsOwn: the person holds something that the actor does not.
        SecondFactorNotFound: there is none of that id.
        SecondFactorNeeded: a role of one's own asks for one, and this is the last.
    """
    require(actor, PERMISSION)
    own = person_id in {"", actor.person_id}
    if own:
        await step_up(store, hashing, actor=actor, password=password, now=now)
    else:
        await store.grants.holding(actor, SESSIONS, now=now)
    whose = actor.person_id if own else person_id

    async def work(tx: Transaction) -> int:
        person = await person_of_sessions(store, whose, actor=actor, now=now, tx=tx)
        if not own:
            grants = await store.grants.holding(actor, SESSIONS, now=now, tx=tx)
            await check_standing(store, grants, person, now=now, tx=tx)
        current = confirmed(await store.factors.list_of(person.id, tx=tx))
        removed = second_factors.chosen(current, factor_id)
        if len(removed) == len(current):
            if own and await owes_second_factor(store, person, now=now, tx=tx):
                raise SecondFactorNeeded
            await store.recovery_codes.forget(person.id, tx=tx)
        await store.factors.delete(removed, tx=tx)
        facts = [
            events.second_factor_removed(factor, actor_id=actor.person_id, now=now)
            for factor in removed
        ]
        await store.outbox.add(*facts, tx=tx)
        if own:
            return 0
        return await end_sessions(
            store,
            person_ids=[person.id],
            cause=EndCause.SECOND_FACTOR_REMOVED,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )

    ended = await store.transact(work)
    log.info("second_factor.removed", person_id=whose, by=actor.person_id, sessions_ended=ended)


async def _first_codes(
    store: Store, actor: Actor, *, factors: tuple[Factor, ...], tx: Transaction
) -> tuple[str, ...]:
    """Make the recovery codes that come with the first factor; none with further ones."""
    if confirmed(factors):
        return ()
    codes = tuple(
        recovery_codes.written(secrets.token_bytes(recovery_codes.RANDOM_BYTES))
        for _ in range(recovery_codes.HOW_MANY)
    )
    await store.recovery_codes.set(
        actor.person_id,
        tenant_id=actor.tenant_id,
        codes=tuple(recovery_codes.digest(code) for code in codes),
        tx=tx,
    )
    return codes


def _check_no_codes(factors: tuple[Factor, ...]) -> None:
    if any(factor.kind is FactorKind.TOTP for factor in factors):
        raise SecondFactorExists


def _unconfirmed(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    return tuple(factor for factor in factors if not factor.confirmed)
