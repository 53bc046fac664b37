"""HTTP to addresses that an administrator named: bounded in time and size, to public hosts only."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import (
    AddrInfoType,
    BasicAuth,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import ResolveResult

from directory.config import OpenIdSection
from directory.sign_in.domain.refusals import ProviderUnavailable

_MAX_CONNECTIONS: Final = 20
_HTTP_OK: Final = 200
_SERVER_ERRORS: Final = 500
_TRANSLATED: Final = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of one's own network
        "2002::/16",  # 6to4
        "2001::/32",  # Teredo
        "::/96",  # IPv4-compatible
        "::ffff:0:0:0/96",  # IPv4-translated
        "fec0::/10",  # site-local, which `is_global` takes for public
    )
)


class AddressNotAllowed(ClientError):  # noqa: N818 - names the fact, like a refusal
    """The name of a provider resolves to a network that must not be reached through it."""


class Unexpected(Exception):  # noqa: N818 - names the fact, like a refusal
    """The other side answered with another status than 200, below 500."""


class Fetcher:
    """Gets and posts; follows no redirect, uses no proxy of the environment, keeps no cookie."""

    def __init__(self, session: ClientSession, *, section: OpenIdSection) -> None:
        self._session = session
        self._seconds = section.timeout_seconds
        self._maximum = section.max_bytes

    async def get(self, url: str) -> bytes:
        """Get a document.

        Raises:
            ProviderUnavailable: no answer in time, or the other side failed.
            Unexpected: it answered with something else than 200.
        """
        return await self._send("GET", url)

    async def post(
        self, url: str, form: Mapping[str, str], *, auth: tuple[str, str] | None
    ) -> bytes:
        """Post a form; raises as `get` does."""
        return await self._send("POST", url, form=form, auth=BasicAuth(*auth) if auth else None)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        auth: BasicAuth | None = None,
    ) -> bytes:
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._session.request(
                    method, url, data=form, auth=auth, allow_redirects=False
                ) as response,
            ):
                return await self._read(response)
        except (ClientError, TimeoutError) as error:
            # Neither text nor cause: an address may contain values for the provider only.
            raise ProviderUnavailable(cause=type(error).__name__) from None

    async def _read(self, response: ClientResponse) -> bytes:
        if response.status >= _SERVER_ERRORS:
            raise ProviderUnavailable(cause=f"status {response.status}")
        if response.status != _HTTP_OK:
            raise Unexpected(str(response.status))
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) > self._maximum:
                raise ProviderUnavailable(cause="too large")
        return bytes(body)


@asynccontextmanager
async def fetcher(section: OpenIdSection) -> AsyncIterator[Fetcher]:
    """Open the HTTP client for all providers."""
    guard = _Guard(private_addresses=section.private_addresses)
    async with ClientSession(
        connector=TCPConnector(
            limit=_MAX_CONNECTIONS,
            resolver=guard,
            use_dns_cache=False,
            socket_factory=guard.open_socket,
        ),
        # Not decompressed: a small answer may not become a large one here.
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
        headers={"accept": "application/json", "accept-encoding": "identity"},
        # The fetcher's own deadline covers a whole request.
        timeout=ClientTimeout(total=None, sock_connect=None),
        trust_env=False,
    ) as session:
        yield Fetcher(session, section=section)


class _Guard(ThreadedResolver):
    """Looks at every address of a name, and again at the very one that is connected to."""

    def __init__(self, *, private_addresses: bool) -> None:
        super().__init__()
        self._private_addresses = private_addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve a name; raises AddressNotAllowed if one of its addresses is private."""
        found = await super().resolve(host, port, family)
        for each in found:
            self._check(each["host"])
        return found

    def open_socket(self, address: AddrInfoType) -> socket.socket:
        """Open the socket for an address; one that a URL states itself is not resolved before."""
        family, kind, protocol, _, place = address
        self._check(str(place[0]))
        return socket.socket(family, kind, protocol)

    def _check(self, address: str) -> None:
        if not (self._private_addresses or is_public(address)):
            raise AddressNotAllowed("a private address")


def is_public(address: str) -> bool:
    """Return whether an address is on the public internet, directly and without a translator.

    Networks that carry an IPv4 address inside an IPv6 one (NAT64, 6to4, Teredo, IPv4-compatible)
    are refused as a whole, whatever they embed: a translator of this network would deliver there,
    past the check. The mapped form is the same address as the IPv4 one, and decided as that.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _TRANSLATED):
            return False
    return parsed.is_global and not parsed.is_multicast
