"""Signing in with a local account: the password, then a second factor where there is one."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import attempt_key, comparable, factor_key
from directory.accounts.domain.sessions import CODE, HARDWARE_KEY, PASSWORD, with_second
from directory.accounts.domain.sign_in_attempts import Origin, network_source
from directory.accounts.operations.attempts import Counting
from directory.accounts.operations.failed_sign_ins import note_failed_sign_in
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import Source
from directory.accounts.store import Credential, SecretBox
from directory.people.domain.handles import normalise
from directory.people.domain.people import Kind, Person
from directory.shared.domain.ids import PersonId, TenantId
from directory.sign_in.domain import recovery_codes, second_factors
from directory.sign_in.domain.challenges import SignInChallenge, key_of
from directory.sign_in.domain.refusals import PasskeyRefused, SignInRefused
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.admissions import (
    Opened,
    SignInResult,
    VerifiedFactors,
    admitted,
    ask,
    confirmed,
    open_session,
)
from directory.sign_in.operations.devices import device_key, source_of
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store

log = structlog.get_logger()


async def sign_in(
    store: Store,
    hashing: Hashing,
    issuer: TokenIssuer,
    *,
    passkeys: Passkeys,
    sealing: SecretBox,
    handle: str,
    password: str,
    device: str,
    origin: Origin,
    now: datetime,
) -> SignInResult:
    """Exchange handle and password for tokens of a new session, or for a question.

    The handle is looked up in the deployment's only tenant. An unknown handle, a wrong password, a
    person who is deactivated or has no local account, a company without local accounts: each is
    counted, costs one hash and the same reads and writes, and gets the same response (GW-2). From
    the fifth failure on the handle is locked for the network, or for the device if it signed in as
    the person before, and the response states for how long; other sources are not affected (GW-13).
    Once ten networks have failed within a day, all of them count together; known devices do not.

    A locked-out network is refused before the handle is looked up.

    Raises:
        SignInRefused: for any cause.
        PasswordChecksBusy: too many sign-ins wait already.
    """
    tenant = await store.tenants.find_only()
    tenant_id = tenant.id if tenant else TenantId("")
    source = await _source(store, sealing, handle=handle, origin=origin, tenant_id=tenant_id)
    key = partial(attempt_key, tenant_id=tenant_id, handle=handle)
    counting = Counting(store, key, source=source, origin=origin, refusal=SignInRefused)
    of = hashing.source(source, network=origin.network)
    async with hashing.turn(counting.key):
        locked = await counting.count(now=now)
        named = await store.people.find_by_handle(_normal(handle), tenant_id=tenant_id)
        checked = await _check(
            store, hashing, named, tenant_id=tenant_id, password=password, of=of, now=now
        )
        if checked is None:
            await note_failed_sign_in(
                store,
                tenant_id=tenant_id,
                person_id=named.id if named else PersonId(""),
                network=origin.network,
                now=now,
            )
            log.info("sign_in.refused", person_id=named.id if named else "", locked=bool(locked))
            raise SignInRefused(retry_after=locked)
        await counting.succeed()
    person, credential = checked

    proved = VerifiedFactors(
        person_id=person.id,
        tenant_id=tenant_id,
        methods=(PASSWORD,),
        credential_stamp=credential.stamp,
        device=device,
        single_sign_on="",
        network=origin.network,
    )
    factors = confirmed(await store.factors.list_of(person.id))
    if factors:
        log.info("sign_in.second_factor_due", person_id=person.id)
        return await ask(store, passkeys, proved=proved, factors=factors, now=now)

    renewed = None
    if hashing.outdated(credential.password_hash):
        renewed = await hashing.make(comparable(password), source=of)
    opened = await _open(store, proved=proved, renewed=renewed, now=now)
    log.info("session.started", person_id=person.id, session_id=opened.session.id)
    return admitted(issuer, opened, device_key=device_key(sealing, person, origin), now=now)


async def _source(
    store: Store, sealing: SecretBox, *, handle: str, origin: Origin, tenant_id: TenantId
) -> str:
    """Return the source that counts the attempt; looks up the handle only for a device key."""
    if not origin.device_key:
        return network_source(origin)
    named = await store.people.find_by_handle(_normal(handle), tenant_id=tenant_id)
    return source_of(sealing, named, origin)


async def _check(
    store: Store,
    hashing: Hashing,
    named: Person | None,
    *,
    tenant_id: TenantId,
    password: str,
    of: Source,
    now: datetime,
) -> tuple[Person, Credential] | None:
    """Return the person and the account if the password opens it; the same work in every case."""
    policy = await store.sign_in_policies.get(tenant_id)
    credential = await store.credentials.find(named.id if named else PersonId(""))
    current = credential.password_hash if credential else None
    matches = await hashing.matches(current, password, source=of)
    if named is None or credential is None or not matches or not named.welcome(now=now):
        return None
    if not policy.local_accounts and named.kind is not Kind.BOOTSTRAP:
        log.info("sign_in.refused_by_policy", person_id=named.id)
        return None
    return named, credential


def _normal(handle: str) -> str:
    """Normalise a handle; an invalid one is looked up like any unknown one."""
    try:
        return normalise(handle)
    except InvalidArgument:
        return ""


async def _open(
    store: Store, *, proved: VerifiedFactors, renewed: str | None, now: datetime
) -> Opened:
    async def work(tx: Transaction) -> Opened:
        opened = await open_session(store, proved=proved, now=now, tx=tx)
        if renewed:
            cheaper = Credential(
                person_id=proved.person_id, tenant_id=proved.tenant_id, password_hash=renewed
            )
            await store.credentials.set(cheaper, now=now, tx=tx)
        return opened

    return await store.transact(work)


class AnswerKind(enum.Enum):
    """Kind of answer to a question."""

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
    sealing: SecretBox,
    challenge_id: str,
    answer: Answer,
    origin: Origin,
    now: datetime,
) -> SignInResult:
    """Answer the question of a sign-in; each answer is counted before it is checked.

    A challenge takes five answers. Wrong ones lock the person's second factor as wrong passwords do
    their handle: for the network that they come from, or for the device if it is known; from ten
    networks on for all networks together. So a stranger who knows the password keeps out no known
    device (GW-13). A code, a recovery code and a passkey's signature are good once.

    Raises:
        SignInRefused: for any cause.
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
            method = await _answered_by(store, passkeys, sealing, challenge, answer, now=now, tx=tx)
            if not await store.challenges.spend(challenge.key, tx=tx):
                raise SignInRefused
            proved = VerifiedFactors(
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


async def _answered_by(
    store: Store,
    passkeys: Passkeys,
    sealing: SecretBox,
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
    sealing: SecretBox, factors: tuple[Factor, ...], code: str, *, now: datetime
) -> tuple[Factor, int]:
    for factor in factors:
        if factor.kind is FactorKind.TOTP:
            secret = sealing.open(factor.sealed_secret, owner=factor.id).decode("ascii")
            step = second_factors.matching_step(secret, code, after=factor.last_step, now=now)
            if step is not None:
                return factor, step
    raise SignInRefused
