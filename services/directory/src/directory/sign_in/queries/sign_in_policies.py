"""Reading the sign-in policy and its providers."""

from dataclasses import dataclass
from datetime import datetime

from directory.shared.domain.actors import Actor
from directory.sign_in.domain.openid import Provider
from directory.sign_in.domain.sign_in_policies import SignInPolicy
from directory.sign_in.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInOptions:
    """The ways to sign in that a company has."""

    local_accounts: bool
    providers: tuple[Provider, ...]


async def get_sign_in_policy(
    store: Store, *, actor: Actor, now: datetime
) -> tuple[SignInPolicy, tuple[Provider, ...]]:
    """Read the company's sign-in policy.

    Raises:
        PermissionMissing: the actor may not configure sign-in.
    """
    await store.grants.holding_everywhere(actor, "sign_in.configure", now=now)
    policy = await store.sign_in_policies.get(actor.tenant_id)
    return policy, tuple(await store.providers.list_of(actor.tenant_id))


async def list_sign_in_options(store: Store) -> SignInOptions:
    """Return the company's sign-in methods; before it is set up: local accounts."""
    tenant = await store.tenants.find_only()
    if tenant is None:
        return SignInOptions(local_accounts=True, providers=())
    policy = await store.sign_in_policies.get(tenant.id)
    providers = await store.providers.list_of(tenant.id)
    return SignInOptions(local_accounts=policy.local_accounts, providers=tuple(providers))
