"""Verification of id tokens and discovery documents (OpenID Connect Core 3.1.3.7, RFC 8725)."""

import base64
import hmac
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from directory.shared.domain.ids import ProviderId, TenantId
from directory.sign_in.domain.openid import Provider, Subject
from directory.sign_in.domain.refusals import ProviderInvalid
from directory.sign_in.operations.openid.documents import (
    IdTokenInvalid,
    discovery_of,
    key_id_of,
    keys_of,
    subject_of,
)
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER = "https://id.acme.example"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"})
PROVIDER = Provider(
    id=ProviderId("acme"),
    tenant_id=TenantId("ten_1"),
    name="Acme",
    issuer=ISSUER,
    client_id="plexus",
    redirect_uris=("https://plexus.example/cb",),
    subject_claim="sub",
    email_domains=(),
)
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "response_types_supported": ["code"],
    "id_token_signing_alg_values_supported": ["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"],
}
CLAIMS = {
    "iss": ISSUER,
    "sub": "u1",
    "aud": "plexus",
    "exp": AT + 300,
    "iat": AT,
    "nonce": "n1",
    "email": "li@acme.example",
    "email_verified": True,
}


def keys() -> KeySet:
    published = {"keys": [key.as_dict(private=False) for key in (RSA, EC, ED)]}
    return keys_of(json.dumps(published).encode())


def token(claims: dict[str, Any], *, alg: str = "RS256", key: Any = RSA, **header: Any) -> str:
    said = {"alg": alg, "kid": key.kid} | header
    payload = json.dumps({name: value for name, value in claims.items() if value is not None})
    with warnings.catch_warnings():
        # RFC 9864 prefers another name for EdDSA.
        warnings.simplefilter("ignore")
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        return jws.serialize_compact(said, payload, key, registry=registry)


def read(text: str, *, provider: Provider = PROVIDER, **document: Any) -> Subject:
    key_id_of(text)
    discovery = discovery_of(json.dumps(DOCUMENT | document).encode(), issuer=ISSUER)
    return subject_of(
        text, keys=keys(), discovery=discovery, provider=provider, nonce="n1", now=NOW
    )


@pytest.mark.parametrize(
    ("alg", "key"), [("RS256", RSA), ("PS256", RSA), ("ES256", EC), ("EdDSA", ED)]
)
def test_tokens_of_every_allowed_algorithm_are_read(alg: str, key: Any) -> None:
    assert read(token(CLAIMS, alg=alg, key=key)) == Subject(
        value="u1", email="li@acme.example", second_factor=False
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"aud": ["plexus", "another"]},
        {"aud": ["plexus", "another"], "azp": "another"},
        {"azp": "another"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\nb"},
        {"exp": AT - 61},
        {"exp": None},
        {"exp": str(AT + 300)},
        {"iat": AT + 61},
        {"iat": None},
        {"nonce": "n2"},
        {"nonce": None},
        {"nonce": ["n1"]},
    ],
    ids=str,
)
def test_gw_01_claims_that_do_not_fit_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(IdTokenInvalid):
        read(token(CLAIMS | changed))


def test_several_audiences_need_the_party_that_the_token_is_for() -> None:
    assert read(token(CLAIMS | {"aud": ["plexus", "another"], "azp": "plexus"}))


def segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """Make tokens that a library would refuse to make."""
    said = {"alg": "RS256", "kid": "rsa"} | header
    body = f"{segment(json.dumps(said).encode())}.{segment(json.dumps(CLAIMS).encode())}"
    return f"{body}.{segment(sign(body.encode()))}"


def true_signature(body: bytes) -> bytes:
    return RSA.private_key.sign(body, PKCS1v15(), SHA256())


def hmac_of(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda body: hmac.digest(secret, body, "sha256")


ATTACKS = {
    "none": lambda: by_hand({"alg": "none"}, lambda _: b""),
    "HS256 with the public key": lambda: by_hand(
        {"alg": "HS256"}, hmac_of(RSA.as_pem(private=False))
    ),
    "another's key": lambda: token(CLAIMS, key=RSAKey.generate_key(2048, {"kid": "rsa"})),
    "an algorithm that is not allowed": lambda: token(CLAIMS, alg="RS512"),
    "a key of another kind": lambda: token(CLAIMS, alg="RS256", key=RSA, kid="ec"),
    "an unknown key": lambda: token(CLAIMS, kid="unknown"),
    "jku": lambda: token(CLAIMS, jku="https://evil.example/keys"),
    "jwk": lambda: token(CLAIMS, jwk=RSA.as_dict(private=False)),
    "x5u": lambda: token(CLAIMS, x5u="https://evil.example/cert"),
    "crit": lambda: by_hand({"crit": ["exp"], "exp": 1}, true_signature),
    "a kid that is no text": lambda: by_hand({"kid": ["rsa"]}, true_signature),
    "cut": lambda: token(CLAIMS)[:-8],
    "no token": lambda: "a.b.c",
    "not ASCII": lambda: "ü" + token(CLAIMS),
    "oversize": lambda: token(CLAIMS | {"padding": "x" * 40_000}),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_gw_01_tokens_that_were_made_up_are_refused(attack: Any) -> None:
    made = attack()
    with pytest.raises(IdTokenInvalid):
        read(made)


def test_a_token_made_by_hand_is_read_when_nothing_is_wrong_with_it() -> None:
    assert read(by_hand({}, true_signature)).value == "u1"


def test_gw_01_only_algorithms_of_both_sides_count() -> None:
    with pytest.raises(IdTokenInvalid):
        read(token(CLAIMS, alg="ES256", key=EC), id_token_signing_alg_values_supported=["RS256"])


@pytest.mark.parametrize("verified", [False, "true", 1, None])
def test_gw_01_an_address_counts_only_when_it_is_truly_verified(verified: Any) -> None:
    assert read(token(CLAIMS | {"email_verified": verified})).email == ""


def test_the_provider_s_own_second_factor_is_noted() -> None:
    assert read(token(CLAIMS | {"amr": ["pwd", "mfa"]})).second_factor
    assert not read(token(CLAIMS | {"amr": "mfa"})).second_factor


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": ISSUER + "/"},
        {"token_endpoint": "http://id.acme.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "https://user@id.acme.example/keys"},
        {"jwks_uri": 7},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=str,
)
def test_gw_01_a_discovery_document_that_is_unsafe_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ProviderInvalid):
        discovery_of(json.dumps(DOCUMENT | changed).encode(), issuer=ISSUER)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000])
def test_what_is_no_discovery_document_is_refused(raw: bytes) -> None:
    with pytest.raises(ProviderInvalid):
        discovery_of(raw, issuer=ISSUER)
