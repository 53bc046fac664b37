"""Malicious input: decompression bombs, deep nesting, floods of headers, slow clients (GW-6)."""

import asyncio
import gzip
import json
from typing import Any

import aiohttp
import grpc
import pytest
from gateway.config import HttpSection
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexuskit.config import MEBIBYTE
from plexuskit.grpc import refused
from prometheus_client import REGISTRY

PATH = "/plexus.directory.v1.DirectoryService/GetPerson"
REQUEST_SECONDS = 0.4
# A group that begins in a group that begins in a group …, as no parser may follow it.
TOWER = b"\x0b" * 50_000


@pytest.fixture
def http_section() -> HttpSection:
    return HttpSection(port=0, request_seconds=REQUEST_SECONDS, max_body_bytes=64 * 1024)


def headers(running: Any) -> dict[str, str]:
    return {"authorization": running.bearer()[0][1], "content-type": "application/json"}


async def sent(
    running: Any, request: bytes, *extra: tuple[str, str], compressed: bool = False
) -> Any:
    call = running.channel.unary_unary(PATH)
    algorithm = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
    metadata = (*running.bearer(), *extra)
    return await call(request, metadata=metadata, timeout=10, compression=algorithm)


async def error_of(call: Any) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def still_serves(running: Any) -> bool:
    stub: Any = DirectoryServiceStub(running.channel)
    await stub.GetPerson(GetPersonRequest(person_id="x"), metadata=running.bearer(), timeout=10)
    return True


async def test_gw_06_a_message_counts_as_large_as_it_is_when_decompressed(running: Any) -> None:
    bomb = bytes(64 * MEBIBYTE)
    assert len(gzip.compress(bomb)) < 100_000

    error = await error_of(sent(running, bomb, compressed=True))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in (error.details() or "")
    assert running.directory.seen == {}
    assert await still_serves(running)


async def test_gw_06_compressed_http_is_refused_before_it_is_opened(running: Any) -> None:
    body = gzip.compress(bytes(64 * MEBIBYTE))
    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(
            PATH, data=body, headers={**headers(running), "content-encoding": "gzip"}
        ) as response,
    ):
        assert response.status >= 400
    assert running.directory.seen == {}


async def test_gw_06_a_tower_of_groups_is_an_unreadable_request(running: Any) -> None:
    error = await error_of(sent(running, TOWER))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused(error).reason == "REQUEST_UNREADABLE"
    assert await still_serves(running)


@pytest.mark.parametrize(
    "body",
    [b'{"personId":' * 20_000, b'{"x":' + b"[" * 30_000, b"[" * 30_000, b'{"x":' * 3000 + b"1"],
    ids=["objects", "arrays", "bare arrays", "unfinished"],
)
async def test_gw_06_a_tower_of_brackets_is_unreadable_json(running: Any, body: bytes) -> None:
    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(PATH, data=body[: 60 * 1024], headers=headers(running)) as response,
    ):
        assert response.status == 400
        assert json.loads(await response.read())["code"] == "invalid_argument"
    assert await still_serves(running)


async def test_gw_06_headers_are_limited_in_number(running: Any) -> None:
    many = [(f"x-{number}", "1") for number in range(70)]

    error = await error_of(sent(running, b"", *many))
    assert (error.code(), refused(error).reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_HEADERS",
    )

    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(PATH, json={}, headers=headers(running) | dict(many)) as response,
    ):
        assert response.status == 431


async def test_gw_06_headers_are_limited_in_size(running: Any) -> None:
    error = await error_of(sent(running, b"", ("x-large", "x" * 40_000)))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    async with (
        aiohttp.ClientSession(running.http) as session,
        session.post(
            PATH, json={}, headers=headers(running) | {"x-large": "x" * 40_000}
        ) as response,
    ):
        assert response.status == 431
    assert running.directory.seen == {}
    assert await still_serves(running)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST / HTTP/1.1\r\nhost: x\r\nx-slow",
        b"POST " + PATH.encode() + b" HTTP/1.1\r\nhost: x\r\n"
        b"WHO\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nPOST / HT",
    ],
    ids=["nothing", "half a header", "half a body", "half a second request"],
)
async def test_gw_06_who_dawdles_over_a_request_loses_the_connection(
    running: Any, begun: bytes
) -> None:
    labels = {"limit": "slow_request", "method_class": "public"}
    before = REGISTRY.get_sample_value("plexus_gateway_limited_total", labels) or 0
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
    # The gateway waits for bodies of identified callers.
    who = f"authorization: {headers(running)['authorization']}".encode()
    writer.write(begun.replace(b"WHO", who))
    loop = asyncio.get_running_loop()
    started = loop.time()

    # Until the server hangs up: a drop of a header every now and then does not keep it open.
    answer = await asyncio.wait_for(reader.read(), 10)

    assert loop.time() - started >= REQUEST_SECONDS * 0.9
    assert answer.endswith(b"content-length: 0\r\n\r\n")
    assert b"HTTP/1.1 408 Request Timeout" in answer
    writer.close()
    assert (REGISTRY.get_sample_value("plexus_gateway_limited_total", labels) or 0) == before + 1
    assert await still_serves(running)


async def test_gw_06_an_answer_may_take_longer_than_a_request(running: Any) -> None:
    async with aiohttp.ClientSession(running.http) as session:
        waiting = asyncio.ensure_future(
            session.post(PATH, json={"personId": "slow"}, headers=headers(running))
        )
        await running.directory.begun.wait()
        loop = asyncio.get_running_loop()
        later = loop.create_future()
        loop.call_later(REQUEST_SECONDS * 2, later.set_result, None)
        await later
        running.directory.go_on.set()
        async with await waiting as response:
            assert response.status == 200
