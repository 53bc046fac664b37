"""OpenSearch behind TLS: known by its authority, or not spoken to."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web
from opensearchpy.exceptions import ConnectionError as NotConnected
from plexus_local.certificates import CertificateAuthority
from search.config import OpensearchSection
from search.store.client import connect


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Make an authority and a certificate for the server; give the authority's file."""
    ca = CertificateAuthority()
    pair = ca.issue_public("127.0.0.1")
    for name, content in (("tls.crt", pair.cert), ("tls.key", pair.key), ("ca.crt", ca.pem)):
        (tmp_path / name).write_bytes(content)
    return tmp_path / "ca.crt"


@pytest.fixture
async def urls(authority: Path) -> AsyncIterator[dict[str, str]]:
    """Answer every request with an empty object, in plain text and over TLS."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.with_name("tls.crt"), authority.with_name("tls.key"))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        found = {}
        for scheme, secured in (("http", None), ("https", context)):
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secured)
            await site.start()
            port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
            found[scheme] = f"{scheme}://127.0.0.1:{port}"
        yield found


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_of_the_authority_is_spoken_to(
    urls: dict[str, str], authority: Path, scheme: str
) -> None:
    ca_file = authority if scheme == "https" else None
    async with connect(OpensearchSection(url=urls[scheme], ca_file=ca_file)) as client:
        assert await client.info() == {}


async def test_a_server_that_nobody_vouches_for_is_not(
    urls: dict[str, str], tmp_path: Path
) -> None:
    another = tmp_path / "another.crt"
    another.write_bytes(CertificateAuthority("Another CA").pem)
    for ca_file in (None, another):
        async with connect(OpensearchSection(url=urls["https"], ca_file=ca_file)) as client:
            with pytest.raises(NotConnected):
                await client.info()
