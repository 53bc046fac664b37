"""Identity of a token's holder: GW-1, and RFC 8725's list of attacks."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from gateway.identity import (
    ApiTokens,
    Authenticator,
    Callers,
    EndedSessions,
    SessionEnded,
    SigningKeys,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
)
from joserfc.jwk import OKPKey, RSAKey
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1.session_service_pb2 import GetSigningKeysResponse
from plexus_testkit.wait import eventually
from plexuskit.errors import DependencyDown, Kind
from plexuskit.grpc import CallerSigner, CallerVerifier


class Published:
    """Directory's answer, and the number of queries."""

    def __init__(self, jwks: str) -> None:
        self.jwks = jwks
        self.asked = 0
        self.down = False

    async def __call__(self, _: Any) -> GetSigningKeysResponse:
        self.asked += 1
        if self.down:
            raise DependencyDown(dependency="directory")
        return GetSigningKeysResponse(jwks_json=self.jwks)


@pytest.fixture
def issuer(issuer, clock):
    issuer.clock = clock
    return issuer


@pytest.fixture
def published(issuer):
    return Published(issuer.jwks())


@pytest.fixture
def keys(published, clock):
    return SigningKeys(published, clock=clock)


@pytest.fixture
def ended(clock):
    return EndedSessions(clock=clock)


@pytest.fixture
def authenticator(keys, ended, clock):
    return Authenticator(keys, ended, api_tokens=ApiTokens(nobody, ended, clock=clock), clock=clock)


async def nobody(_: Any) -> Any:
    raise AssertionError("directory was asked for an API token")


def b64(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_gw_01_identity_is_what_the_token_says(authenticator, issuer, clock):
    token = issuer.token(roles=["admin", "member"])

    identity = await authenticator.verify(token)

    assert identity.tenant_id == "ten_acme"
    assert identity.person_id == "per_ann"
    assert identity.session_id == "ses_ann"
    assert identity.roles == {"admin", "member"}
    assert identity.token_id == "jti_1"
    assert identity.expires_at == clock.now() + timedelta(seconds=900)
    assert await authenticator.verify(token) is identity


async def test_gw_01_scopes_guests_and_second_factors_are_what_the_token_says(
    authenticator, issuer
):
    plain = await authenticator.verify(issuer.token())
    assert (plain.scopes, plain.guest, plain.second_factor, plain.api_token_id) == (
        frozenset(),
        False,
        False,
        "",
    )
    limited = await authenticator.verify(
        issuer.token(jti="jti_2", scopes=["sessions.end"], amr=["pwd", "otp", "mfa"], guest=True)
    )
    assert (limited.scopes, limited.guest, limited.second_factor) == ({"sessions.end"}, True, True)


async def test_a_new_key_beside_the_others_lets_remembered_tokens_be(
    authenticator, issuer, keys, published
):
    token = issuer.token()
    identity = await authenticator.verify(token)
    other = OKPKey.generate_key("Ed25519", {"kid": "k2"})
    published.jwks = json.dumps(
        {"keys": [issuer.key.as_dict(private=False), other.as_dict(private=False)]}
    )
    await keys.refresh()

    assert authenticator.known(token) is identity


async def test_gw_01_no_token_is_missing(authenticator):
    with pytest.raises(TokenMissing) as refusal:
        await authenticator.verify("")
    assert refusal.value.kind is Kind.UNAUTHENTICATED


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "someone"},
        {"iss": None},
        {"aud": "plexus-directory"},
        {"aud": None},
        {"aud": ["plexus-gateway", "other"]},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
        {"tenant": None},
        {"sid": None},
        {"jti": None},
        {"roles": None},
        {"roles": "admin"},
        {"roles": [7]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 10**15},
        {"iat": None},
        {"nbf": None},
        {"scopes": []},
        {"scopes": "people.read"},
        {"scopes": [""]},
        {"amr": "mfa"},
        {"guest": "no"},
    ],
    ids=str,
)
async def test_gw_01_claims_that_are_missing_or_wrong_are_refused(authenticator, issuer, claims):
    with pytest.raises(TokenInvalid) as refusal:
        await authenticator.verify(issuer.token(**claims))
    assert refusal.value.metadata == {}


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"kid": None},
        {"kid": ""},
        {"kid": 7},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"crit": ["exp"]},
        {"cty": "JWT"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}},
    ],
    ids=str,
)
async def test_gw_01_any_other_header_is_refused(authenticator, issuer, header):
    with pytest.raises(TokenInvalid):
        await authenticator.verify(issuer.token(header=header))


async def test_gw_01_a_signature_of_another_key_under_the_known_id_is_refused(
    authenticator, issuer
):
    issuer.key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    with pytest.raises(TokenInvalid):
        await authenticator.verify(issuer.token())


async def test_gw_01_a_changed_payload_or_signature_is_refused(authenticator, issuer):
    header, _, signature = issuer.token().split(".")
    stolen = f"{header}.{b64(issuer.claims(roles=['admin']))}.{signature}"
    for token in (stolen, f"{header}.{b64(issuer.claims())}.{b64(bytes(64))}"):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(token)


@pytest.mark.parametrize(
    "token", ["x", "a.b", "a.b.c", "....", "a.b.c.d.e", "ü.ü.ü", "x" * 5000, "\x00.\x00.\x00"]
)
async def test_gw_01_what_is_no_token_is_refused(authenticator, token):
    with pytest.raises(TokenInvalid):
        await authenticator.verify(token)


async def test_gw_01_a_token_ends_at_its_second(authenticator, issuer, clock):
    now = int(clock.now().timestamp())
    assert await authenticator.verify(issuer.token(exp=now + 1))
    for past in (now, now - 1, now - 3600):
        with pytest.raises(TokenExpired):
            await authenticator.verify(issuer.token(exp=past, iat=past - 900, nbf=past - 900))


async def test_gw_01_a_remembered_token_ends_too(authenticator, issuer, clock):
    token = issuer.token()
    await authenticator.verify(token)
    clock.advance(timedelta(seconds=900))
    with pytest.raises(TokenExpired):
        await authenticator.verify(token)


async def test_gw_01_a_token_from_the_future_is_refused_beyond_the_skew(
    authenticator, issuer, clock
):
    now = int(clock.now().timestamp())
    assert await authenticator.verify(issuer.token(iat=now + 29, nbf=now + 29))
    for future in ({"iat": now + 31}, {"nbf": now + 31}):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(issuer.token(**future))


async def test_gw_04_a_token_that_would_outlive_what_is_remembered_is_refused(
    authenticator, issuer, clock
):
    now = int(clock.now().timestamp())
    with pytest.raises(TokenInvalid):
        await authenticator.verify(issuer.token(exp=now + 3601))


async def test_gw_01_an_unknown_key_asks_directory_at_most_once_per_5_s(
    authenticator, issuer, published, clock
):
    await authenticator.verify(issuer.token())
    assert published.asked == 1
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            await authenticator.verify(issuer.token(header={"kid": "k9"}))
    assert published.asked == 1

    clock.advance(timedelta(seconds=5))
    with pytest.raises(TokenInvalid):
        await authenticator.verify(issuer.token(header={"kid": "k9"}))
    assert published.asked == 2


async def test_gw_01_a_new_key_is_found_when_its_first_token_comes(
    authenticator, issuer, published, clock
):
    old = issuer.token()
    await authenticator.verify(old)
    was = issuer.key
    issuer.kid = "k2"
    issuer.key = OKPKey.generate_key("Ed25519", {"kid": "k2"})
    published.jwks = json.dumps(
        {"keys": [was.as_dict(private=False), issuer.key.as_dict(private=False)]}
    )
    clock.advance(timedelta(seconds=6))

    assert await authenticator.verify(issuer.token(jti="jti_2"))
    assert await authenticator.verify(old)


async def test_gw_01_a_withdrawn_key_stops_its_tokens_though_they_were_remembered(
    authenticator, issuer, keys, published
):
    token = issuer.token()
    await authenticator.verify(token)
    other = OKPKey.generate_key("Ed25519", {"kid": "k2"})
    published.jwks = json.dumps({"keys": [other.as_dict(private=False)]})
    await keys.refresh()

    with pytest.raises(TokenInvalid):
        await authenticator.verify(token)


async def test_known_keys_go_on_working_while_directory_is_down(
    authenticator, issuer, keys, published
):
    await authenticator.verify(issuer.token())
    published.down = True
    with pytest.raises(DependencyDown):
        await keys.refresh()

    assert await authenticator.verify(issuer.token(jti="jti_2"))


async def test_a_key_that_directory_cannot_be_asked_for_is_no_verdict_on_the_token(
    authenticator, issuer, published, keys
):
    published.down = True
    with pytest.raises(DependencyDown):
        await authenticator.verify(issuer.token())
    with pytest.raises(DependencyDown):
        await keys.ready()


async def test_keys_of_other_kinds_are_left_out(keys, issuer, published, authenticator):
    rsa = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"}).as_dict(private=False)
    encryption = issuer.key.as_dict(private=False) | {"use": "enc", "kid": "e1"}
    published.jwks = json.dumps({"keys": [rsa, encryption, issuer.key.as_dict(private=False)]})

    assert await authenticator.verify(issuer.token())
    assert await keys.find("r1") is None
    assert await keys.find("e1") is None


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"keys": 7}', '{"keys": [7]}', "null"])
async def test_an_answer_that_is_no_key_set_changes_nothing(
    answer, keys, published, authenticator, issuer
):
    await authenticator.verify(issuer.token())
    published.jwks = answer
    with pytest.raises(DependencyDown):
        await keys.refresh()
    assert await authenticator.verify(issuer.token(jti="jti_2"))


async def test_gw_04_a_remembered_token_of_an_ended_session_is_refused(
    authenticator, issuer, ended
):
    token = issuer.token()
    await authenticator.verify(token)
    ended.end(["ses_ann"])

    with pytest.raises(SessionEnded) as refusal:
        await authenticator.verify(token)
    assert refusal.value.kind is Kind.UNAUTHENTICATED
    with pytest.raises(SessionEnded):
        await authenticator.verify(issuer.token(jti="jti_2"))


async def test_the_cache_is_bounded(keys, ended, clock, issuer):
    api_tokens = ApiTokens(nobody, ended, clock=clock)
    authenticator = Authenticator(keys, ended, api_tokens=api_tokens, clock=clock, cached=3)
    tokens = [issuer.token(jti=f"jti_{n}") for n in range(5)]
    for token in tokens:
        await authenticator.verify(token)
    assert [authenticator.known(token) is not None for token in tokens] == [False] * 2 + [True] * 3


async def test_gw_01_callers_sign_what_owners_verify(authenticator, issuer, clock, caller_keys_of):
    callers = Callers(CallerSigner(caller_keys_of("gateway")), clock=clock)
    verifier = CallerVerifier(caller_keys_of("tasks"), "tasks", clock=clock)
    identity = await authenticator.verify(issuer.token(roles=["member", "admin"]))

    signed = callers.signed(identity, audience="tasks")
    context = verifier.verify(signed)

    assert (context.scopes, context.guest, context.second_factor) == ([], False, False)
    assert context.kind == CallerContext.KIND_PERSON
    assert (context.tenant_id, context.person_id) == ("ten_acme", "per_ann")
    assert (context.session_id, list(context.roles)) == ("ses_ann", ["admin", "member"])
    assert (context.service, context.audience) == ("gateway", "tasks")
    assert callers.signed(identity, audience="directory") != signed
    nobody = verifier.verify(callers.anonymous("tasks"))
    assert nobody.kind == CallerContext.KIND_ANONYMOUS


async def test_callers_are_signed_anew_at_half_their_life(
    authenticator, issuer, clock, caller_keys_of
):
    callers = Callers(CallerSigner(caller_keys_of("gateway")), clock=clock)
    identity = await authenticator.verify(issuer.token())
    first = callers.signed(identity, audience="tasks")
    clock.advance(timedelta(seconds=29))
    assert callers.signed(identity, audience="tasks") == first
    clock.advance(timedelta(seconds=1))
    assert callers.signed(identity, audience="tasks") != first


async def test_who_is_quiet_costs_no_signature(
    authenticator, issuer, clock, caller_keys_of, monkeypatch
):
    callers = Callers(CallerSigner(caller_keys_of("gateway")), clock=clock)
    quiet = await authenticator.verify(issuer.token(jti="jti_quiet"))
    busy = await authenticator.verify(issuer.token(jti="jti_busy"))
    verifier = CallerVerifier(caller_keys_of("tasks"), "tasks", clock=clock)
    assert verifier.verify(callers.once(quiet, audience="tasks")).person_id == quiet.person_id
    assert len(callers) == 0
    callers.signed(quiet, audience="tasks")
    clock.advance(timedelta(seconds=20))
    kept = callers.signed(busy, audience="tasks")

    callers.forget()
    assert len(callers) == 2
    clock.advance(timedelta(seconds=10))
    callers.forget()
    assert len(callers) == 1
    assert callers.signed(busy, audience="tasks") == kept

    monkeypatch.setattr("gateway.identity.callers._FORGET_SECONDS", 0.01)
    clock.advance(timedelta(seconds=60))
    running = asyncio.create_task(callers.run())
    await eventually(lambda: len(callers) == 0, within=5)
    running.cancel()


async def test_gw_03_new_roles_in_a_new_token_of_the_session_count(
    authenticator, issuer, clock, caller_keys_of
):
    callers = Callers(CallerSigner(caller_keys_of("gateway")), clock=clock)
    verifier = CallerVerifier(caller_keys_of("tasks"), "tasks", clock=clock)
    for token_id, roles in (("jti_1", ["member"]), ("jti_2", ["admin", "member"])):
        identity = await authenticator.verify(issuer.token(jti=token_id, roles=roles))
        context = verifier.verify(callers.signed(identity, audience="tasks"))
        assert list(context.roles) == roles
