"""One-time codes of an app as a second factor."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pyotp
import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import factor_key
from directory.accounts.domain.sessions import CODE
from directory.accounts.operations.attempts import count_attempt
from directory.accounts.operations.hashing import Hashing
from directory.accounts.store import SecretBox
from directory.shared.domain.actors import Actor, require
from directory.shared.domain.ids import FactorId, PersonId
from directory.sign_in import events
from directory.sign_in.domain import second_factors
from directory.sign_in.domain.refusals import CodeRefused, SecondFactorExists
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.operations.admissions import confirmed
from directory.sign_in.operations.second_factors import PERMISSION, Enrolled, first_codes
from directory.sign_in.operations.step_ups import note_second_factor, step_up
from directory.sign_in.store import Store

log = structlog.get_logger()

# Time that a secret waits for the first code of its app.
UNCONFIRMED: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """Setup of an app for one-time codes: Base32, and as an `otpauth://` address."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


async def enroll_totp(
    store: Store,
    hashing: Hashing,
    *,
    sealing: SecretBox,
    actor: Actor,
    password: str,
    now: datetime,
) -> Enrolment:
    """Begin the setup of one-time codes; they are not required before the first correct one.

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
    store: Store, *, sealing: SecretBox, actor: Actor, code: str, now: datetime
) -> Enrolled:
    """Confirm that the app works: from now on its codes are required.

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
                codes = await first_codes(store, actor, factors=factors, tx=tx)
                fact = events.second_factor_added(after, actor_id=actor.person_id, now=now)
                await store.outbox.add(fact, tx=tx)
                await note_second_factor(store, actor, method=CODE, now=now, tx=tx)
                return Enrolled(factor=after, recovery_codes=codes)
        raise CodeRefused(retry_after=locked)

    enrolled = await store.transact(work)
    await store.attempts.forget(key)
    log.info("second_factor.added", person_id=person_id, kind=FactorKind.TOTP.value)
    return enrolled


def _check_no_codes(factors: tuple[Factor, ...]) -> None:
    if any(factor.kind is FactorKind.TOTP for factor in factors):
        raise SecondFactorExists


def _unconfirmed(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    return tuple(factor for factor in factors if not factor.confirmed)
