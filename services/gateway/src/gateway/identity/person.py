"""Who asks: what a verified access token says, for the request being served."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from gateway.identity.refusals import TokenMissing


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in person, as an access token says; never from request fields (GW-1).

    Attributes:
        tenant_id: where the person belongs.
        person_id: the person.
        session_id: the signed-in session; it outlives its access tokens.
        roles: names of the tenant roles held.
        expires_at: when the token ends, aware.
        token_id: the token's own id.
        api_token_id: the API token that an app acts with; empty for people who signed in.
    """

    tenant_id: str
    person_id: str
    session_id: str
    roles: frozenset[str]
    expires_at: datetime
    token_id: str
    api_token_id: str = ""


_serving: ContextVar[Identity] = ContextVar("gateway_identity")


def current() -> Identity:
    """Return the person of the request being served. Raises TokenMissing where there is none."""
    identity = _serving.get(None)
    if identity is None:
        raise TokenMissing
    return identity


def enter(identity: Identity) -> None:
    """Make an identity the one that `current` answers, for the task that runs now."""
    _serving.set(identity)
