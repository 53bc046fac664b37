"""The way in, the same for gRPC and HTTP: who asks, may they, and as whom it goes on (GW-1)."""

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
    """Lets in who may call a method, and says as whom the owner sees them.

    What a call is about stands in its request, which comes after its metadata: methods about an
    object are let in first and authorised when the request is here (see `proxy.guard`).
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
        """Take who knows people, who signs for them, and what decides about them.

        Args:
            authenticator: tells who holds a token.
            callers: signs in people's names.
            ended: knows when their sessions end.
            access: decides.
            decision_log: keeps what was decided (GW-7).
        """
        self.authenticator = authenticator
        self.callers = callers
        self.ended = ended
        self.access = access
        self.decision_log = decision_log

    async def admit(self, method: MethodInfo, identity: Identity, *, reason: str = "") -> Identity:
        """Return a caller as they are at present, if they may call a method.

        Args:
            method: what is called; no public one.
            identity: who calls.
            reason: what the caller gives for a privileged read.

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
        """Return the SignedCaller to go on with to a service."""
        if identity is None:
            return self.callers.anonymous(audience, network=network_of_call())
        return self.callers.signed(identity, audience=audience)


def bearer(values: Iterable[str]) -> str:
    """Return the access token of the `authorization` values of a request.

    Returns an empty string for none, which stands for a missing token. Raises TokenInvalid for
    several, or for another scheme than Bearer: what is meant by those is anyone's guess.
    """
    token = ""
    for value in values:
        if token or value[: len(_SCHEME)].lower() != _SCHEME:
            raise TokenInvalid
        token = value[len(_SCHEME) :].strip()
        if not token:
            raise TokenMissing
    return token
