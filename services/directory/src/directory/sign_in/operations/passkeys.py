"""Passkeys as a second factor."""

from datetime import datetime

import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.accounts.domain.sessions import HARDWARE_KEY
from directory.accounts.operations.hashing import Hashing
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import FactorId, PersonId
from directory.sign_in import events
from directory.sign_in.domain import second_factors
from directory.sign_in.domain.challenges import LIFETIME
from directory.sign_in.domain.refusals import PasskeyRefused
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.operations.admissions import confirmed
from directory.sign_in.operations.second_factors import PERMISSION, Enrolled, first_codes
from directory.sign_in.operations.step_ups import note_second_factor, open_session_of, step_up
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store

log = structlog.get_logger()


async def begin_passkey(
    store: Store,
    hashing: Hashing,
    *,
    passkeys: Passkeys,
    actor: Actor,
    password: str,
    now: datetime,
) -> str:
    """Begin the setup of a passkey; out: PublicKeyCredentialCreationOptions as JSON.

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
    """Store the passkey that the browser made; from now on it is required.

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
        codes = await first_codes(store, actor, factors=factors, tx=tx)
        fact = events.second_factor_added(factor, actor_id=actor.person_id, now=now)
        await store.outbox.add(fact, tx=tx)
        await note_second_factor(store, actor, method=HARDWARE_KEY, now=now, tx=tx)
        return Enrolled(factor=factor, recovery_codes=codes)

    enrolled = await store.transact(work)
    log.info("second_factor.added", person_id=person_id, kind=FactorKind.PASSKEY.value)
    return enrolled
