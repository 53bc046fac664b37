"""The way in, the same for gRPC and HTTP: who asks, may they, and as whom it goes on (GW-1)."""

from collections.abc import Iterable
from typing import Final

from plexus_access.objects import Object
from plexuskit.errors import Refusal
from plexuskit.grpc import MethodInfo

from gateway.access import BY_OWNER, Access, DecisionLog, Verdict
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
    object are let in first and authorised when the request is here.
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

        Refusals for a method about no object: those of `authorise`.
        """
        required = method.requirement
        if not required.resource:
            verdict = self._decided(method, identity, None)
            await self.decision_log.before(
                method, identity, object_=None, rule=verdict.rule, reason=reason
            )
        identity = self.access.current(identity)
        enter(identity)
        return identity

    async def authorise(
        self,
        method: MethodInfo,
        identity: Identity,
        object_: Object | None,
        *,
        permission: str = "",
    ) -> Verdict:
        """Decide about a method on an object; say what grants it.

        Args:
            method: what is called.
            identity: who calls.
            object_: on what.
            permission: another one that the method takes than its first.

        Refusals: PERMISSION_MISSING, MODULE_OFF, POLICY_FORBIDS, SESSION_ENDED, and the owner's own
        NOT_FOUND for what the caller may not know of. Raises DependencyDown when the owner has the
        last word and cannot be asked.
        """
        verdict = self._decided(method, identity, object_, permission=permission)
        if verdict.confirm and object_ is not None:
            try:
                await self.access.confirm(identity, object_)
            except Refusal as refusal:
                self.decision_log.refused(method, identity, object_=object_, refusal=refusal)
                raise
            verdict = BY_OWNER
        await self.decision_log.before(
            method, identity, object_=object_, rule=verdict.rule, reason=""
        )
        return verdict

    def _decided(
        self,
        method: MethodInfo,
        identity: Identity,
        object_: Object | None,
        *,
        permission: str = "",
    ) -> Verdict:
        try:
            return self.access.decide(
                identity, permission or method.requirement.permission, object_
            )
        except Refusal as refusal:
            self.decision_log.refused(method, identity, object_=object_, refusal=refusal)
            raise

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
