"""Requests to OpenID providers: public hosts only, bounded in time and size, whole at once."""

import asyncio
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from directory.config import OpenIdSection
from directory.sign_in.domain.refusals import ProviderUnavailable
from directory.sign_in.operations.openid.fetching import Fetcher, Unexpected, fetcher

LIMIT = 4096

# In a process of its own: here others have imported everything already.
SCRIPT = """
import asyncio, sys
from directory.config import OpenIdSection
from directory.sign_in.domain.refusals import ProviderUnavailable
from directory.sign_in.operations.openid.fetching import fetcher

async def main():
    async with fetcher(OpenIdSection(private_addresses=True, timeout_seconds=5)) as opened:
        before = set(sys.modules)
        try:
            await opened.get("https://127.0.0.1:9/.well-known/openid-configuration")
        except ProviderUnavailable:
            print("refused", *sorted(set(sys.modules) - before))

asyncio.run(main())
"""


@pytest.mark.rule("GW-13")
def test_the_first_question_to_a_provider_imports_nothing() -> None:
    ran = subprocess.run(  # noqa: S603 - own text
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )

    outcome, *imported = ran.stdout.split()
    assert outcome == "refused"
    libraries = {
        name for name in imported if name.partition(".")[0] in {"aiohappyeyeballs", "aiohttp"}
    }
    assert not libraries


@asynccontextmanager
async def provider() -> AsyncIterator[str]:
    """Serve possible answers of a provider; yield its address."""

    async def moved(_: web.Request) -> web.Response:
        raise web.HTTPFound("/document")

    async def document(request: web.Request) -> web.Response:
        return web.json_response({"cookie": request.headers.get("cookie", "")})

    async def cookie(_: web.Request) -> web.Response:
        answer = web.Response(text="{}")
        answer.set_cookie("seen", "1")
        return answer

    async def large(request: web.Request) -> web.Response:
        return web.Response(body=b"x" * int(request.query["bytes"]))

    async def packed(_: web.Request) -> web.Response:
        return web.Response(
            body=zlib.compress(b"x" * LIMIT * 100), headers={"content-encoding": "deflate"}
        )

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(b"x")
            await asyncio.sleep(0.05)

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=503)

    app = web.Application()
    for handler in (moved, document, cookie, large, packed, drip, broken):
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with provider() as address:
        yield address


@pytest.fixture
async def opened() -> AsyncIterator[Fetcher]:
    section = OpenIdSection(private_addresses=True, timeout_seconds=1, max_bytes=LIMIT)
    async with fetcher(section) as fetching:
        yield fetching


@pytest.mark.rule("GW-1")
async def test_a_redirect_is_not_followed(opened: Fetcher, url: str) -> None:
    with pytest.raises(Unexpected, match="302"):
        await opened.get(f"{url}/moved")


@pytest.mark.rule("GW-1")
async def test_an_answer_above_the_limit_is_refused(opened: Fetcher, url: str) -> None:
    assert len(await opened.get(f"{url}/large?bytes={LIMIT}")) == LIMIT
    with pytest.raises(ProviderUnavailable) as refused:
        await opened.get(f"{url}/large?bytes={LIMIT + 1}")
    assert refused.value.metadata["cause"] == "too large"


async def test_a_compressed_answer_is_not_expanded(opened: Fetcher, url: str) -> None:
    assert len(await opened.get(f"{url}/packed")) < LIMIT


@pytest.mark.alone
@pytest.mark.rule("GW-1")
async def test_an_answer_that_does_not_end_is_refused_in_time(opened: Fetcher, url: str) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable) as refused:
        await opened.get(f"{url}/drip")
    assert refused.value.metadata["cause"] == "TimeoutError"
    assert time.monotonic() - began < 5


async def test_a_failure_of_the_other_side_is_named_by_its_status(
    opened: Fetcher, url: str
) -> None:
    with pytest.raises(ProviderUnavailable) as refused:
        await opened.get(f"{url}/broken")
    assert refused.value.metadata["cause"] == "status 503"


async def test_no_cookie_comes_back(opened: Fetcher, url: str) -> None:
    named = url.replace("127.0.0.1", "localhost")
    await opened.get(f"{named}/cookie")
    assert await opened.get(f"{named}/document") == b'{"cookie": ""}'


@pytest.mark.rule("GW-1")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
async def test_a_private_address_is_refused_by_name_and_by_number(url: str, host: str) -> None:
    async with fetcher(OpenIdSection(timeout_seconds=5)) as guarded:
        with pytest.raises(ProviderUnavailable) as refused:
            await guarded.get(url.replace("127.0.0.1", host) + "/document")
    # aiohttp takes a whole number for no host at all.
    assert refused.value.metadata["cause"] in {"AddressNotAllowed", "InvalidUrlClientError"}
