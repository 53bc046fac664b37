"""Apps that act with API tokens: GW-1, GW-3, GW-4."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import grpc
import pytest
from gateway.identity import ApiTokens, EndedSessions, SessionEnded, TokenInvalid
from plexus.directory.v1 import directory_service_pb2, session_service_pb2
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus_access.api_tokens import new_token
from plexuskit.errors import DependencyDown, Kind, Refusal

SECOND = timedelta(seconds=1)


class ApiTokenInvalid(Refusal):
    """The token is unknown."""

    kind = Kind.UNAUTHENTICATED


def answer(clock: Any, *, name: str = "tok_1", **fields: Any) -> Any:
    response = session_service_pb2.ResolveApiTokenResponse(
        tenant_id="ten_acme", roles=fields.pop("roles", ["member"]), **fields
    )
    response.api_token.id = name
    response.api_token.person_id = "per_bot"
    response.api_token.scopes.extend(["people.read"])
    response.api_token.expires_at.FromDatetime(clock.now() + timedelta(days=30))
    return response


class Directory:
    """Knows tokens by their hashes, and counts the queries."""

    def __init__(self) -> None:
        self.answers: dict[bytes, Any] = {}
        self.asked = 0
        self.down = False
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    def add(self, token: str, response: Any) -> None:
        self.answers[hashlib.sha256(token.encode()).digest()] = response

    async def __call__(self, request: Any) -> Any:
        self.asked += 1
        self.begun.set()
        await self.go_on.wait()
        if self.down:
            raise DependencyDown(dependency="directory")
        if request.token_hash not in self.answers:
            raise ApiTokenInvalid
        return self.answers[request.token_hash]


@pytest.fixture
def directory():
    return Directory()


@pytest.fixture
def ended(clock):
    return EndedSessions(clock=clock)


@pytest.fixture
def api_tokens(directory, ended, clock):
    return ApiTokens(directory, ended, clock=clock, cached=3)


@pytest.fixture
def token(directory, clock):
    token = new_token()
    directory.add(token, answer(clock))
    return token


async def test_gw_01_a_token_is_whom_directory_says(api_tokens, directory, token, clock):
    identity = await api_tokens.resolve(token)

    assert (identity.tenant_id, identity.person_id) == ("ten_acme", "per_bot")
    assert (identity.session_id, identity.api_token_id) == ("tok_1", "tok_1")
    assert (identity.roles, identity.scopes) == ({"member"}, {"people.read"})
    assert (identity.guest, identity.second_factor) == (False, False)
    assert identity.expires_at == clock.now() + timedelta(minutes=15)
    assert api_tokens.known(token) is identity
    assert directory.asked == 1


async def test_gw_03_what_directory_said_holds_30_s(api_tokens, directory, token, clock):
    first = await api_tokens.resolve(token)
    directory.add(token, answer(clock, roles=["member", "admin"], guest=True))
    clock.advance(29 * SECOND)
    assert api_tokens.known(token) is first
    clock.advance(SECOND)
    assert api_tokens.known(token) is None

    second = await api_tokens.resolve(token)
    assert (second.roles, second.guest) == ({"member", "admin"}, True)
    # The signer keys callers by token id and must not continue with the old roles.
    assert second.token_id != first.token_id


async def test_gw_01_an_unknown_token_is_refused_and_asked_for_once_per_30_s(
    api_tokens, directory, clock
):
    stranger = new_token()
    with pytest.raises(TokenInvalid):
        await api_tokens.resolve(stranger)
    for _ in range(5):
        with pytest.raises(TokenInvalid):
            api_tokens.known(stranger)
    assert directory.asked == 1
    clock.advance(30 * SECOND)
    assert api_tokens.known(stranger) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("a" if token[-1] != "a" else "b"),
        lambda token: token[:4] + ("a" if token[4] != "a" else "b") + token[5:],
        lambda token: token + "a",
        lambda token: token[:-1],
        lambda _: "plx_",
        lambda _: "plx_" + "é" * 49,
        lambda token: token.upper(),
        lambda token: token + "\n",
    ],
)
async def test_gw_01_what_is_no_token_never_reaches_directory(api_tokens, directory, token, spoil):
    with pytest.raises(TokenInvalid):
        await api_tokens.resolve(spoil(token))
    assert directory.asked == 0


async def test_gw_04_a_revoked_token_ends_at_once(api_tokens, ended, token):
    await api_tokens.resolve(token)
    assert ended.in_use() == ["tok_1"]
    ended.end(["tok_1"])
    with pytest.raises(SessionEnded):
        api_tokens.known(token)


async def test_gw_04_a_token_revoked_while_directory_answers_is_refused(
    api_tokens, directory, ended, token
):
    directory.go_on.clear()
    asking = asyncio.create_task(api_tokens.resolve(token))
    await directory.begun.wait()
    ended.end(["tok_1"])
    directory.go_on.set()
    with pytest.raises(SessionEnded):
        await asking


async def test_many_who_ask_for_a_token_at_once_ask_directory_once(api_tokens, directory, token):
    directory.go_on.clear()
    asking = [asyncio.create_task(api_tokens.resolve(token)) for _ in range(50)]
    await directory.begun.wait()
    # The first of them disconnects; the others get their answer.
    asking[0].cancel()
    directory.go_on.set()
    assert len({(await each).token_id for each in asking[1:]}) == 1
    assert directory.asked == 1


async def test_a_directory_that_cannot_be_asked_is_no_verdict_on_the_token(
    api_tokens, directory, token
):
    directory.down = True
    with pytest.raises(DependencyDown):
        await api_tokens.resolve(token)
    directory.down = False
    assert await api_tokens.resolve(token)


async def test_what_is_remembered_of_tokens_is_bounded(api_tokens):
    strangers = [new_token() for _ in range(5)]
    for stranger in strangers:
        with pytest.raises(TokenInvalid):
            await api_tokens.resolve(stranger)
    forgotten = [stranger for stranger in strangers if stranger not in api_tokens._answers]
    assert forgotten == strangers[:2]


def bearer(token: str) -> dict[str, Any]:
    return {"metadata": (("authorization", f"Bearer {token}"),), "timeout": 10}


async def test_gw_03_an_app_passes_within_its_scopes_and_owners_see_them(running):
    token = new_token()
    found = answer(running.issuer.clock, guest=True, name="tok_9")
    running.directory.api_tokens[hashlib.sha256(token.encode()).digest()] = found
    stub = DirectoryServiceStub(running.channel)

    await stub.GetPerson(directory_service_pb2.GetPersonRequest(person_id="x"), **bearer(token))

    seen = running.directory.seen
    assert (seen["person"], seen["session"]) == ("per_bot", "tok_9")
    assert (seen["api_token"], seen["scopes"]) == ("tok_9", ["people.read"])
    assert (seen["guest"], seen["second_factor"]) == (True, False)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ListDepartments(directory_service_pb2.ListDepartmentsRequest(), **bearer(token))
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_gw_03_a_limited_session_passes_within_its_scopes_only(running):
    stub = DirectoryServiceStub(running.channel)
    limited = running.issuer.token(scopes=["sessions.set_second_factor", "sessions.end"])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetPerson(
            directory_service_pb2.GetPersonRequest(person_id="x"), **bearer(limited)
        )
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    await stub.GetPerson(
        directory_service_pb2.GetPersonRequest(person_id="x"),
        **bearer(running.issuer.token(amr=["pwd", "otp", "mfa"])),
    )
    assert running.directory.seen["second_factor"] is True
