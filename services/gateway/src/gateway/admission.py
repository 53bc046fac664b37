"""Authentication and authorisation of calls; shared by gRPC and HTTP (GW-1)."""

from collections.abc import Iterable
from typing import Final

from plexuskit.grpc import MethodInfo

from gateway.access import Access, DecisionLog
from gateway.identity import (
    Authenticator,
    Callers,
    EndedSessions,
    Identity,
    TokenInvalid,
    TokenMissing,
    enter,
)
from gateway.limits import network_of_call

AUTHORIZATION: Final = "authorization"
_SCHEME: Final = "bearer "


class Admission:
    """Authenticates and authorises callers, and signs the caller context for the owner.

    The object of a call is in its request, which follows the metadata: methods about an object are
    admitted first and authorised once the request has arrived (see `proxy.guard`).
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        callers: Callers,
        ended: EndedSessions,
        access: Access,
        decision_log: DecisionLog,
    ) -> None:
        """Set up admission.

        Args:
            authenticator: resolves tokens to identities.
            callers: signs caller contexts.
            ended: knows ended sessions.
            access: authorises calls.
            decision_log: records decisions (GW-7).
        """
        self.authenticator = authenticator
        self.callers = callers
        self.ended = ended
        self.access = access
        self.decision_log = decision_log

    async def admit(self, method: MethodInfo, identity: Identity, *, reason: str = "") -> Identity:
        """Return a caller with their current state, if they may call a method.

        Args:
            method: the method called; not a public one.
            identity: the caller.
            reason: the caller's reason for a privileged read.

        Refusals for a method about no object: those of `Access.decide`.
        """
        required = method.requirement
        if not required.resource:
            with self.decision_log.refusals(method, identity, None):
                verdict = self.access.decide(identity, required.permission)
            await self.decision_log.before(
                method, identity, object_=None, rule=verdict.rule, reason=reason
            )
        identity = self.access.current(identity)
        enter(identity)
        return identity

    def caller(self, identity: Identity | None, *, audience: str) -> bytes:
        """Return the SignedCaller for calling a service."""
        if identity is None:
            return self.callers.anonymous(audience, network=network_of_call())
        return self.callers.signed(identity, audience=audience)


def bearer(values: Iterable[str]) -> str:
    """Return the access token of the `authorization` values of a request.

    Returns an empty string for none, which stands for a missing token. Raises TokenInvalid for
    several, or for another scheme than Bearer, which would be ambiguous.
    """
    token = ""
    for value in values:
        if token or value[: len(_SCHEME)].lower() != _SCHEME:
            raise TokenInvalid
        token = value[len(_SCHEME) :].strip()
        if not token:
            raise TokenMissing
    return token
