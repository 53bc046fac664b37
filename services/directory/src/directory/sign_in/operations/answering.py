"""Answering the question for a second factor, or for a code that proves one."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from plexuskit.mongo import Transaction

from directory.accounts.domain.authentication import CODE, HARDWARE_KEY, with_second
from directory.accounts.domain.passwords import factor_key
from directory.accounts.domain.sign_in_attempts import Origin
from directory.accounts.operations.counting import Counting
from directory.accounts.operations.failed_sign_ins import note_failed_sign_in
from directory.accounts.operations.hashing import Hashing
from directory.sign_in.domain import recovery_codes, second_factors
from directory.sign_in.domain.challenges import SignInChallenge, key_of
from directory.sign_in.domain.refusals import PasskeyRefused, SignInRefused
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.admissions import (
    Admitted,
    Opened,
    Proved,
    admitted,
    confirmed,
    open_session,
)
from directory.sign_in.operations.devices import device_key, source_of
from directory.sign_in.operations.webauthn import Passkeys
from directory.store import Sealing, Store

log = structlog.get_logger()


class AnswerKind(enum.Enum):
    """What a question is answered with."""

    NOTHING = "nothing"
    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A second factor as a client gave it."""

    kind: AnswerKind
    value: str = field(repr=False)


async def complete_sign_in(
    store: Store,
    hashing: Hashing,
    issuer: TokenIssuer,
    *,
    passkeys: Passkeys,
    sealing: Sealing,
    challenge_id: str,
    answer: Answer,
    origin: Origin,
    now: datetime,
) -> Admitted:
    """Answer the question of a sign-in; each answer is counted before it is looked at.

    A challenge takes five answers. Wrong ones lock the person's second factor as wrong passwords do
    their handle: for the network that they come from, or for the device if it is known; from ten
    networks on for all networks together. So a stranger who knows the password keeps out no known
    device (GW-13). A code, a recovery code and a passkey's signature are good once.

    Raises:
        SignInRefused: whatever the cause.
    """
    challenge = await store.challenges.count_attempt(key_of(challenge_id), now=now)
    if challenge is None:
        raise SignInRefused
    person = await store.people.get(challenge.person_id, tenant_id=challenge.tenant_id)
    counting = Counting(
        store,
        partial(factor_key, tenant_id=person.tenant_id, person_id=person.id),
        source=source_of(sealing, person, origin),
        origin=origin,
        refusal=SignInRefused,
    )
    async with hashing.turn(counting.key):
        locked = await counting.count(now=now)

        async def work(tx: Transaction) -> Opened:
            method = await _use(store, passkeys, sealing, challenge, answer, now=now, tx=tx)
            if not await store.challenges.spend(challenge.key, tx=tx):
                raise SignInRefused
            proved = Proved(
                person_id=challenge.person_id,
                tenant_id=challenge.tenant_id,
                methods=with_second(challenge.methods, method=method),
                credential_stamp=challenge.credential_stamp,
                device=challenge.device,
                single_sign_on=challenge.single_sign_on,
                network=origin.network,
            )
            return await open_session(store, proved=proved, now=now, tx=tx)

        try:
            opened = await store.transact(work)
        except (SignInRefused, PasskeyRefused):
            await note_failed_sign_in(
                store,
                tenant_id=challenge.tenant_id,
                person_id=challenge.person_id,
                network=origin.network,
                second_factor=True,
                now=now,
            )
            log.info("second_factor.refused", person_id=challenge.person_id, kind=answer.kind.value)
            raise SignInRefused(retry_after=locked) from None
        await counting.succeed()
    log.info(
        "session.started",
        person_id=opened.person.id,
        session_id=opened.session.id,
        second_factor=answer.kind.value,
    )
    key_of_device = device_key(sealing, opened.person, origin)
    return admitted(issuer, opened, device_key=key_of_device, now=now)


async def _use(
    store: Store,
    passkeys: Passkeys,
    sealing: Sealing,
    challenge: SignInChallenge,
    answer: Answer,
    *,
    now: datetime,
    tx: Transaction,
) -> str:
    """Use a factor up; out: the method that it proves."""
    person_id = challenge.person_id
    factors = confirmed(await store.factors.list_of(person_id, tx=tx))
    match answer.kind:
        case AnswerKind.TOTP:
            previous, step = _code_of(sealing, factors, answer.value, now=now)
            after = second_factors.used(previous, step=step, now=now)
            await store.factors.save(previous, after, tx=tx)
            return CODE
        case AnswerKind.PASSKEY:
            keys = [factor for factor in factors if factor.kind is FactorKind.PASSKEY]
            previous, sign_count = passkeys.used(
                answer.value, challenge=challenge.passkey_challenge, factors=keys
            )
            after = second_factors.used(previous, sign_count=sign_count, now=now)
            await store.factors.save(previous, after, tx=tx)
            return HARDWARE_KEY
        case AnswerKind.RECOVERY_CODE:
            left = recovery_codes.without(
                await store.recovery_codes.left(person_id, tx=tx), answer.value
            )
            if left is None or not factors:
                raise SignInRefused
            await store.recovery_codes.set(
                person_id, tenant_id=challenge.tenant_id, codes=left, tx=tx
            )
            return CODE
        case AnswerKind.NOTHING:
            raise SignInRefused


def _code_of(
    sealing: Sealing, factors: tuple[Factor, ...], code: str, *, now: datetime
) -> tuple[Factor, int]:
    for factor in factors:
        if factor.kind is FactorKind.TOTP:
            secret = sealing.open(factor.sealed_secret, owner=factor.id).decode("ascii")
            step = second_factors.matching_step(secret, code, after=factor.last_step, now=now)
            if step is not None:
                return factor, step
    raise SignInRefused
