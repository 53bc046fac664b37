"""From a first factor that was right to a session, or to the question for the second one."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.accounts import events
from directory.accounts.domain import sessions
from directory.accounts.domain.sessions import (
    FAMILY_BYTES,
    LIMITED,
    SECRET_BYTES,
    RefreshToken,
    Session,
    Tokens,
    has_second,
)
from directory.accounts.operations.sessions import end_surplus
from directory.accounts.store import Credential
from directory.people.domain.people import Person
from directory.shared.domain.ids import PersonId, SessionId, TenantId
from directory.sign_in.domain.challenges import (
    LIFETIME,
    RANDOM_BYTES,
    SignInChallenge,
    key_of,
    written,
)
from directory.sign_in.domain.refusals import SignInRefused
from directory.sign_in.domain.second_factors import Factor, FactorKind
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFactors:
    """Factors proved so far, with the provider and the device.

    Attributes:
        methods: as named in RFC 8176.
        credential_stamp: of the correct password; empty if a provider vouched.
        single_sign_on: name of that provider.
        network: network of the client.
    """

    person_id: PersonId
    tenant_id: TenantId
    methods: tuple[str, ...]
    credential_stamp: bytes = field(repr=False)
    device: str
    single_sign_on: str
    network: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """Question that the client must still answer.

    Attributes:
        challenge_id: opaque; only its hash is stored.
        kinds: of the person's factors; a recovery code replaces any of them.
        passkey_options: JSON for the browser; empty for a person without a passkey.
    """

    challenge_id: str = field(repr=False)
    kinds: tuple[FactorKind, ...]
    passkey_options: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """Result of a sign-in: a session, or a question.

    Attributes:
        enrollment_due: the session can only set up a second factor.
        device_key: for the device's later sign-ins; empty with a question.
    """

    device_key: str = field(default="", repr=False)
    tokens: Tokens | None = None
    person: Person | None = None
    question: Challenge | None = None
    enrollment_due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A session that a transaction has opened."""

    person: Person
    session: Session
    token: RefreshToken
    scopes: frozenset[str]


async def ask(
    store: Store,
    passkeys: Passkeys,
    *,
    proved: VerifiedFactors,
    factors: tuple[Factor, ...],
    now: datetime,
) -> SignInResult:
    """Ask for a second factor."""
    challenge_id = written(secrets.token_bytes(RANDOM_BYTES))
    keys = tuple(factor for factor in factors if factor.kind is FactorKind.PASSKEY)
    options, passkey_challenge = passkeys.request(keys) if keys and passkeys.set_up else ("", b"")
    challenge = SignInChallenge(
        key=key_of(challenge_id),
        tenant_id=proved.tenant_id,
        person_id=proved.person_id,
        methods=proved.methods,
        credential_stamp=proved.credential_stamp,
        passkey_challenge=passkey_challenge,
        device=sessions.device_name(proved.device),
        single_sign_on=proved.single_sign_on,
        expires_at=now + LIFETIME,
    )
    await store.challenges.add(challenge)
    question = Challenge(
        challenge_id=challenge_id,
        kinds=tuple(dict.fromkeys(factor.kind for factor in factors)),
        passkey_options=options,
        expires_at=challenge.expires_at,
    )
    return SignInResult(question=question)


async def open_session(
    store: Store, *, proved: VerifiedFactors, now: datetime, tx: Transaction
) -> Opened:
    """Open a session in this transaction, if the earlier proofs are still valid.

    Raises:
        SignInRefused: the person or the password is not what it was, or a second factor is due.
    """
    person = await store.people.get(proved.person_id, tenant_id=proved.tenant_id, tx=tx)
    credential = await store.credentials.find(person.id, tx=tx)
    if not person.welcome(now=now) or not _still_right(proved, credential):
        raise SignInRefused
    if not has_second(proved.methods) and confirmed(await store.factors.list_of(person.id, tx=tx)):
        raise SignInRefused

    generation = await store.generations.enter(person.id, tenant_id=person.tenant_id, tx=tx)
    token = RefreshToken(
        family=secrets.token_bytes(FAMILY_BYTES), secret=secrets.token_bytes(SECRET_BYTES)
    )
    session = sessions.start(
        session_id=SessionId(new_id("ses", now=now)),
        tenant_id=person.tenant_id,
        person_id=person.id,
        device=proved.device,
        methods=proved.methods,
        single_sign_on=proved.single_sign_on,
        token=token,
        generation=generation.number,
        now=now,
    )
    await end_surplus(store, generation, now=now, tx=tx)
    await store.sessions.add(session, tx=tx)
    fact = events.session_started(session, network=proved.network, now=now)
    await store.outbox.add(fact, tx=tx)
    scopes = await limits_of(store, person, methods=session.methods, now=now, tx=tx)
    return Opened(person=person, session=session, token=token, scopes=scopes)


def admitted(
    issuer: TokenIssuer, opened: Opened, *, device_key: str, now: datetime
) -> SignInResult:
    """Return the tokens of a new session."""
    tokens = issuer.issue(
        person=opened.person,
        session=opened.session,
        refresh=opened.token,
        scopes=opened.scopes,
        now=now,
    )
    return SignInResult(
        tokens=tokens,
        person=opened.person,
        enrollment_due=bool(opened.scopes),
        device_key=device_key,
    )


def confirmed(factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Leave out factors that are still being set up."""
    return tuple(factor for factor in factors if factor.confirmed)


def _still_right(proved: VerifiedFactors, credential: Credential | None) -> bool:
    if not proved.credential_stamp:
        return True
    return credential is not None and credential.stamp == proved.credential_stamp


async def limits_of(
    store: Store, person: Person, *, methods: tuple[str, ...], now: datetime, tx: Transaction
) -> frozenset[str]:
    """Return the only permissions of a session by its proved methods; empty for no limit."""
    if has_second(methods) or not await owes_second_factor(store, person, now=now, tx=tx):
        return frozenset()
    return LIMITED


async def owes_second_factor(
    store: Store, person: Person, *, now: datetime, tx: Transaction
) -> bool:
    """Return whether a role that a person holds, in any scope, requires a second factor."""
    policy = await store.sign_in_policies.get(person.tenant_id, tx=tx)
    if not policy.second_factor_role_ids:
        return False
    roles = await store.grants.role_ids(person.id, tenant_id=person.tenant_id, now=now, tx=tx)
    return policy.needs_second_factor(roles)
