"""From a bearer token to an identity: directory's access tokens (RFC 9068) and its API tokens."""

import sys
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from plexus_access.api_tokens import PREFIX
from plexuskit.clock import Clock

from gateway.identity.api_tokens import ApiTokens
from gateway.identity.claims import SECOND_FACTOR, Claims, claims_of, header_of
from gateway.identity.ended import EndedSessions
from gateway.identity.keys import ALGORITHM, SigningKeys
from gateway.identity.person import Identity
from gateway.identity.refusals import SessionEnded, TokenExpired, TokenInvalid, TokenMissing

# No token may outlive the record of ended sessions.
MAX_LIFE: Final = timedelta(hours=1)
# Clocks of two machines differ; a token may seem to come from that far in the future.
MAX_SKEW: Final = timedelta(seconds=30)
MAX_BYTES: Final = 4096
_CACHED: Final = 20_000


class _OnlyEdDSA(JWSRegistry):
    """Allows `EdDSA` alone, without the warning that RFC 9864 prefers another name for it."""

    def get_alg(self, name: str) -> Any:
        """Return the algorithm. Raises UnsupportedAlgorithmError for any other."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


class Authenticator:
    """Resolves tokens to identities; a token is verified once and kept until it expires."""

    def __init__(
        self,
        keys: SigningKeys,
        ended: EndedSessions,
        *,
        api_tokens: ApiTokens,
        clock: Clock,
        cached: int = _CACHED,
    ) -> None:
        """Set up verification.

        Args:
            keys: directory's public keys.
            ended: sessions that ended before their tokens; receives those in use.
            api_tokens: resolves the long-lived tokens of apps.
            clock: time for expiry.
            cached: maximum number of kept identities; the least recently used leave first.
        """
        self._keys = keys
        self._ended = ended
        self._api_tokens = api_tokens
        self._clock = clock
        self._size = cached
        self._registry = _OnlyEdDSA()
        # By their hashes: a token is ten times as long, and none of them need be kept.
        self._known: OrderedDict[bytes, Identity] = OrderedDict()
        self._generation = keys.generation

    def known(self, token: str) -> Identity | None:
        """Return the identity of a token that was verified before and is still good, at once.

        Refusals: TOKEN_EXPIRED, SESSION_ENDED; TOKEN_INVALID for an API token known to be none.
        """
        self._follow_keys()
        key = _key(token)
        identity = self._known.get(key)
        if identity is None:
            return self._api_tokens.known(token) if token.startswith(PREFIX) else None
        if self._ended.is_ended(identity.session_id):
            raise SessionEnded
        if identity.expires_at <= self._clock.now():
            del self._known[key]
            raise TokenExpired
        self._known.move_to_end(key)
        return identity

    async def verify(self, token: str) -> Identity:
        """Return the identity of an access token or an API token.

        Refusals, all UNAUTHENTICATED: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED.
        Raises DependencyDown for a key or an API token that is unknown while directory cannot be
        asked.
        """
        identity = self.known(token)
        if identity is not None:
            return identity
        if token.startswith(PREFIX):
            return await self._api_tokens.resolve(token)
        identity = await self._checked(token)
        self._follow_keys()
        self._known[_key(token)] = identity
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return identity

    def _follow_keys(self) -> None:
        """Drop everything when the keys changed: signatures of a withdrawn key are invalid."""
        if self._generation != self._keys.generation:
            self._known.clear()
            self._generation = self._keys.generation

    async def _checked(self, token: str) -> Identity:
        if not token:
            raise TokenMissing
        if len(token) > MAX_BYTES or not token.isascii():
            raise TokenInvalid
        key = await self._keys.find(header_of(token).kid)
        if key is None:
            raise TokenInvalid
        return self._accepted(claims_of(self._opened(token, key)))

    def _opened(self, token: str, key: OKPKey) -> bytes:
        """Check the signature before anything in the token is believed."""
        try:
            return jws.deserialize_compact(token, key, registry=self._registry).payload
        except (JoseError, ValueError, RecursionError):
            raise TokenInvalid from None

    def _accepted(self, claims: Claims) -> Identity:
        now = self._clock.now()
        issued_at, expires_at = _instant(claims.iat), _instant(claims.exp)
        if max(issued_at, _instant(claims.nbf)) > now + MAX_SKEW:
            raise TokenInvalid
        if expires_at <= now:
            raise TokenExpired
        if expires_at - issued_at > MAX_LIFE:
            raise TokenInvalid
        self._ended.use(
            session_id=claims.sid, person_id=claims.sub, issued_at=issued_at, until=expires_at
        )
        if self._ended.is_ended(claims.sid):
            raise SessionEnded
        return Identity(
            tenant_id=sys.intern(claims.tenant),
            person_id=claims.sub,
            session_id=claims.sid,
            roles=_shared(tuple(claims.roles)),
            expires_at=expires_at,
            token_id=claims.jti,
            scopes=_shared(tuple(claims.scopes or ())),
            guest=claims.guest,
            second_factor=SECOND_FACTOR in claims.amr,
            as_of=issued_at,
        )


def _key(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


@lru_cache(maxsize=1024)
def _shared(names: tuple[str, ...]) -> frozenset[str]:
    """Return the same set for the same names: ten thousand people hold the same few roles."""
    return frozenset(names)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
