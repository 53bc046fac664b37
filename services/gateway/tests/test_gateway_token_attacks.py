"""Ways to make a token up, none of which is accepted (GW-1; RFC 8725, RFC 9068)."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from gateway.identity import ApiTokens, Authenticator, EndedSessions, SigningKeys, TokenInvalid
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey
from plexus.directory.v1.session_service_pb2 import GetSigningKeysResponse


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def segment(value: Any) -> str:
    return b64(json.dumps(value).encode())


def signed(issuer: Any, header: str, payload: str) -> str:
    """Sign two segments as they are with the real key: only their content can be wrong."""
    body = f"{header}.{payload}"
    return f"{body}.{b64(issuer.key.private_key.sign(body.encode()))}"


def unsigned(issuer: Any, **header: Any) -> str:
    return f"{segment(issuer.header(**header))}.{segment(issuer.claims())}."


def with_secret(issuer: Any, secret: bytes) -> str:
    header = {"alg": "HS256", "typ": "at+jwt", "kid": "k1"}
    return jws.serialize_compact(
        header, json.dumps(issuer.claims()), OctKey.import_key(secret), algorithms=["HS256"]
    )


def public(issuer: Any) -> str:
    shown: str = issuer.key.as_dict(private=False)["x"]
    return shown


def in_another_key(issuer: Any, **header: Any) -> str:
    mine = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    body = f"{segment(issuer.header(**header))}.{segment(issuer.claims())}"
    return f"{body}.{b64(mine.private_key.sign(body.encode()))}"


def in_a_key_it_brings(issuer: Any) -> str:
    mine = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    header = issuer.header(jwk=mine.as_dict(private=False))
    body = f"{segment(header)}.{segment(issuer.claims())}"
    return f"{body}.{b64(mine.private_key.sign(body.encode()))}"


def doubled(part: dict[str, Any], name: str, value: Any) -> str:
    """Write an object in which a name comes twice, the attacker's value first."""
    return b64((json.dumps({name: value})[:-1] + "," + json.dumps(part)[1:]).encode())


def at(issuer: Any, **offsets: int) -> str:
    now = int(issuer.clock.now().timestamp())
    return str(issuer.token(**{name: now + offset for name, offset in offsets.items()}))


Attack = Callable[[Any], str]
ATTACKS: dict[str, Attack] = {
    "alg none": lambda i: unsigned(i, alg="none"),
    "alg None": lambda i: unsigned(i, alg="None"),
    "alg nOnE with a signature": lambda i: i.token(header={"alg": "nOnE"}),
    "no alg": lambda i: i.token(header={"alg": None}),
    "alg Ed25519": lambda i: i.token(header={"alg": "Ed25519"}),
    "HS256, the public key's text as secret": lambda i: with_secret(i, public(i).encode()),
    "HS256, the public key's bytes as secret": lambda i: with_secret(
        i, base64.urlsafe_b64decode(public(i) + "=")
    ),
    "HS256, the key set as secret": lambda i: with_secret(i, i.jwks().encode()),
    "HS256 header over an EdDSA signature": lambda i: i.token(header={"alg": "HS256"}),
    "kid of a path": lambda i: i.token(header={"kid": "../../../dev/null"}),
    "kid of a query": lambda i: i.token(header={"kid": "k1' OR '1'='1"}),
    "kid that is a list": lambda i: i.token(header={"kid": ["k1"]}),
    "another's signature under our kid": in_another_key,
    "jwk with its own key": in_a_key_it_brings,
    "jku": lambda i: in_another_key(i, jku="https://evil.example/keys"),
    "jku with a true signature": lambda i: i.token(header={"jku": "https://evil.example/keys"}),
    "x5u": lambda i: i.token(header={"x5u": "https://evil.example/cert"}),
    "x5c": lambda i: i.token(header={"x5c": ["MIIB"]}),
    "crit": lambda i: i.token(header={"crit": ["exp"]}),
    "crit b64": lambda i: i.token(header={"crit": ["b64"], "b64": False}),
    "zip": lambda i: i.token(header={"zip": "DEF"}),
    "iss of somebody else": lambda i: i.token(iss="https://evil.example"),
    "iss with a suffix": lambda i: i.token(iss="plexus.evil.example"),
    "aud of a service": lambda i: i.token(aud="plexus-directory"),
    "aud as a list": lambda i: i.token(aud=["plexus-gateway", "evil"]),
    "typ of an id token": lambda i: i.token(header={"typ": "JWT"}),
    "typ with its media type": lambda i: i.token(header={"typ": "application/at+jwt"}),
    "no typ": lambda i: i.token(header={"typ": None}),
    "nbf 31 s ahead": lambda i: at(i, nbf=31),
    "iat 31 s ahead": lambda i: at(i, iat=31),
    "exp beyond an hour": lambda i: at(i, exp=3601),
    "exp as text": lambda i: i.token(exp="9999999999"),
    "exp as a fraction": lambda i: i.token(exp=9_999_999_999.5),
    "exp beyond time": lambda i: i.token(exp=2**53),
    "no exp": lambda i: i.token(exp=None),
    "alg twice": lambda i: signed(i, doubled(i.header(), "alg", "none"), segment(i.claims())),
    "kid twice": lambda i: signed(i, doubled(i.header(), "kid", "k9"), segment(i.claims())),
    "roles twice": lambda i: signed(
        i, segment(i.header()), doubled(i.claims(), "roles", ["admin"])
    ),
    "sub twice": lambda i: signed(i, segment(i.header()), doubled(i.claims(), "sub", "per_x")),
    "oversize": lambda i: i.token(padding="x" * 5000),
    "oversize header": lambda i: i.token(header={"kid": "k" * 5000}),
    "bad UTF-8 in the claims": lambda i: signed(i, segment(i.header()), b64(b'{"iss":"\xff"}')),
    "bad UTF-8 in the header": lambda i: signed(i, b64(b'{"alg":"\xc3\x28"}'), segment(i.claims())),
    "UTF-16 header": lambda i: signed(
        i, b64(json.dumps(i.header()).encode("utf-16")), segment(i.claims())
    ),
    "claims that are a list": lambda i: signed(i, segment(i.header()), segment([i.claims()])),
    "claims nested 1,500 deep": lambda i: signed(
        i, segment(i.header()), b64(b"[" * 1500 + b"]" * 1500)
    ),
    "NaN for a time": lambda i: signed(
        i, segment(i.header()), b64(b'{"exp": NaN, "nbf": -Infinity}')
    ),
    "no signature": lambda i: i.token().rpartition(".")[0] + ".",
    "signature cut": lambda i: i.token()[:-4],
    "signature of zeros": lambda i: i.token().rpartition(".")[0] + "." + b64(bytes(64)),
    "a fourth part": lambda i: i.token() + ".e30",
    "JSON serialization": lambda i: json.dumps(
        dict(zip(("protected", "payload", "signature"), i.token().split("."), strict=True))
    ),
    "letters of another alphabet": lambda i: i.token().replace(".", "．"),
}


@pytest.fixture
def issuer(issuer, clock):
    issuer.clock = clock
    return issuer


class Published:
    """Directory's answer, and the number of queries."""

    def __init__(self, jwks: str) -> None:
        self.jwks = jwks
        self.asked = 0

    async def __call__(self, _: Any) -> GetSigningKeysResponse:
        self.asked += 1
        return GetSigningKeysResponse(jwks_json=self.jwks)


@pytest.fixture
def published(issuer):
    return Published(issuer.jwks())


@pytest.fixture
def authenticator(published, clock):
    async def nobody(_: Any) -> Any:
        raise AssertionError("directory was asked for an API token")

    ended = EndedSessions(clock=clock)
    return Authenticator(
        SigningKeys(published, clock=clock),
        ended,
        api_tokens=ApiTokens(nobody, ended, clock=clock),
        clock=clock,
    )


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_gw_01_a_token_that_was_made_up_is_refused(authenticator, issuer, attack):
    token = attack(issuer)
    with pytest.raises(TokenInvalid) as refusal:
        await authenticator.verify(token)
    assert refusal.value.metadata == {}
    # Refused is not remembered as known either.
    with pytest.raises(TokenInvalid):
        await authenticator.verify(token)
    assert await authenticator.verify(issuer.token())


async def test_gw_01_a_flood_of_unknown_keys_asks_directory_once_per_5_s(
    authenticator, issuer, published, clock
):
    await authenticator.verify(issuer.token())
    assert published.asked == 1
    for _ in range(4):
        clock.advance(timedelta(seconds=5))
        for number in range(100):
            with pytest.raises(TokenInvalid):
                await authenticator.verify(issuer.token(header={"kid": f"flood-{number}"}))
    assert published.asked == 5
