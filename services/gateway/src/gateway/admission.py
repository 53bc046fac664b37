"""The way in, the same for gRPC and HTTP: who asks, may they, and as whom it goes on (GW-1)."""

from collections.abc import Iterable
from typing import Final

from plexuskit.grpc import MethodInfo

from gateway.identity import (
    Authenticator,
    Callers,
    EndedSessions,
    Identity,
    TokenInvalid,
    TokenMissing,
    enter,
)
from gateway.permissions import require

AUTHORIZATION: Final = "authorization"
_SCHEME: Final = "bearer "


class Admission:
    """Lets in who may call a method, and says as whom the owner sees them.

    Which objects a person may touch is the owner's decision alone, made on its own state: the
    gateway keeps no half-built copy of relations to guess from.
    """

    def __init__(
        self, *, authenticator: Authenticator, callers: Callers, ended: EndedSessions
    ) -> None:
        """Take who knows people, who signs for them, and who knows when their sessions end."""
        self.authenticator = authenticator
        self.callers = callers
        self.ended = ended

    async def admit(self, method: MethodInfo, token: str) -> Identity | None:
        """Return who calls, or None for a public method, which looks at no token.

        Refusals: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED, PERMISSION_MISSING.
        """
        required = method.requirement
        if required.public:
            return None
        authenticator = self.authenticator
        # Nearly every token was seen before, and then nothing has to be awaited.
        identity = authenticator.known(token) or await authenticator.verify(token)
        require(identity.roles, required.permission, scopes=identity.scopes)
        enter(identity)
        return identity

    def caller(self, identity: Identity | None, *, audience: str) -> bytes:
        """Return the SignedCaller to go on with to a service."""
        if identity is None:
            return self.callers.anonymous(audience)
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
