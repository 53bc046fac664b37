"""The API reference over real sockets: caching, compression, policy, limits."""

import gzip
import json
from datetime import timedelta

import aiohttp
import pytest
from gateway.config import LimitsSection, RateSection
from gateway.connect.docs import PREFIX, Document

PAGE = f"{PREFIX}/plexus.tasks.v1.TasksService"
PLAIN = {"Accept-Encoding": "identity"}
LIMITED = LimitsSection(address=RateSection(per_second=0.01, burst=3))


@pytest.fixture
async def http():
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


async def test_the_first_page_leads_to_the_reference(running, http):
    async with http.get(f"{running.http}/") as response:
        assert response.status == 200
        assert 'href="/docs"' in await response.text()


@pytest.mark.parametrize("path", [PREFIX, PAGE, f"{PREFIX}/errors"])
async def test_a_page_is_html_that_may_load_nothing(running, http, reference_documents, path):
    async with http.get(f"{running.http}{path}", headers=PLAIN) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "public, max-age=300"
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert await response.read() == reference_documents[path].content
    style = "style-src 'sha256-"
    assert policy[0] == "default-src 'none'"
    assert sorted(each for each in policy[1:] if not each.startswith(style)) == [
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    assert len([each for each in policy if each.startswith(style)]) == 1


async def test_openapi_is_json(running, http):
    async with http.get(f"{running.http}{PREFIX}/openapi.json", headers=PLAIN) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        document = json.loads(await response.read())
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "https://plexus.example.com"}]


async def test_head_answers_the_headers_of_get_without_the_body(running, http):
    async with http.get(f"{running.http}{PAGE}", headers=PLAIN) as response:
        body, expected = await response.read(), response.headers
    async with http.head(f"{running.http}{PAGE}", headers=PLAIN) as response:
        assert response.status == 200
        assert await response.read() == b""
        for name in ("ETag", "Content-Length", "Content-Type", "Content-Security-Policy"):
            assert response.headers[name] == expected[name]
    assert int(expected["Content-Length"]) == len(body) > 10_000


async def test_a_page_that_a_client_has_is_not_sent_again(running, http):
    async with http.get(f"{running.http}{PAGE}", headers=PLAIN) as response:
        tag = response.headers["ETag"]
    assert tag.startswith('"')
    for known in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        headers = {**PLAIN, "If-None-Match": known}
        async with http.get(f"{running.http}{PAGE}", headers=headers) as response:
            assert response.status == 304
            assert await response.read() == b""
            assert response.headers["ETag"] == tag
            assert "Content-Length" not in response.headers
    async with http.get(
        f"{running.http}{PAGE}", headers={**PLAIN, "If-None-Match": '"another"'}
    ) as response:
        assert response.status == 200


async def test_a_page_is_compressed_for_clients_that_take_gzip(running, http):
    async with http.get(f"{running.http}{PAGE}", headers=PLAIN) as response:
        plain, tag = await response.read(), response.headers["ETag"]
        assert "Content-Encoding" not in response.headers
    accepting = {"Accept-Encoding": "br, gzip;q=0.5"}
    async with http.get(f"{running.http}{PAGE}", headers=accepting) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["ETag"] != tag
        compressed = await response.read()
    assert gzip.decompress(compressed) == plain
    assert len(compressed) < len(plain) / 3
    refusing = {"Accept-Encoding": "gzip;q=0, *"}
    async with http.get(f"{running.http}{PAGE}", headers=refusing) as response:
        assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/unknown",
        f"{PREFIX}/plexus.authz.v1.Authority",
        f"{PREFIX}/../docs/x",
        f"{PREFIX}x",
        f"{PREFIX}/templates/style.css",
    ],
)
async def test_what_is_no_page_is_not_found(running, http, path):
    async with http.get(f"{running.http}{path}") as response:
        assert response.status == 404
        assert response.headers["Content-Security-Policy"] == "default-src 'none'"


async def test_the_address_with_a_slash_leads_to_the_one_without(running, http):
    async with http.get(f"{running.http}{PREFIX}/", allow_redirects=False) as response:
        assert response.status == 308
        assert response.headers["Location"] == PREFIX


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_a_page_takes_get_and_head_alone(running, http, method):
    async with http.request(method, f"{running.http}{PAGE}") as response:
        assert response.status == 405
    async with http.post(f"{running.http}{PAGE}", json={}) as response:
        assert response.status == 404


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize("limits_section", [LIMITED], ids=["limited"])
async def test_gw_13_a_network_that_reads_too_much_waits(running, http):
    for _ in range(3):
        async with http.get(f"{running.http}{PAGE}") as response:
            assert response.status == 200
    async with http.get(f"{running.http}{PAGE}") as response:
        assert response.status == 429
        wait = timedelta(seconds=int(response.headers["Retry-After"]))
    assert timedelta(seconds=90) < wait <= timedelta(seconds=100)
    async with http.get(f"{running.http}/healthz") as response:
        assert response.status == 200


def test_a_document_keeps_its_bytes():
    document = Document.of(b"text", content_type=b"text/html", policy=b"")
    assert gzip.decompress(document.compressed) == document.content == b"text"
    assert document == Document.of(b"text", content_type=b"text/html", policy=b"")
    assert document.digest != Document.of(b"other", content_type=b"", policy=b"").digest
