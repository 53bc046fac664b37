"""The web client's files over HTTP: encodings, caching, policy, and nothing outside the build."""

import asyncio
import gzip
from urllib.parse import urlsplit

import aiohttp
import pytest
from gateway.web import ClientMissing, Files
from plexus_testkit.wait import eventually

SCRIPT = b"console.log('plexus')" * 100


@pytest.fixture
def web_folder(tmp_path):
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Plexus</title>")
    (folder / "assets/main-AbC12_-x.js").write_bytes(SCRIPT)
    (folder / "assets/main-AbC12_-x.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets/main-AbC12_-x.js.br").write_bytes(b"as if compressed")
    (folder / ".digest").write_text("0")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.fixture
async def http(running):
    async with aiohttp.ClientSession(running.http, auto_decompress=False) as session:
        yield session


async def test_the_page_is_checked_each_time_and_files_with_hashes_never_again(http):
    async with http.get("/") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert answer.headers["cache-control"] == "no-cache"
        etag = answer.headers["etag"]
    async with http.get("/", headers={"if-none-match": etag}) as answer:
        assert answer.status == 304
    async with http.get("/assets/main-AbC12_-x.js") as answer:
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
async def test_the_smallest_body_that_the_browser_takes_is_sent(http, accepted, encoding):
    path = "/assets/main-AbC12_-x.js"
    async with http.get(path, headers={"accept-encoding": accepted}) as answer:
        body = await answer.read()
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["vary"] == "Accept-Encoding"
        assert int(answer.headers["content-length"]) == len(body)
    if encoding is None:
        assert body == SCRIPT
    if encoding == "gzip":
        assert gzip.decompress(body) == SCRIPT
    async with http.head(path, headers={"accept-encoding": accepted}) as answer:
        assert answer.status == 200
        assert await answer.read() == b""


async def test_every_answer_has_the_strict_policy(http):
    for path in ("/", "/assets/main-AbC12_-x.js", "/missing.js"):
        async with http.get(path) as answer:
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "require-trusted-types-for 'script'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_clients_own_addresses_are_answered_with_the_page(http):
    html = {"accept": "text/html,*/*"}
    async with http.get("/c/con_1?at=7", headers=html) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
    for path, headers in (("/c/con_1", {"accept": "*/*"}), ("/assets/old-AbC12_-y.js", html)):
        async with http.get(path, headers=headers) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/%2e%2e%2f%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/link.txt",
        "/.digest",
        "/assets/main-AbC12_-x.js.gz",
        "/assets",
    ],
)
async def test_gw_13_nothing_but_the_build_is_served(running, path):
    # By hand: clients tidy paths before they send them.
    where = urlsplit(running.http)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"secret" not in answer.split(b"\r\n\r\n")[1]


async def test_a_new_build_is_served_without_a_restart(http, web_folder):
    fresh = web_folder / "fresh.html"
    fresh.write_text("<!doctype html><title>New</title>")
    fresh.replace(web_folder / "index.html")

    async def is_new():
        async with http.get("/") as answer:
            return b"New" in await answer.read()

    await eventually(is_new)


def test_a_folder_without_a_build_is_refused(tmp_path):
    with pytest.raises(ClientMissing, match="make web"):
        Files(tmp_path)


async def test_methods_are_still_served_beside_the_pages(http, running):
    headers = {"authorization": running.bearer()[0][1], "content-type": "application/json"}
    path = "/plexus.directory.v1.DirectoryService/GetPerson"
    async with http.post(path, data='{"personId":"per_bob"}', headers=headers) as answer:
        assert answer.status == 200
    async with http.get("/healthz") as answer:
        assert await answer.read() == b"ok\n"
