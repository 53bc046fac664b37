"""The Connect protocol on real sockets, with its own client and byte by byte."""

import asyncio
import base64
import json
from typing import Any

import aiohttp
import pytest
from connectrpc.client import ConnectClient
from connectrpc.code import Code
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from google.rpc.error_details_pb2 import ErrorInfo
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest, GetPersonResponse
from plexus_testkit.wait import eventually

PATH = "/plexus.directory.v1.DirectoryService/GetPerson"
ORIGIN = "https://plexus.example.com"
GET_PERSON = MethodInfo(
    name="GetPerson",
    service_name="plexus.directory.v1.DirectoryService",
    input=GetPersonRequest,
    output=GetPersonResponse,
    idempotency_level=IdempotencyLevel.UNKNOWN,
    stream_type=StreamType.UNARY,
)


@pytest.fixture
async def http(running):
    async with aiohttp.ClientSession(running.http) as session:
        yield session


@pytest.fixture
def headers(running):
    return {"authorization": running.bearer()[0][1], "content-type": "application/json"}


def reason(body: dict[str, Any]) -> str:
    (detail,) = [each for each in body["details"] if each["type"] == "google.rpc.ErrorInfo"]
    return ErrorInfo.FromString(base64.b64decode(detail["value"] + "===")).reason


@pytest.mark.parametrize("codec", [google_protobuf_binary_codec, google_protobuf_json_codec])
async def test_the_protocols_own_client_is_served(running, codec):
    async with ConnectClient(running.http, codec=codec(), send_compression=None) as client:
        response = await client.execute_unary(
            request=GetPersonRequest(person_id="per_bob"),
            method=GET_PERSON,
            headers={"authorization": running.bearer()[0][1]},
            timeout_ms=3000,
        )
        assert response.person.id == "per_bob"
        assert running.directory.seen["person"] == "per_ann"
        assert 2 < running.directory.seen["left"] <= 3

        with pytest.raises(ConnectError) as error:
            await client.execute_unary(
                request=GetPersonRequest(person_id="absent"),
                method=GET_PERSON,
                headers={"authorization": running.bearer()[0][1]},
            )
        assert error.value.code is Code.NOT_FOUND
        assert error.value.message == "No person is called absent."
        assert [detail.type_name for detail in error.value.details] == [
            "google.rpc.ErrorInfo",
            "google.rpc.RetryInfo",
        ]


async def test_json_in_and_out(http, headers):
    async with http.post(PATH, data='{"personId":"per_bob"}', headers=headers) as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        body = await answer.json()
    assert body == {"person": {"id": "per_bob", "displayName": "安"}}


async def test_gw_01_without_a_token_401_with_its_reason(http, running):
    async with http.post(PATH, data="{}", headers={"content-type": "application/json"}) as answer:
        assert answer.status == 401
        body = await answer.json()
    assert (body["code"], reason(body)) == ("unauthenticated", "TOKEN_MISSING")
    assert running.directory.seen == {}


@pytest.mark.parametrize(
    ("what", "status", "code", "named"),
    [
        ("absent", 404, "not_found", "PERSON_NOT_FOUND"),
        ("invalid", 400, "invalid_argument", "INVALID_ARGUMENT"),
        ("down", 503, "unavailable", "DEPENDENCY_DOWN"),
        ("broken", 500, "internal", "INTERNAL"),
    ],
)
async def test_gw_06_errors_follow_the_protocols_table(http, headers, what, status, code, named):
    async with http.post(PATH, data=json.dumps({"personId": what}), headers=headers) as answer:
        assert answer.status == status
        text = await answer.text()
    body = json.loads(text)
    assert (body["code"], reason(body)) == (code, named)
    assert "hunter2" not in text


@pytest.mark.parametrize("body", ["", "{x", "[]", '{"personId":7}', '"' * 3, "[" * 5000])
async def test_a_body_that_is_not_the_messages_json_is_refused(http, headers, body):
    async with http.post(PATH, data=body, headers=headers) as answer:
        assert answer.status == 400
        assert reason(await answer.json()) == "JSON_UNREADABLE"


async def test_gw_02_internal_and_unknown_methods_are_both_not_found(http, headers):
    answers = set()
    for path in (
        "/plexus.directory.v1.SessionService/GetSigningKeys",
        "/plexus.authz.v1.Authority/Recheck",
        "/plexus.directory.v1.SessionService/Nothing",
    ):
        async with http.post(path, data="{}", headers=headers) as answer:
            answers.add((answer.status, await answer.text()))
    ((status, text),) = answers
    assert (status, reason(json.loads(text))) == (404, "UNIMPLEMENTED")


async def test_msg_18_a_body_over_the_limit_is_refused(http, headers):
    async with http.post(PATH, data="x" * 70_000, headers=headers) as answer:
        assert answer.status == 429
        assert (await answer.json())["code"] == "resource_exhausted"


async def test_compression_is_refused_politely(http, headers):
    compressed = headers | {"content-encoding": "gzip"}
    async with http.post(PATH, data=b"\x1f\x8b", headers=compressed) as answer:
        assert answer.status == 501
        assert (await answer.json())["code"] == "unimplemented"


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/grpc", ""])
async def test_other_content_types_are_not_served(http, headers, content_type):
    other = headers | {"content-type": content_type}
    async with http.post(PATH, data=b"{}", headers=other) as answer:
        assert answer.status == 415


async def test_gw_06_the_timeout_of_the_protocol_ends_the_owners_work(http, headers, running):
    bounded = headers | {"connect-timeout-ms": "300"}
    async with http.post(PATH, data='{"personId":"slow"}', headers=bounded) as answer:
        assert answer.status == 504
        assert (await answer.json())["code"] == "deadline_exceeded"
    async with asyncio.timeout(60):
        await running.directory.cancelled.wait()


async def test_gw_06_a_browser_that_leaves_ends_the_owners_work(http, headers, running):
    post = asyncio.create_task(http.post(PATH, data='{"personId":"slow"}', headers=headers))
    await running.directory.begun.wait()
    post.cancel()
    async with asyncio.timeout(60):
        await running.directory.cancelled.wait()


async def test_pages_of_a_configured_origin_may_call(http, headers):
    async with http.options(PATH, headers={"origin": ORIGIN}) as answer:
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in answer.headers
    async with http.post(
        PATH, data='{"personId":"p"}', headers=headers | {"origin": ORIGIN}
    ) as answer:
        assert answer.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil", "http://x"])
async def test_pages_of_other_origins_may_not(http, headers, origin):
    async with http.options(PATH, headers={"origin": origin}) as answer:
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
    async with http.post(PATH, data="{}", headers=headers | {"origin": origin}) as answer:
        assert "access-control-allow-origin" not in answer.headers


async def test_the_page_says_what_this_is_in_both_languages(http):
    async with http.get("/") as answer:
        page = await answer.text()
    assert answer.status == 200
    assert "网关" in page
    assert "gateway" in page


async def test_health_is_503_while_the_process_stops(http, running):
    async with http.get("/healthz") as answer:
        assert answer.status == 200
    running.server_runtime.stopping.set()
    async with http.get("/healthz") as answer:
        assert answer.status == 503


@pytest.mark.parametrize(("verb", "status"), [("GET", 405), ("PUT", 405), ("DELETE", 405)])
async def test_methods_are_called_with_post_only(http, verb, status):
    async with http.request(verb, PATH) as answer:
        assert answer.status == status


async def test_a_drain_finishes_what_runs(http, headers, running):
    bounded = headers | {"connect-timeout-ms": "500"}
    post = asyncio.create_task(http.post(PATH, data='{"personId":"slow"}', headers=bounded))
    await running.directory.begun.wait()
    drain = asyncio.create_task(running.server_runtime.drain(share=lambda: 5.0))
    answer = await post
    assert answer.status == 504
    await answer.read()
    await drain

    async def gone() -> bool:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("/healthz")
        return True

    await eventually(gone)
