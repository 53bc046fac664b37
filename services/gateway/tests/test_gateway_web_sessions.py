"""Sessions of browsers: secrets in cookies, and calls of our own page alone."""

import aiohttp
import pytest
from plexus.directory.v1 import session_service_pb2 as contract

SERVICE = "plexus.directory.v1.SessionService"
SIGN_IN = contract.SignInRequest(handle="ann", password="right").SerializeToString()
TYPE = {"content-type": "application/proto", "connect-protocol-version": "1"}


@pytest.fixture
def web_folder(tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html>")
    return tmp_path


@pytest.fixture
def own(running):
    return TYPE | {"origin": running.http}


@pytest.fixture
async def http(running):
    # The test's own cookies: a jar would not send secure ones over plain HTTP.
    async with aiohttp.ClientSession(running.http, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def cookies(answer):
    made = {}
    for header in answer.headers.getall("set-cookie", []):
        value, *attributes = header.split("; ")
        made[value.partition("=")[0]] = (value.partition("=")[2], attributes)
    return made


async def test_signing_in_leaves_the_secrets_in_cookies_that_no_script_reads(http, own):
    async with http.post(f"/session/{SERVICE}/SignIn", data=SIGN_IN, headers=own) as answer:
        assert answer.status == 200
        body = contract.SignInResponse.FromString(await answer.read())
        made = cookies(answer)
        assert answer.headers["cache-control"] == "no-store"
    assert body.tokens.access_token == "access"
    assert body.tokens.refresh_token == ""
    assert body.device_key == ""
    assert set(made) == {"__Secure-plexus-refresh", "__Secure-plexus-device"}
    for value, attributes in made.values():
        assert value in {"refresh-1", "device-1"}
        assert {"Path=/session", "HttpOnly", "Secure", "SameSite=Strict"} < set(attributes)
    age = next(a for a in made["__Secure-plexus-refresh"][1] if a.startswith("Max-Age="))
    assert 3500 < int(age.partition("=")[2]) <= 3600


async def test_a_device_that_is_known_says_so_by_its_cookie(http, own, running):
    headers = own | {"cookie": "__Secure-plexus-device=device-0"}
    async with http.post(f"/session/{SERVICE}/SignIn", data=SIGN_IN, headers=headers) as answer:
        assert answer.status == 200
    assert running.directory.seen["device_key"] == "device-0"


async def test_refreshing_takes_the_token_from_the_cookie_alone_and_rotates_it(http, own, running):
    path = f"/session/{SERVICE}/RefreshSession"
    headers = own | {"cookie": "a=b; __Secure-plexus-refresh=refresh-1"}
    async with http.post(path, data=b"", headers=headers) as answer:
        body = contract.RefreshSessionResponse.FromString(await answer.read())
        made = cookies(answer)
    assert made["__Secure-plexus-refresh"][0] == "refresh-2"
    assert (body.tokens.access_token, body.tokens.refresh_token) == ("access", "")

    said = contract.RefreshSessionRequest(refresh_token="refresh-1").SerializeToString()
    async with http.post(path, data=said, headers=own) as answer:
        assert answer.status == 401
    assert running.directory.seen["refresh_token"] == ""


async def test_a_refresh_token_that_is_refused_is_forgotten(http, own):
    headers = own | {"cookie": "__Secure-plexus-refresh=spent"}
    path = f"/session/{SERVICE}/RefreshSession"
    async with http.post(path, data=b"", headers=headers) as answer:
        assert answer.status == 401
        value, attributes = cookies(answer)["__Secure-plexus-refresh"]
    assert value == ""
    assert "Max-Age=0" in attributes


async def test_signing_out_ends_the_session_and_forgets_the_token(http, own, running):
    headers = own | {"authorization": running.bearer()[0][1]}
    path = f"/session/{SERVICE}/SignOut"
    async with http.post(path, data=b"", headers=headers) as answer:
        assert answer.status == 200
        assert "Max-Age=0" in cookies(answer)["__Secure-plexus-refresh"][1]
    assert running.directory.seen == {"session": "ses_ann"}


async def test_a_failure_sets_no_cookie_and_keeps_the_one_that_is_there(http, own):
    down = contract.SignInRequest(handle="ann", password="down").SerializeToString()
    async with http.post(f"/session/{SERVICE}/SignIn", data=down, headers=own) as answer:
        assert answer.status == 503
        assert cookies(answer) == {}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        # A page that may call methods may not open sessions.
        ({"origin": "https://plexus.example.com"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin"}, 401),
        ({"sec-fetch-site": "same-origin", "content-type": "text/plain"}, 415),
        (
            {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"},
            415,
        ),
    ],
)
async def test_other_sites_cannot_use_the_cookie(http, headers, status):
    async with http.post(
        f"/session/{SERVICE}/RefreshSession", data=b"", headers=TYPE | headers
    ) as answer:
        assert answer.status == status
        assert "access-control-allow-origin" not in answer.headers


async def test_only_the_methods_of_sessions_are_there(http, own):
    for path in (
        f"/session/{SERVICE}/SetPassword",
        f"/session/{SERVICE}/ResolveApiToken",
        "/session/plexus.directory.v1.DirectoryService/GetPerson",
        "/session/",
    ):
        async with http.post(path, data=b"", headers=own) as answer:
            assert answer.status == 404
    async with http.get(f"/session/{SERVICE}/RefreshSession", headers=own) as answer:
        assert answer.status == 405


async def test_a_preflight_from_anywhere_is_refused(http):
    headers = {"origin": "https://plexus.example.com", "access-control-request-method": "POST"}
    async with http.options(f"/session/{SERVICE}/RefreshSession", headers=headers) as answer:
        assert answer.status == 405
        assert "access-control-allow-origin" not in answer.headers
