"""The public keys of access tokens, as directory publishes them."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from plexus.directory.v1 import session_service_pb2 as pb
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, Refusal

ALGORITHM: Final = "EdDSA"
REFRESHED_EVERY: Final = timedelta(minutes=5)
# However many tokens have unknown keys, directory is not queried more often than this.
LEAST_BETWEEN: Final = timedelta(seconds=5)
# No call can be authenticated until the first keys are here, so the first wait is short.
_FIRST_RETRY: Final = 1.0

log = structlog.get_logger()


GetSigningKeys = Callable[[pb.GetSigningKeysRequest], Awaitable[pb.GetSigningKeysResponse]]
"""Directory's method, as its stub calls it."""


class UnusableJwks(Exception):  # noqa: N818 - names the fact, like a refusal
    """Directory answered something that is no set of public Ed25519 keys."""


class SigningKeys:
    """The currently valid keys; known ones remain in use while directory is down.

    Attributes:
        generation: grows whenever a key is withdrawn, so that what was decided by it can be decided
            again; a new key beside the others leaves it alone.
    """

    def __init__(self, get_signing_keys: GetSigningKeys, *, clock: Clock) -> None:
        self._get_signing_keys = get_signing_keys
        self._clock = clock
        self._keys: Mapping[str, OKPKey] = {}
        self._asked_at: float | None = None
        self._answered = False
        self._asking = asyncio.Lock()
        self.generation = 0

    async def find(self, kid: str) -> OKPKey | None:
        """Return the key of an id, or None for one that directory does not publish.

        An unknown id makes it ask directory, at most once per 5 s.

        Raises DependencyDown when directory could not be asked: the key may be a new one.
        """
        key = self._keys.get(kid)
        if key is not None:
            return key
        async with self._asking:
            if kid not in self._keys and self._may_ask():
                await self._ask()
        key = self._keys.get(kid)
        if key is None and not self._answered:
            raise DependencyDown(dependency="directory", retry_after=LEAST_BETWEEN)
        return key

    async def refresh(self) -> None:
        """Ask directory now. Raises DependencyDown when the answer did not come."""
        async with self._asking:
            await self._ask()
        if not self._answered:
            raise DependencyDown(dependency="directory")

    async def ready(self) -> None:
        """Check for the health of the process. Raises DependencyDown while there is no key."""
        if not self._keys:
            raise DependencyDown(dependency="directory", cause="no signing keys yet")

    async def keep_fresh(self) -> None:
        """Fetch keys until cancelled: every second until there are some, then every 5 min."""
        while True:
            async with self._asking:
                await self._ask()
            await asyncio.sleep(REFRESHED_EVERY.total_seconds() if self._keys else _FIRST_RETRY)

    def _may_ask(self) -> bool:
        return (
            self._asked_at is None
            or self._clock.monotonic() - self._asked_at >= LEAST_BETWEEN.total_seconds()
        )

    async def _ask(self) -> None:
        """Ask once; a failure leaves the keys as they are, is noted, and logged when it is new."""
        self._asked_at = self._clock.monotonic()
        try:
            answer = await self._get_signing_keys(pb.GetSigningKeysRequest())
            keys = public_keys(answer.jwks_json)
        except (Refusal, UnusableJwks) as error:
            if self._answered or not self._keys:
                log.warning("signing_keys.not_refreshed", known=len(self._keys), error=str(error))
            self._answered = False
            return
        self._answered = True
        previous, after = _shown(self._keys), _shown(keys)
        if previous == after:
            return
        self._keys = keys
        if not previous.items() <= after.items():
            self.generation += 1
        log.info("signing_keys.changed", kids=sorted(keys))


def public_keys(jwks_json: str) -> dict[str, OKPKey]:
    """Read an RFC 7517 JWK set.

    Returns the Ed25519 signing keys by key id; keys of other kinds, which a later directory may
    publish, are left out. Raises UnusableJwks for anything that is no set of public keys.
    """
    try:
        entries = json.loads(jwks_json)["keys"]
        return {key["kid"]: OKPKey.import_key(key) for key in map(_public, entries) if key}
    except (ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
        raise UnusableJwks(type(error).__name__) from None


def _public(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    fits = (entry.get("kty"), entry.get("crv"), entry.get("use", "sig")) == (
        "OKP",
        "Ed25519",
        "sig",
    )
    if not fits or entry.get("alg", ALGORITHM) != ALGORITHM or not entry.get("kid"):
        return None
    return {"kty": "OKP", "crv": "Ed25519", "kid": str(entry["kid"]), "x": entry["x"]}


def _shown(keys: Mapping[str, OKPKey]) -> dict[str, Any]:
    return {kid: key.as_dict(private=False)["x"] for kid, key in keys.items()}
