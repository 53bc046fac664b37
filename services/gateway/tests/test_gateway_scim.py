"""SCIM at the gateway: requests forwarded to directory, and errors in SCIM's form."""

import aiohttp
import pytest

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


@pytest.fixture
async def http(running):
    async with aiohttp.ClientSession(running.http) as session:
        yield session


@pytest.fixture
def admin(running):
    return {
        "authorization": running.bearer(roles=["admin"])[0][1],
        "content-type": "application/scim+json",
    }


async def test_the_request_goes_on_as_it_is_and_the_answer_comes_back(http, admin, running):
    passed = admin | {"if-match": 'W/"3"', "x-other": "1", "accept": "application/scim+json"}
    async with http.patch(
        "/scim/v2/Users/a%2Fb?attributes=id", data=b"{}", headers=passed
    ) as answer:
        assert answer.status == 201
        assert answer.headers["etag"] == 'W/"1"'
        assert answer.headers["content-type"] == "application/scim+json"
        assert await answer.json(content_type=None) == {"id": "安"}
    asked = running.directory.asked
    assert (asked.method, asked.path, asked.query) == ("PATCH", "/Users/a%2Fb", "attributes=id")
    assert asked.body == b"{}"
    assert asked.base_url == f"{running.http}/scim/v2"
    assert dict(asked.headers) == {
        "if-match": 'W/"3"',
        "accept": "application/scim+json",
        "content-type": "application/scim+json",
    }
    async with http.delete("/scim/v2/Users/x", headers=admin) as answer:
        assert answer.status == 204
        assert await answer.read() == b""


async def refused(answer):
    assert answer.content_type == "application/scim+json"
    body = await answer.json(content_type=None)
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(answer.status)
    return answer.status, body["detail"]


async def test_gw_01_who_may_not_come_in_is_told_in_scims_form(http, admin, running):
    for headers in ({}, {"authorization": "Bearer nonsense"}):
        async with http.get("/scim/v2/Users", headers=headers) as answer:
            assert (await refused(answer))[0] == 401
            assert answer.headers["www-authenticate"] == 'Bearer realm="scim"'
    member = admin | {"authorization": running.bearer()[0][1]}
    async with http.get("/scim/v2/Users", headers=member) as answer:
        assert (await refused(answer))[0] == 403
    assert running.directory.asked is None


async def test_gw_06_what_is_too_large_too_busy_or_away_is_told_in_scims_form(http, admin):
    async with http.post("/scim/v2/Users", data=b"x" * 70_000, headers=admin) as answer:
        assert (await refused(answer))[0] == 413

    async def chunks():
        for _ in range(70):
            yield b"x" * 1_000

    async with http.post("/scim/v2/Users", data=chunks(), headers=admin) as answer:
        assert (await refused(answer))[0] == 413
    for path, status in (("/down", 503), ("/broken", 500), ("/busy", 429)):
        async with http.get(f"/scim/v2{path}", headers=admin) as answer:
            told, detail = await refused(answer)
        assert (told, "hunter2" in detail) == (status, False)
    async with http.put("/scim/v2/Users", headers=admin | {"content-encoding": "gzip"}) as answer:
        assert (await refused(answer))[0] == 415
    async with http.request("TRACE", "/scim/v2/Users", headers=admin) as answer:
        assert (await refused(answer))[0] == 405
    async with http.get("/scim/v2x", headers=admin) as answer:
        assert answer.status == 404


async def test_a_host_that_is_none_makes_no_location(http, admin):
    for host in ("evil.example/path", "a b", "user@host"):
        async with http.get("/scim/v2/Users", headers=admin | {"host": host}) as answer:
            assert (await refused(answer))[0] == 400
