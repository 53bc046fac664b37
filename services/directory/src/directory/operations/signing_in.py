"""Signing in with a local account."""

import secrets
from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.domain import sessions
from directory.domain.handles import normalise
from directory.domain.ids import SessionId, TenantId
from directory.domain.passwords import attempt_key, comparable
from directory.domain.people import Person
from directory.domain.refusals import SignInRefused
from directory.domain.sessions import FAMILY_BYTES, SECRET_BYTES, RefreshToken, Tokens
from directory.operations.attempts import count_attempt
from directory.operations.hashing import Hashing
from directory.operations.tokens import TokenIssuer
from directory.store import Credential, Store

log = structlog.get_logger()


async def sign_in(
    store: Store,
    hashing: Hashing,
    issuer: TokenIssuer,
    *,
    handle: str,
    password: str,
    device: str,
    now: datetime,
) -> tuple[Tokens, Person]:
    """Exchange handle and password for tokens of a new session.

    The handle is looked up in the deployment's only tenant. An unknown handle, a wrong password,
    somebody without a local account or deactivated: each is counted, costs one hash and is answered
    the same (GW-2). From the fifth failure on the handle is locked and the answer says for how
    long.

    Raises:
        SignInRefused: whatever the cause.
        PasswordChecksBusy: too many sign-ins wait already.
    """
    tenant = await store.tenants.find_only()
    tenant_id = tenant.id if tenant else TenantId("")
    key = attempt_key(tenant_id=tenant_id, handle=handle)
    async with hashing.turn(key):
        person, credential = await _check(
            store, hashing, key=key, tenant_id=tenant_id, handle=handle, password=password, now=now
        )
        await store.attempts.forget(key)

    renewed = None
    if hashing.outdated(credential.password_hash):
        renewed = await hashing.make(comparable(password))
    tokens, person = await _start(
        store, issuer, credential=credential, renewed=renewed, device=device, now=now
    )
    log.info("session.started", person_id=person.id, session_id=tokens.session_id)
    return tokens, person


async def _check(
    store: Store,
    hashing: Hashing,
    *,
    key: str,
    tenant_id: TenantId,
    handle: str,
    password: str,
    now: datetime,
) -> tuple[Person, Credential]:
    locked = await count_attempt(store, key, refusal=SignInRefused, now=now)
    person = await _find(store, handle, tenant_id=tenant_id)
    credential = await store.credentials.find(person.id) if person else None
    matches = await hashing.matches(credential.password_hash if credential else None, password)
    if person is None or credential is None or not matches or not person.welcome(now=now):
        log.info("sign_in.refused", person_id=person.id if person else "", locked=bool(locked))
        raise SignInRefused(retry_after=locked)
    return person, credential


async def _find(store: Store, handle: str, *, tenant_id: TenantId) -> Person | None:
    try:
        normal = normalise(handle)
    except InvalidArgument:
        # Nobody has such a handle; it is answered like any other that nobody has.
        return None
    return await store.people.find_by_handle(normal, tenant_id=tenant_id)


async def _start(
    store: Store,
    issuer: TokenIssuer,
    *,
    credential: Credential,
    renewed: str | None,
    device: str,
    now: datetime,
) -> tuple[Tokens, Person]:
    token = RefreshToken(
        family=secrets.token_bytes(FAMILY_BYTES), secret=secrets.token_bytes(SECRET_BYTES)
    )
    session = sessions.start(
        session_id=SessionId(new_id("ses", now=now)),
        tenant_id=credential.tenant_id,
        person_id=credential.person_id,
        device=device,
        token=token,
        now=now,
    )

    async def work(tx: Transaction) -> Person:
        # The password was checked outside: it must still be the one, and its owner still welcome.
        present = await store.credentials.find(credential.person_id, tx=tx)
        person = await store.people.get(credential.person_id, tenant_id=credential.tenant_id, tx=tx)
        if present != credential or not person.welcome(now=now):
            raise SignInRefused
        if renewed:
            cheaper = Credential(
                person_id=person.id, tenant_id=person.tenant_id, password_hash=renewed
            )
            await store.credentials.set(cheaper, now=now, tx=tx)
        else:
            await store.credentials.touch([person.id], tx=tx)
        await store.sessions.add(session, tx=tx)
        return person

    person = await store.transact(work)
    return issuer.issue(person=person, session=session, refresh=token, now=now), person
