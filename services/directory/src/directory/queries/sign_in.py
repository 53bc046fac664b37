"""Reading how people sign in: sessions, second factors, policy and providers."""

from dataclasses import dataclass
from datetime import datetime

from directory.domain.access import Actor, require
from directory.domain.api_tokens import ApiToken
from directory.domain.openid import Provider
from directory.domain.second_factors import Factor
from directory.domain.sessions import Session
from directory.domain.sign_in_policies import SignInPolicy
from directory.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSessions:
    """What of a person goes on: the session used last first, the newest token first."""

    sessions: tuple[Session, ...]
    api_tokens: tuple[ApiToken, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFactors:
    """Somebody's second factors, and how many recovery codes are left."""

    factors: tuple[Factor, ...]
    recovery_codes_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInOptions:
    """The ways to sign in that a company has."""

    local_accounts: bool
    providers: tuple[Provider, ...]


async def list_sessions(
    store: Store, *, actor: Actor, person_id: str, now: datetime
) -> OpenSessions:
    """List sessions and API tokens that go on; an empty person means oneself.

    Raises:
        PermissionMissing: the actor may not, or it is another's and they manage sessions nowhere.
        PersonNotFound: there is none whose sessions the actor manages.
    """
    require(actor, "sessions.read")
    if person_id in {"", actor.person_id}:
        person = await store.people.get(actor.person_id, tenant_id=actor.tenant_id)
    else:
        grants = await store.grants.holding(actor, "sessions.manage", now=now)
        person = await store.places.managed_person(
            grants, person_id, permission="sessions.manage", tenant_id=actor.tenant_id
        )
    return OpenSessions(
        sessions=tuple(
            await store.sessions.list_alive(person.id, tenant_id=actor.tenant_id, now=now)
        ),
        api_tokens=tuple(
            await store.api_tokens.list_alive(person.id, tenant_id=actor.tenant_id, now=now)
        ),
    )


async def list_second_factors(store: Store, *, actor: Actor) -> OwnFactors:
    """List one's own second factors that work.

    Raises:
        PermissionMissing: the actor may not.
    """
    require(actor, "sessions.set_second_factor")
    factors = await store.factors.list_of(actor.person_id)
    left = await store.recovery_codes.left(actor.person_id)
    return OwnFactors(
        factors=tuple(factor for factor in factors if factor.confirmed),
        recovery_codes_left=len(left),
    )


async def get_sign_in_policy(
    store: Store, *, actor: Actor, now: datetime
) -> tuple[SignInPolicy, tuple[Provider, ...]]:
    """Read how the company signs in.

    Raises:
        PermissionMissing: the actor may not configure sign-in.
    """
    await store.grants.holding_everywhere(actor, "sign_in.configure", now=now)
    policy = await store.sign_in_policies.get(actor.tenant_id)
    return policy, tuple(await store.providers.list_of(actor.tenant_id))


async def list_sign_in_options(store: Store) -> SignInOptions:
    """Tell anybody how the company signs in; before it is set up: with local accounts."""
    tenant = await store.tenants.find_only()
    if tenant is None:
        return SignInOptions(local_accounts=True, providers=())
    policy = await store.sign_in_policies.get(tenant.id)
    providers = await store.providers.list_of(tenant.id)
    return SignInOptions(local_accounts=policy.local_accounts, providers=tuple(providers))
