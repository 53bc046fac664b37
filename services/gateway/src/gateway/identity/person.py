"""Identity of the caller, from a verified access token, for the request being served."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from gateway.identity.refusals import TokenMissing


@dataclass(frozen=True, slots=True)
class Identity:
    """Caller, as an access token or API token states it; never from request fields (GW-1).

    Attributes:
        tenant_id: tenant of the person.
        person_id: the person.
        session_id: the signed-in session, which outlives its access tokens; an API token's own id.
        roles: names of the tenant roles held.
        expires_at: when the token ends, or an API token must be shown again; aware.
        token_id: identifies exactly these values; changes whenever any of them does.
        scopes: permissions to which the roles are limited; empty: no limit.
        api_token_id: the API token of an app; empty for people who signed in.
        guest: true for an external person (GW-5).
        second_factor: true if one was used in this session.
        extra: permissions for the tenant from roles of its own, beyond those of `roles`.
        as_of: time at which the roles were read, aware; None: unknown, so any other source is
            newer.
    """

    tenant_id: str
    person_id: str
    session_id: str
    roles: frozenset[str]
    expires_at: datetime
    token_id: str
    scopes: frozenset[str] = field(default=frozenset())
    api_token_id: str = ""
    guest: bool = False
    second_factor: bool = False
    extra: frozenset[str] = field(default=frozenset())
    as_of: datetime | None = None


_serving: ContextVar[Identity] = ContextVar("gateway_identity")


def current() -> Identity:
    """Return the person of the request being served. Raises TokenMissing without one."""
    identity = _serving.get(None)
    if identity is None:
        raise TokenMissing
    return identity


def enter(identity: Identity) -> None:
    """Make an identity the one that `current` answers, for the task that runs now."""
    _serving.set(identity)
