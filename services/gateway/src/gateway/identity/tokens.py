"""From an access token to an identity: RFC 9068 tokens of directory, and nothing else."""

import json
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from plexuskit.clock import Clock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.identity.ended import EndedSessions
from gateway.identity.keys import ALGORITHM, SigningKeys
from gateway.identity.person import Identity
from gateway.identity.refusals import SessionEnded, TokenExpired, TokenInvalid, TokenMissing

ISSUER: Final = "plexus"
AUDIENCE: Final = "plexus-gateway"
TYPE: Final = "at+jwt"

# No token may outlive what is remembered of ended sessions.
MOST_LIFE: Final = timedelta(hours=1)
# Clocks of two machines differ; a token may seem to come from that far in the future.
MOST_SKEW: Final = timedelta(seconds=30)
MOST_BYTES: Final = 4096
_CACHED: Final = 20_000

Text = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[int, Field(gt=0, lt=2**33)]


class _Header(BaseModel):
    """The only header there is; `jku`, `jwk`, `x5u`, `crit` and whatever else make it another."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    alg: Literal["EdDSA"]
    typ: Literal["at+jwt"]
    kid: Text


class _Claims(BaseModel):
    """What a token must say; more than that is not looked at (RFC 9068)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    iss: Literal["plexus"]
    aud: Literal["plexus-gateway"]
    sub: Text
    tenant: Text
    sid: Text
    jti: Text
    roles: Annotated[list[Text], Field(max_length=50)]
    iat: Seconds
    nbf: Seconds
    exp: Seconds


class _OnlyEdDSA(JWSRegistry):
    """Allows `EdDSA` alone, without the warning that RFC 9864 prefers another name for it."""

    def get_alg(self, name: str) -> Any:
        """Return the algorithm. Raises UnsupportedAlgorithmError for any other."""
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


class Authenticator:
    """Tells who holds a token; a token is checked once and remembered until it expires."""

    def __init__(
        self, keys: SigningKeys, ended: EndedSessions, *, clock: Clock, cached: int = _CACHED
    ) -> None:
        """Take what tokens are checked against.

        Args:
            keys: directory's public keys.
            ended: the sessions that ended before their tokens, and those in use, which it is told.
            clock: tells what has expired.
            cached: how many identities are kept, the least recently used leave first.
        """
        self._keys = keys
        self._ended = ended
        self._clock = clock
        self._size = cached
        self._registry = _OnlyEdDSA()
        self._known: OrderedDict[str, Identity] = OrderedDict()
        self._generation = keys.generation

    def known(self, token: str) -> Identity | None:
        """Return the identity of a token that was verified before and is still good, at once.

        Refusals: TOKEN_EXPIRED, SESSION_ENDED.
        """
        self._follow_keys()
        identity = self._known.get(token)
        if identity is None:
            return None
        if self._ended.is_ended(identity.session_id):
            raise SessionEnded
        if identity.expires_at <= self._clock.now():
            del self._known[token]
            raise TokenExpired
        self._known.move_to_end(token)
        return identity

    async def verify(self, token: str) -> Identity:
        """Return who holds an access token.

        Refusals, all UNAUTHENTICATED: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED.
        Raises DependencyDown for a key that is unknown while directory cannot be asked.
        """
        identity = self.known(token)
        if identity is not None:
            return identity
        identity = await self._checked(token)
        self._follow_keys()
        self._known[token] = identity
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return identity

    def _follow_keys(self) -> None:
        """Forget everything when the keys changed: what a withdrawn one signed counts no more."""
        if self._generation != self._keys.generation:
            self._known.clear()
            self._generation = self._keys.generation

    async def _checked(self, token: str) -> Identity:
        if not token:
            raise TokenMissing
        if len(token) > MOST_BYTES or not token.isascii():
            raise TokenInvalid
        kid = _kid(token)
        key = await self._keys.find(kid)
        if key is None:
            raise TokenInvalid
        return self._accepted(self._opened(token, key))

    def _opened(self, token: str, key: OKPKey) -> _Claims:
        """Check the signature before anything in the token is believed."""
        try:
            opened = jws.deserialize_compact(token, key, registry=self._registry)
            return _Claims.model_validate(json.loads(opened.payload))
        except (JoseError, ValueError, ValidationError, RecursionError):
            raise TokenInvalid from None

    def _accepted(self, claims: _Claims) -> Identity:
        now = self._clock.now()
        issued_at, expires_at = _instant(claims.iat), _instant(claims.exp)
        if max(issued_at, _instant(claims.nbf)) > now + MOST_SKEW:
            raise TokenInvalid
        if expires_at <= now:
            raise TokenExpired
        if expires_at - issued_at > MOST_LIFE:
            raise TokenInvalid
        self._ended.use(
            session_id=claims.sid, person_id=claims.sub, issued_at=issued_at, until=expires_at
        )
        if self._ended.is_ended(claims.sid):
            raise SessionEnded
        return Identity(
            tenant_id=claims.tenant,
            person_id=claims.sub,
            session_id=claims.sid,
            roles=frozenset(claims.roles),
            expires_at=expires_at,
            token_id=claims.jti,
        )


def _kid(token: str) -> str:
    """Return the key id that a token claims. Raises TokenInvalid for any header but ours."""
    try:
        header: Any = jws.extract_compact(token.encode()).headers()
        return _Header.model_validate(header).kid
    except (JoseError, ValueError, ValidationError, RecursionError):
        raise TokenInvalid from None


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
