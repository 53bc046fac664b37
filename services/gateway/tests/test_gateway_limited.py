"""Limits through real sockets, native and over HTTP (GW-6)."""

import asyncio
import base64
from typing import Any

import aiohttp
import grpc
import pytest
from gateway.config import LimitsSection, RateSection
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest, GetPersonRequest
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.import_service_pb2 import ImportMessagesRequest
from plexus.messaging.v1.import_service_pb2_grpc import ImportServiceStub
from plexus_access.api_tokens import new_token
from plexuskit.grpc import RemoteRefusal, refused

PATH = "/plexus.directory.v1.DirectoryService/GetPerson"
SIGN_IN = "/plexus.directory.v1.SessionService/SignIn"
BURST = 3


@pytest.fixture
def trusted() -> tuple[str, ...]:
    """The proxies before the gateway: none, unless a test is about them."""
    return ()


@pytest.fixture
def limits_section(trusted: tuple[str, ...]) -> LimitsSection:
    scarce = RateSection(per_second=0.01, burst=BURST)
    return LimitsSection(
        person_read=scarce,
        person_change=scarce,
        address=RateSection(per_second=0.01, burst=2 * BURST),
        handle=scarce,
        calls_per_person=2,
        streams_per_person=2,
        trusted_proxies=trusted,
    )


def get(running: Any, person: str = "per_ann", *, wanted: str = "per_x") -> Any:
    stub: Any = DirectoryServiceStub(running.channel)
    request = GetPersonRequest(person_id=wanted)
    return stub.GetPerson(request, metadata=running.bearer(sub=person, jti=person), timeout=10)


async def refusal_of(call: Any) -> RemoteRefusal:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refused(caught.value)


async def test_gw_06_a_flood_is_told_when_to_come_back_and_slows_nobody_else(running: Any) -> None:
    flood = await asyncio.gather(
        *(get(running) for _ in range(40)),
        *(get(running, f"per_{number}") for number in range(10)),
        return_exceptions=True,
    )

    served = [not isinstance(outcome, Exception) for outcome in flood]
    # At most two of a person at once, and three in all, in any order of arrival.
    assert 1 <= sum(served[:40]) <= BURST
    assert all(served[40:])
    refusals = [refused(outcome) for outcome in flood if isinstance(outcome, Exception)]
    assert {refusal.code for refusal in refusals} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert {refusal.reason for refusal in refusals} <= {"RATE_LIMITED", "TOO_MANY_CALLS"}
    assert all(refusal.retry_after for refusal in refusals)


async def test_gw_06_a_refusal_names_its_limit_and_has_retry_info(running: Any) -> None:
    for _ in range(BURST):
        await get(running)
    refusal = await refusal_of(get(running))

    assert (refusal.reason, refusal.domain) == ("RATE_LIMITED", "plexus.gateway")
    assert refusal.metadata == {"limit": "person", "method_class": "read"}
    assert refusal.retry_after is not None
    assert 90 < refusal.retry_after.total_seconds() <= 101


@pytest.mark.rule("GW-13")
async def test_gw_13_calls_that_are_refused_count_like_others(running: Any) -> None:
    stub: Any = DirectoryServiceStub(running.channel)

    def create() -> Any:
        return stub.CreatePerson(CreatePersonRequest(), metadata=running.bearer(), timeout=10)

    for _ in range(BURST):
        assert (await refusal_of(create())).reason == "PERMISSION_MISSING"
    assert (await refusal_of(create())).reason == "RATE_LIMITED"


@pytest.mark.rule("GW-13")
async def test_gw_13_a_large_answer_counts_by_its_bytes_whatever_the_protocol(
    running: Any,
) -> None:
    # As much as four calls, of the three that there are.
    await get(running, wanted="large")
    assert (await refusal_of(get(running))).reason == "RATE_LIMITED"
    await get(running, "per_bob")


async def test_gw_06_http_says_the_same_with_429_and_retry_after(running: Any) -> None:
    headers = {"authorization": running.bearer()[0][1], "content-type": "application/json"}
    async with aiohttp.ClientSession(running.http) as session:
        for _ in range(BURST):
            async with session.post(PATH, json={}, headers=headers) as response:
                assert response.status == 200
        async with session.post(PATH, json={}, headers=headers) as response:
            body = await response.json()
            assert response.status == 429
            assert 90 < int(response.headers["retry-after"]) <= 101

    assert body["code"] == "resource_exhausted"
    details = {each["type"]: base64.b64decode(each["value"] + "===") for each in body["details"]}
    assert ErrorInfo.FromString(details["google.rpc.ErrorInfo"]).reason == "RATE_LIMITED"
    assert RetryInfo.FromString(details["google.rpc.RetryInfo"]).retry_delay.seconds > 90


async def test_gw_06_calls_at_once_are_limited_for_each_person(running: Any) -> None:
    waiting = [asyncio.ensure_future(get(running, wanted="slow")) for _ in range(2)]
    await running.directory.begun.wait()

    refusal = await refusal_of(get(running))

    assert (refusal.reason, refusal.metadata["most"]) == ("TOO_MANY_CALLS", "2")
    await get(running, "per_bob")
    running.directory.go_on.set()
    await asyncio.gather(*waiting)


async def test_gw_06_streams_are_limited_for_each_person_and_end_their_count(running: Any) -> None:
    stub: Any = ImportServiceStub(running.channel)

    def opened(person: str) -> Any:
        bearer = running.bearer(sub=person, jti=person, roles=["admin"])
        return stub.ImportMessages(metadata=bearer)

    streams = [opened("per_ann") for _ in range(2)]
    for stream in streams:
        await stream.write(ImportMessagesRequest())
        await stream.read()
    refusal = await refusal_of(opened("per_ann").read())
    assert (refusal.reason, refusal.metadata["limit"]) == ("TOO_MANY_STREAMS", "person")

    bob = opened("per_bob")
    await bob.write(ImportMessagesRequest())
    await bob.read()
    await streams[0].done_writing()
    assert await streams[0].read() is grpc.aio.EOF
    again = opened("per_ann")
    await again.write(ImportMessagesRequest())
    await again.read()
    for stream in (streams[1], bob, again):
        stream.cancel()


async def test_gw_13_failed_sign_ins_are_limited_by_handle_and_by_address(running: Any) -> None:
    stub: Any = SessionServiceStub(running.channel)

    def wrong(handle: str) -> Any:
        return stub.SignIn(SignInRequest(handle=handle, password="wrong"), timeout=10)

    for spelling in ("ann", "Ann", " ann"):
        assert (await refusal_of(wrong(spelling))).reason == "WRONG_PASSWORD"
    refusal = await refusal_of(wrong("ann"))
    assert refusal.metadata == {"limit": "handle", "method_class": "public"}

    for handle in ("bob", "cem"):
        assert (await refusal_of(wrong(handle))).reason == "WRONG_PASSWORD"
    refusal = await refusal_of(wrong("dan"))
    assert refusal.metadata == {"limit": "address", "method_class": "public"}

    # The same machine over HTTP is the same stranger.
    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(SIGN_IN, json={"handle": "eve", "password": "wrong"}) as response,
    ):
        assert response.status == 429


@pytest.mark.rule("GW-13")
async def test_gw_13_sign_ins_that_succeed_never_count(running: Any) -> None:
    stub: Any = SessionServiceStub(running.channel)
    for number in range(10 * BURST):
        await stub.SignIn(SignInRequest(handle=f"per_{number}", password="right"), timeout=10)
        await stub.SignIn(SignInRequest(handle="ann", password="right"), timeout=10)

    # Nor do failures on the gateway's own side.
    for _ in range(10 * BURST):
        refusal = await refusal_of(
            stub.SignIn(SignInRequest(handle="ann", password="down"), timeout=10)
        )
        assert refusal.reason == "DEPENDENCY_DOWN"


@pytest.mark.rule("GW-13")
async def test_gw_13_made_up_tokens_are_limited_and_good_ones_are_not(running: Any) -> None:
    stub: Any = DirectoryServiceStub(running.channel)

    def shown(authorization: str) -> Any:
        metadata = (("authorization", authorization),)
        return stub.GetPerson(GetPersonRequest(person_id="x"), metadata=metadata, timeout=10)

    made_up = running.issuer.token()[:-4] + "AAAA"
    kinds = ["Bearer x.y.z", f"Bearer {made_up}", f"Bearer {new_token()}", "Basic x", "Bearer ", ""]
    reasons = [(await refusal_of(shown(kind))).reason for kind in kinds]
    assert set(reasons) == {"TOKEN_INVALID", "TOKEN_MISSING"}
    for kind in kinds:
        refusal = await refusal_of(shown(kind))
        assert refusal.metadata == {"limit": "address", "method_class": "public"}

    async with aiohttp.ClientSession(running.http) as session:
        headers = {"authorization": f"Bearer {new_token()}"}
        async with session.post(PATH, json={}, headers=headers) as response:
            assert response.status == 429
        async with session.get("/scim/v2/Users", headers=headers) as response:
            assert response.status == 429

    # Identified callers do not count as unknown callers of that address.
    token = running.issuer.token(sub="per_bob", jti="known before")
    for _ in range(BURST):
        refusal = await refusal_of(shown(f"Bearer {token}"))
        assert refusal.metadata["limit"] == "address"


@pytest.mark.rule("GW-13")
async def test_gw_13_a_person_who_is_known_is_never_refused_for_their_address(
    running: Any,
) -> None:
    stub: Any = DirectoryServiceStub(running.channel)
    known = running.bearer(sub="per_bob", jti="known")
    await stub.GetPerson(GetPersonRequest(person_id="x"), metadata=known, timeout=10)
    for _ in range(3 * BURST):
        await refusal_of(stub.GetPerson(GetPersonRequest(person_id="x"), timeout=10))

    await stub.GetPerson(GetPersonRequest(person_id="x"), metadata=known, timeout=10)


@pytest.mark.parametrize("trusted", [("127.0.0.1",)])
async def test_gw_06_behind_a_trusted_proxy_every_client_has_its_own_allowance(
    running: Any,
) -> None:
    stub: Any = SessionServiceStub(running.channel)

    def sign_in(number: int, *, client: str) -> Any:
        request = SignInRequest(handle=f"nobody-{number}", password="wrong")
        return stub.SignIn(request, metadata=(("x-forwarded-for", client),), timeout=10)

    for number in range(2 * BURST):
        await refusal_of(sign_in(number, client="198.51.100.1, 203.0.113.5"))
    refusal = await refusal_of(sign_in(100, client="198.51.100.2, 203.0.113.5"))
    assert refusal.metadata["limit"] == "address"
    assert (await refusal_of(sign_in(101, client="203.0.113.6"))).reason == "WRONG_PASSWORD"

    async with aiohttp.ClientSession(running.http) as session:
        for client, status in (("203.0.113.5", 429), ("203.0.113.6", 401)):
            body = {"handle": f"web-{client}", "password": "wrong"}
            header = {"X-Forwarded-For": client}
            async with session.post(SIGN_IN, json=body, headers=header) as response:
                assert response.status == status


async def test_gw_06_without_trusted_proxies_a_header_gives_no_allowance(running: Any) -> None:
    stub: Any = SessionServiceStub(running.channel)
    for number in range(2 * BURST):
        metadata = (("x-forwarded-for", f"203.0.113.{number}"),)
        request = SignInRequest(handle=f"one-{number}", password="wrong")
        await refusal_of(stub.SignIn(request, metadata=metadata, timeout=10))
    metadata = (("x-forwarded-for", "203.0.113.200"),)
    request = SignInRequest(handle="more", password="wrong")
    refusal = await refusal_of(stub.SignIn(request, metadata=metadata, timeout=10))
    assert refusal.metadata["limit"] == "address"
