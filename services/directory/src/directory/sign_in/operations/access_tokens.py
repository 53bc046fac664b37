"""Access tokens: short JWTs that the gateway verifies by itself (RFC 9068)."""

from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry
from plexus_access.roles import GUEST
from plexuskit.ids import new_id

from directory.accounts.domain.sessions import ACCESS_LIFETIME, RefreshToken, Session, Tokens
from directory.accounts.operations.signing_keys import KeyRing
from directory.accounts.store import SigningKeys
from directory.accounts.store.signing_keys import ALGORITHM
from directory.people.domain.people import Person

ISSUER: Final = "plexus"
AUDIENCE: Final = "plexus-gateway"
TYPE: Final = "at+jwt"


class EdDSA(JWSRegistry):
    """Registry that allows `EdDSA` alone.

    RFC 9864 prefers the name `Ed25519` for the same signature and joserfc warns about the old one;
    the contract uses EdDSA, which every verifier knows, and all keys are Ed25519, so there is no
    ambiguity.
    """

    def get_alg(self, name: str) -> Any:
        """Find the algorithm.

        Raises:
            UnsupportedAlgorithmError: it is another one.
        """
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


class TokenIssuer:
    """Signs access tokens with the newest key that every gateway knows."""

    def __init__(self, keys: SigningKeys | KeyRing) -> None:
        self._keys = keys
        self._registry = EdDSA()

    @property
    def public_jwks(self) -> str:
        """The public keys as an RFC 7517 JWK set."""
        return self._keys.public_jwks()

    def issue(
        self,
        *,
        person: Person,
        session: Session,
        refresh: RefreshToken,
        scopes: frozenset[str],
        now: datetime,
    ) -> Tokens:
        """Make a client's tokens: an access token for 15 minutes beside its next refresh token.

        In: the permissions that the session is limited to, empty for no limit.
        """
        key = self._keys.signing(now=now)
        issued = int(now.timestamp())
        expires_at = now + ACCESS_LIFETIME
        if person.guest_expires_at is not None:
            expires_at = min(expires_at, person.guest_expires_at)
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": person.id,
            "tenant": person.tenant_id,
            "sid": session.id,
            "roles": list(person.roles),
            "amr": list(session.methods),
            "guest": GUEST in person.roles,
            "jti": new_id("jti", now=now),
            "iat": issued,
            "nbf": issued,
            "exp": int(expires_at.timestamp()),
        }
        if scopes:
            claims["scopes"] = sorted(scopes)
        return Tokens(
            access_token=jwt.encode(header, claims, key, registry=self._registry),
            access_expires_at=expires_at,
            refresh_token=refresh.value,
            refresh_expires_at=session.expires_at,
            session_id=session.id,
            cache_key=refresh.cache_key,
        )
