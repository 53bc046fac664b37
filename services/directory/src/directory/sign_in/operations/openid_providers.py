"""Creation and deletion of the company's OpenID providers."""

from dataclasses import replace
from datetime import datetime

import structlog
from plexuskit.errors import InvalidArgument
from plexuskit.mongo import Transaction

from directory.accounts.store import SecretBox
from directory.shared.domain.actors import Actor
from directory.sign_in.domain import openid
from directory.sign_in.domain.openid import MAX_PROVIDERS, SUBJECT, Provider
from directory.sign_in.domain.refusals import (
    NoWorkingProvider,
    ProviderInvalid,
    ProviderUnavailable,
)
from directory.sign_in.operations.openid import OpenIdClient
from directory.sign_in.operations.sign_in_policies import (
    PERMISSION,
    check_administrable,
    require_all,
)
from directory.sign_in.store import Store

log = structlog.get_logger()


async def put_openid_provider(
    store: Store,
    client: OpenIdClient,
    *,
    sealing: SecretBox,
    actor: Actor,
    provider: Provider,
    client_secret: str,
    expected_version: int,
    now: datetime,
) -> Provider:
    """Create or change the company's OpenID provider; in: a provider without its secret.

    An empty secret keeps the current one, unless it would go to another issuer or client.

    Raises:
        PermissionMissing: the actor may not configure sign-in.
        GrantExceedsOwn: the actor does not hold everything.
        InvalidArgument: a field is not allowed, or there are 10 providers.
        VersionConflict: it was changed since `expected_version`.
        ProviderInvalid: its discovery document cannot be read.
    """
    await require_all(store, actor, now=now)
    asked = replace(
        provider,
        tenant_id=actor.tenant_id,
        subject_claim=provider.subject_claim or SUBJECT,
        email_domains=tuple(sorted({domain.lower() for domain in provider.email_domains})),
    )
    previous = await store.providers.find(asked.id, tenant_id=actor.tenant_id)
    openid.check(asked, previous=previous, expected_version=expected_version)
    try:
        await client.discover(asked.issuer, fresh=True)
    except ProviderUnavailable:
        raise ProviderInvalid(problem="it cannot be reached") from None

    async def work(tx: Transaction) -> Provider:
        await require_all(store, actor, now=now, tx=tx)
        current = await store.providers.find(asked.id, tenant_id=actor.tenant_id, tx=tx)
        openid.check(asked, previous=current, expected_version=expected_version)
        others = await store.providers.list_of(actor.tenant_id, tx=tx)
        if current is None and len(others) >= MAX_PROVIDERS:
            raise InvalidArgument(field="provider", problem=f"is more than {MAX_PROVIDERS}")
        sealed = b""
        if client_secret:
            sealed = sealing.seal(client_secret.encode(), owner=secret_owner(asked))
        elif current and (current.issuer, current.client_id) == (asked.issuer, asked.client_id):
            sealed = current.sealed_secret
        after = replace(asked, sealed_secret=sealed, version=expected_version + 1)
        await store.providers.save(after, tx=tx)
        return after

    stored = await store.transact(work)
    log.info("openid_provider.set", provider_id=stored.id, by=actor.person_id)
    return stored


async def delete_openid_provider(
    store: Store, *, actor: Actor, provider_id: str, now: datetime
) -> None:
    """Delete a provider; people who signed in with it stay signed in.

    Raises:
        PermissionMissing: the actor may not configure sign-in.
        ProviderNotFound: there is no provider of that id.
        LockedOut: no administrator could sign in any more.
        NoWorkingProvider: it is the last one, and there are no local accounts.
    """

    async def work(tx: Transaction) -> None:
        await store.grants.holding_everywhere(actor, PERMISSION, now=now, tx=tx)
        provider = await store.providers.get(provider_id, tenant_id=actor.tenant_id, tx=tx)
        providers = await store.providers.list_of(actor.tenant_id, tx=tx)
        policy = await store.sign_in_policies.get(actor.tenant_id, tx=tx)
        left = [each for each in providers if each.id != provider.id]
        await check_administrable(store, policy, left, tx=tx)
        if not left and not policy.local_accounts:
            raise NoWorkingProvider
        await store.providers.delete(provider, tx=tx)

    await store.transact(work)
    log.info("openid_provider.deleted", provider_id=provider_id, by=actor.person_id)


def secret_owner(provider: Provider) -> str:
    """Return the record for which a client secret is sealed."""
    return f"openid:{provider.tenant_id}:{provider.id}"
