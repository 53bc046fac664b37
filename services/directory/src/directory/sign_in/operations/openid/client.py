"""Client of the company's provider: authorization addresses, and the subject of a code."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from plexuskit.clock import Clock

from directory.config import OpenIdSection
from directory.sign_in.domain.openid import Attempt, Provider, Subject
from directory.sign_in.domain.refusals import ProviderInvalid, ProviderUnavailable
from directory.sign_in.operations.openid.documents import (
    Discovery,
    IdTokenInvalid,
    discovery_of,
    key_id_of,
    keys_of,
    subject_of,
)
from directory.sign_in.operations.openid.fetching import Fetcher, Unexpected, fetcher

# Both change rarely; an unknown key is requested at once.
KEPT: Final = timedelta(minutes=10)
LEAST_BETWEEN: Final = timedelta(seconds=10)
SCOPE: Final = "openid email profile"
# More than any company has; those of attempts to name a provider come on top.
_MAX_KNOWN: Final = 50
_WELL_KNOWN: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class _Known:
    """Provider's published documents, and the time they were read."""

    discovery: Discovery
    keys: KeySet | None
    at: datetime
    keys_at: datetime | None = None


class OpenIdClient:
    """Client of providers; caches what they publish for 10 minutes."""

    def __init__(self, fetcher: Fetcher, *, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def discover(self, issuer: str, *, fresh: bool = False) -> Discovery:
        """Read an issuer's discovery document.

        Raises:
            ProviderInvalid: it is none, or cannot be used safely.
            ProviderUnavailable: it did not come.
        """
        now = self._clock.now()
        known = self._known.get(issuer)
        if known is not None and not fresh and now - known.at < KEPT:
            return known.discovery
        try:
            raw = await self._fetcher.get(issuer.rstrip("/") + _WELL_KNOWN)
        except Unexpected as answer:
            raise ProviderInvalid(problem=f"status {answer}") from None
        discovery = discovery_of(raw, issuer=issuer)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[issuer] = _Known(discovery, None, now)
        return discovery

    async def authorization_url(self, provider: Provider, attempt: Attempt, *, state: str) -> str:
        """Make the address that a browser is sent to; raises as `discover` does."""
        discovery = await self.discover(provider.issuer)
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": attempt.redirect_uri,
            "scope": SCOPE,
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": _s256(attempt.code_verifier),
            "code_challenge_method": "S256",
        }
        return f"{discovery.authorization_endpoint}?{urlencode(asked)}"

    async def subject(
        self, provider: Provider, attempt: Attempt, *, secret: str, code: str, issuer: str
    ) -> Subject:
        """Exchange a code for an id token and return its subject.

        In: the client secret, empty for a public client; the code and `iss` of the redirect.

        Raises:
            IdTokenInvalid: code or token was not issued by this provider for this attempt.
            ProviderInvalid, ProviderUnavailable: as for `discover`.
        """
        discovery = await self.discover(provider.issuer)
        # RFC 9207: the answer of another provider that shares the redirect address.
        if issuer not in {"", provider.issuer} or (
            discovery.authorization_response_iss_parameter_supported and not issuer
        ):
            raise IdTokenInvalid("redirect issuer")
        token = await self._traded(discovery, provider, attempt, secret=secret, code=code)
        now = self._clock.now()
        keys = await self._keys(provider.issuer, discovery, kid=key_id_of(token), now=now)
        return subject_of(
            token,
            keys=keys,
            discovery=discovery,
            provider=provider,
            nonce=attempt.nonce,
            now=now,
        )

    async def _traded(
        self,
        discovery: Discovery,
        provider: Provider,
        attempt: Attempt,
        *,
        secret: str,
        code: str,
    ) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": attempt.redirect_uri,
            "code_verifier": attempt.code_verifier,
        }
        auth = None
        methods = discovery.token_endpoint_auth_methods_supported
        if not secret:
            form["client_id"] = provider.client_id
        elif methods is not None and "client_secret_basic" not in methods:
            form |= {"client_id": provider.client_id, "client_secret": secret}
        else:
            # RFC 6749, 2.3.1: both are encoded before they are joined.
            auth = (quote(provider.client_id, safe=""), quote(secret, safe=""))
        try:
            raw = await self._fetcher.post(discovery.token_endpoint, form, auth=auth)
            token = json.loads(raw)["id_token"]
        except Unexpected:
            raise IdTokenInvalid("code") from None
        except (ValueError, KeyError, TypeError, RecursionError):
            raise IdTokenInvalid("token response") from None
        if not isinstance(token, str):
            raise IdTokenInvalid("token response")
        return token

    async def _keys(self, issuer: str, discovery: Discovery, *, kid: str, now: datetime) -> KeySet:
        known = self._known.get(issuer) or _Known(discovery, None, now)
        held, at = known.keys, known.keys_at
        if held is not None and at is not None:
            unknown = kid and kid not in {key.kid for key in held.keys}
            age = now - at
            if age < KEPT and not (unknown and age >= LEAST_BETWEEN):
                return held
        try:
            keys = keys_of(await self._fetcher.get(discovery.jwks_uri))
        except (Unexpected, JoseError, ValueError, KeyError, TypeError):
            raise ProviderUnavailable(cause="keys") from None
        self._known[issuer] = _Known(discovery, keys, known.at, now)
        return keys


@asynccontextmanager
async def openid_client(section: OpenIdSection, *, clock: Clock) -> AsyncIterator[OpenIdClient]:
    """Open the client of providers."""
    async with fetcher(section) as opened:
        yield OpenIdClient(opened, clock=clock)


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
