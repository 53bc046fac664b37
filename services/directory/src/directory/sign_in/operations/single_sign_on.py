"""Sign-in with the company's OpenID provider: redirect, return, and the person signed in."""

import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.accounts.domain.sessions import FEDERATED, SECOND_FACTOR, device_name
from directory.accounts.domain.sign_in_attempts import Origin
from directory.accounts.store import SecretBox
from directory.people.domain.people import Person
from directory.shared.domain.ids import TenantId
from directory.sign_in.domain import openid
from directory.sign_in.domain.challenges import key_of, written
from directory.sign_in.domain.openid import (
    ATTEMPT_LIFETIME,
    RANDOM_BYTES,
    Attempt,
    Link,
    Provider,
    Subject,
)
from directory.sign_in.domain.refusals import (
    ProviderInvalid,
    ProviderNotFound,
    ProviderUnavailable,
    SignInRefused,
)
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
from directory.sign_in.operations.devices import device_key
from directory.sign_in.operations.openid import OpenIdClient
from directory.sign_in.operations.openid.documents import IdTokenInvalid
from directory.sign_in.operations.openid_providers import secret_owner
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Start of a sign-in: the provider's address, the state it returns, and the client's secret."""

    authorization_url: str = field(repr=False)
    state: str = field(repr=False)
    proof: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """Values that a client returns from the provider."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str
    proof: str = field(repr=False)


async def begin_single_sign_on(
    store: Store,
    client: OpenIdClient,
    *,
    provider_id: str,
    redirect_uri: str,
    device: str,
    now: datetime,
) -> Begun:
    """Send a browser to the provider: code flow with PKCE, state and nonce for ten minutes.

    Raises:
        ProviderNotFound: the company has no such provider.
        RedirectNotAllowed: the address is not one of the provider's.
        ProviderUnavailable: its discovery document cannot be had now.
    """
    tenant = await store.tenants.find_only()
    if tenant is None:
        raise ProviderNotFound
    provider = await store.providers.get(provider_id, tenant_id=tenant.id)
    openid.check_redirect(provider, redirect_uri)
    state, proof, nonce, verifier = (written(secrets.token_bytes(RANDOM_BYTES)) for _ in range(4))
    attempt = Attempt(
        key=key_of(state),
        proof=key_of(proof),
        tenant_id=tenant.id,
        provider_id=provider.id,
        nonce=nonce,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
        device=device_name(device),
        expires_at=now + ATTEMPT_LIFETIME,
    )
    try:
        url = await client.authorization_url(provider, attempt, state=state)
    except ProviderInvalid as problem:
        log.warning("openid_provider.invalid", provider_id=provider.id, problem=str(problem))
        raise ProviderUnavailable from None
    await store.challenges.begin_single_sign_on(attempt)
    return Begun(authorization_url=url, state=state, proof=proof)


async def complete_single_sign_on(
    store: Store,
    client: OpenIdClient,
    issuer: TokenIssuer,
    *,
    passkeys: Passkeys,
    sealing: SecretBox,
    returned: Returned,
    origin: Origin,
    now: datetime,
) -> SignInResult:
    """Exchange the provider's code for a session, or for a question about a second factor.

    The person has the external id `<provider>:<subject>`, or was linked before, or is the only one
    with the address that the provider has verified. No person is created here: people come from the
    feed. The second factor is asked for here unless the provider states that it did.

    Raises:
        SignInRefused: state, code or token is invalid, or no person matches.
        ProviderUnavailable: the provider did not answer; the code may be spent, start again.
    """
    attempt = await store.challenges.take_single_sign_on(key_of(returned.state), now=now)
    if attempt is None or not hmac.compare_digest(attempt.proof, key_of(returned.proof)):
        raise SignInRefused
    provider = await store.providers.find(attempt.provider_id, tenant_id=attempt.tenant_id)
    if provider is None:
        raise SignInRefused
    subject = await _subject(client, provider, attempt, sealing=sealing, returned=returned)

    async def find(tx: Transaction) -> Person:
        return await _person(store, provider, subject, now=now, tx=tx)

    person = await store.transact(find)
    proved = VerifiedFactors(
        person_id=person.id,
        tenant_id=person.tenant_id,
        methods=(FEDERATED, SECOND_FACTOR) if subject.second_factor else (FEDERATED,),
        credential_stamp=b"",
        device=attempt.device,
        single_sign_on=provider.name,
        network=origin.network,
    )
    factors = confirmed(await store.factors.list_of(person.id))
    if factors and not subject.second_factor:
        return await ask(store, passkeys, proved=proved, factors=factors, now=now)

    async def work(tx: Transaction) -> Opened:
        return await open_session(store, proved=proved, now=now, tx=tx)

    opened = await store.transact(work)
    log.info(
        "session.started",
        person_id=person.id,
        session_id=opened.session.id,
        provider_id=provider.id,
    )
    key_of_device = device_key(sealing, opened.person, origin)
    return admitted(issuer, opened, device_key=key_of_device, now=now)


async def _subject(
    client: OpenIdClient,
    provider: Provider,
    attempt: Attempt,
    *,
    sealing: SecretBox,
    returned: Returned,
) -> Subject:
    secret = ""
    if provider.sealed_secret:
        secret = sealing.open(provider.sealed_secret, owner=secret_owner(provider)).decode()
    try:
        return await client.subject(
            provider, attempt, secret=secret, code=returned.code, issuer=returned.issuer
        )
    except IdTokenInvalid as problem:
        log.info("single_sign_on.refused", provider_id=provider.id, check=str(problem))
        raise SignInRefused from None
    except ProviderInvalid as problem:
        log.warning("openid_provider.invalid", provider_id=provider.id, problem=str(problem))
        raise ProviderUnavailable from None


async def _person(
    store: Store, provider: Provider, subject: Subject, *, now: datetime, tx: Transaction
) -> Person:
    """Find the person of a subject, linking them now if that is safe."""
    tenant_id: TenantId = provider.tenant_id
    link_id = openid.link_id(provider, subject.value)
    linked = await store.providers.linked(link_id, tx=tx)
    # A link stands for a sign-in that was proved here, so that an account which an import makes
    # later for the same subject does not take its owner over.
    if linked:
        return _welcome(await store.people.get(linked, tenant_id=tenant_id, tx=tx), now=now)
    known_as = openid.external_id(provider, subject)
    by_id = await store.people.find_by_external_ids([known_as], tenant_id=tenant_id, tx=tx)
    if person := by_id.get(known_as):
        return _welcome(person, now=now)
    people = []
    if subject.email:
        people = await store.people.find_by_email(subject.email, tenant_id=tenant_id, tx=tx)
    person = openid.linkable_by_email(provider, subject, people)
    if person is None or await store.providers.is_linked(
        [person.id], tenant_id=tenant_id, provider_ids=[provider.id], tx=tx
    ):
        log.info("single_sign_on.nobody", provider_id=provider.id)
        raise SignInRefused
    link = Link(
        id=link_id,
        tenant_id=tenant_id,
        provider_id=provider.id,
        person_id=person.id,
        linked_at=now,
    )
    await store.providers.link(link, tx=tx)
    log.info("single_sign_on.linked", provider_id=provider.id, person_id=person.id)
    return person


def _welcome(person: Person, *, now: datetime) -> Person:
    if not person.welcome(now=now):
        raise SignInRefused
    return person
