"""Setting how the company signs in."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from plexus_access.roles import PERMISSIONS
from plexuskit.mongo import Transaction

from directory.access.domain.grants import IN_TENANT
from directory.people.domain.people import Kind
from directory.shared.domain.actors import ADMIN, Actor
from directory.shared.domain.ids import ProviderId, TenantId
from directory.sign_in.domain import sign_in_policies
from directory.sign_in.domain.openid import Provider
from directory.sign_in.domain.refusals import (
    LockedOut,
    NoWorkingProvider,
    ProviderInvalid,
    ProviderUnavailable,
)
from directory.sign_in.domain.sign_in_policies import SignInPolicy
from directory.sign_in.operations.openid import OpenIdClient
from directory.sign_in.store import Store

PERMISSION: Final = "sign_in.configure"

log = structlog.get_logger()


async def update_sign_in_policy(
    store: Store,
    client: OpenIdClient,
    *,
    actor: Actor,
    local_accounts: bool,
    second_factor_role_ids: Sequence[str],
    expected_version: int,
    now: datetime,
) -> SignInPolicy:
    """Set the company's sign-in policy; write nothing if nothing differs.

    Raises:
        PermissionMissing: the actor may not configure sign-in.
        VersionConflict: it was changed since `expected_version`.
        InvalidArgument: an invalid role id.
        LockedOut: no administrator could sign in any more.
        NoWorkingProvider: without local accounts, no provider answers now.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    working = frozenset[ProviderId]()
    if not local_accounts:
        working = await _working(client, await store.providers.list_of(actor.tenant_id))

    async def work(tx: Transaction) -> SignInPolicy:
        await store.grants.holding_everywhere(actor, PERMISSION, now=now, tx=tx)
        previous = await store.sign_in_policies.get(actor.tenant_id, tx=tx)
        after = sign_in_policies.change(
            previous,
            local_accounts=local_accounts,
            second_factor_role_ids=second_factor_role_ids,
            expected_version=expected_version,
        )
        if after is not previous:
            providers = await store.providers.list_of(actor.tenant_id, tx=tx)
            await check_administrable(store, after, providers, tx=tx)
            turned_off = previous.local_accounts and not after.local_accounts
            if turned_off and working.isdisjoint(provider.id for provider in providers):
                raise NoWorkingProvider
            await store.sign_in_policies.save(after, tx=tx)
        return after

    policy = await store.transact(work)
    log.info("sign_in_policy.set", by=actor.person_id, version=policy.version)
    return policy


async def require_all(
    store: Store, actor: Actor, *, now: datetime, tx: Transaction | None = None
) -> None:
    """Check that the actor holds every grant: naming the provider allows sign-in as any person."""
    grants = await store.grants.holding_everywhere(actor, PERMISSION, now=now, tx=tx)
    grants.require_giving(PERMISSIONS, IN_TENANT)


async def _working(client: OpenIdClient, providers: Sequence[Provider]) -> frozenset[ProviderId]:
    """Return the ids of the providers whose discovery document can be read now."""
    working = set()
    for provider in providers:
        try:
            await client.discover(provider.issuer, fresh=True)
        except (ProviderInvalid, ProviderUnavailable) as error:
            log.info("openid_provider.does_not_answer", provider_id=provider.id, why=str(error))
        else:
            working.add(provider.id)
    return frozenset(working)


async def check_administrable(
    store: Store, policy: SignInPolicy, providers: Sequence[Provider], *, tx: Transaction
) -> None:
    """Check that an administrator can still sign in: locally, or linked with a provider."""
    if policy.local_accounts:
        return
    tenant_id: TenantId = policy.tenant_id
    administrators = await store.people.list_with_role(ADMIN, tenant_id=tenant_id, tx=tx)
    for person in administrators:
        bootstrap = person.kind is Kind.BOOTSTRAP
        if bootstrap and await store.credentials.find(person.id, tx=tx):
            return
    provider_ids: list[ProviderId] = [provider.id for provider in providers]
    prefixes = tuple(f"{provider_id}:" for provider_id in provider_ids)
    if any(person.external_id.startswith(prefixes) for person in administrators if prefixes):
        return
    linked = await store.providers.is_linked(
        [person.id for person in administrators],
        tenant_id=tenant_id,
        provider_ids=provider_ids,
        tx=tx,
    )
    if not linked:
        raise LockedOut
