"""Provider documents and their verification: discovery document and id tokens."""

import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from plexuskit.errors import InvalidArgument
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directory.sign_in.domain.openid import Provider, Subject, check_address
from directory.sign_in.domain.refusals import ProviderInvalid

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA"})
MAX_SKEW: Final = timedelta(seconds=60)
MAX_TOKEN: Final = 32 * 1024
_MAX_SUBJECT: Final = 255

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Seconds = Annotated[int, Field(gt=0, lt=2**33)]


class IdTokenInvalid(Exception):  # noqa: N818 - names the fact, like a refusal
    """Id token not issued by this provider for this attempt; names the failed check, no content."""


class Discovery(BaseModel):
    """Fields used of a discovery document (OpenID Connect Discovery 1.0)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    issuer: Text
    authorization_endpoint: Text
    token_endpoint: Text
    jwks_uri: Text
    response_types_supported: Annotated[list[str], Field(max_length=100)]
    id_token_signing_alg_values_supported: Annotated[list[str], Field(max_length=100)]
    code_challenge_methods_supported: Annotated[list[str], Field(max_length=100)] | None = None
    token_endpoint_auth_methods_supported: Annotated[list[str], Field(max_length=100)] | None = None
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> frozenset[str]:
        """The algorithms that both sides allow."""
        return ALGORITHMS & frozenset(self.id_token_signing_alg_values_supported)


class _Claims(BaseModel):
    """Required claims of an id token; all others are ignored."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    iss: Text
    sub: Annotated[str, Field(min_length=1, max_length=_MAX_SUBJECT)]
    aud: Text | Annotated[list[Text], Field(min_length=1, max_length=20)]
    exp: Seconds
    iat: Seconds
    nonce: Text
    azp: Text | None = None


class _Allowed(JWSRegistry):
    """Allows named algorithms only, without the warning that one of them has a newer name."""

    def __init__(self, algorithms: frozenset[str]) -> None:
        super().__init__(algorithms=sorted(algorithms))
        self._only = algorithms

    def get_alg(self, name: str) -> Any:
        """Find the algorithm.

        Raises:
            UnsupportedAlgorithmError: it is another one.
        """
        if name not in self._only:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name[:20]}' is not allowed")
        return self.algorithms[name]


def discovery_of(raw: bytes, *, issuer: str) -> Discovery:
    """Read a discovery document.

    Raises:
        ProviderInvalid: it is none, another issuer's, or cannot be used safely.
    """
    try:
        found = Discovery.model_validate(json.loads(raw))
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            check_address(url, field="endpoint")
    except (ValueError, ValidationError, RecursionError, InvalidArgument):
        raise ProviderInvalid(problem="it is none") from None
    if found.issuer != issuer:
        raise ProviderInvalid(problem="it names another issuer")
    if "code" not in found.response_types_supported:
        raise ProviderInvalid(problem="it does not offer the code flow")
    methods = found.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise ProviderInvalid(problem="it does not offer PKCE with S256")
    if not found.algorithms:
        raise ProviderInvalid(problem="it signs with no algorithm that is allowed")
    return found


def keys_of(raw: bytes) -> KeySet:
    """Read a key set; keys that nothing here can use are left out.

    Raises:
        ValueError: it is no key set.
    """
    entries: Sequence[Any] = json.loads(raw)["keys"]
    usable = [
        entry
        for entry in entries
        if isinstance(entry, dict)
        and entry.get("kty") in {"RSA", "EC", "OKP"}
        and entry.get("use", "sig") == "sig"
    ]
    return KeySet.import_key_set({"keys": usable})


def key_id_of(token: str) -> str:
    """Return the key id of an id token; empty for none.

    Raises:
        IdTokenInvalid: it is not a token.
    """
    if len(token) > MAX_TOKEN or not token.isascii():
        raise IdTokenInvalid("size")
    kid = _header(token).get("kid", "")
    if not isinstance(kid, str):
        raise IdTokenInvalid("kid")
    return kid


def subject_of(
    token: str,
    *,
    keys: KeySet,
    discovery: Discovery,
    provider: Provider,
    nonce: str,
    now: datetime,
) -> Subject:
    """Verify an id token (OpenID Connect Core 3.1.3.7) and return its subject.

    Raises:
        IdTokenInvalid: naming the check that failed.
    """
    header = _header(token)
    if {"jku", "jwk", "x5u", "x5c", "crit"} & header.keys():
        raise IdTokenInvalid("header")
    try:
        decoded = jwt.decode(token, keys, registry=_Allowed(discovery.algorithms))
        claims = _Claims.model_validate(decoded.claims)
    except (JoseError, ValueError, ValidationError, KeyError, TypeError, RecursionError):
        raise IdTokenInvalid("signature or claims") from None
    _check(claims, provider=provider, nonce=nonce, now=now)

    value = decoded.claims.get(provider.subject_claim)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_SUBJECT or not value.isprintable():
        raise IdTokenInvalid("subject")
    email = decoded.claims.get("email")
    verified = decoded.claims.get("email_verified") is True and isinstance(email, str)
    methods = decoded.claims.get("amr")
    return Subject(
        value=value,
        email=str(email) if verified else "",
        second_factor=isinstance(methods, list) and "mfa" in methods,
    )


def _header(token: str) -> dict[str, Any]:
    try:
        return dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError, RecursionError):
        raise IdTokenInvalid("shape") from None


def _check(claims: _Claims, *, provider: Provider, nonce: str, now: datetime) -> None:
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    party = claims.azp or (audience[0] if len(audience) == 1 else "")
    skew = MAX_SKEW.total_seconds()
    checks = (
        ("iss", claims.iss == provider.issuer),
        ("aud", provider.client_id in audience),
        ("azp", party == provider.client_id),
        ("exp", claims.exp > now.timestamp() - skew),
        ("iat", claims.iat <= now.timestamp() + skew),
        ("nonce", hmac.compare_digest(claims.nonce.encode(), nonce.encode())),
    )
    failed = next((name for name, fits in checks if not fits), "")
    if failed:
        raise IdTokenInvalid(failed)
