"""HTTP to addresses that an administrator named: bounded in time and size, to public hosts only."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpcore
import httpx

from directory.config import OpenIdSection
from directory.sign_in.domain.refusals import ProviderUnavailable

_CONNECTIONS: Final = httpx.Limits(max_connections=20, max_keepalive_connections=5)
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


class AddressNotAllowed(httpcore.ConnectError):
    """The name of a provider leads into a network that must not be reached through it."""


class Unexpected(Exception):  # noqa: N818 - names the fact, like a refusal
    """The other side answered with another status than 200, below 500."""


class Fetcher:
    """Gets and posts; follows no redirect, uses no proxy of the environment."""

    def __init__(self, client: httpx.AsyncClient, *, section: OpenIdSection) -> None:
        self._client = client
        self._seconds = section.timeout_seconds
        self._maximum = section.max_bytes

    async def get(self, url: str) -> bytes:
        """Get a document.

        Raises:
            ProviderUnavailable: no answer in time, or the other side failed.
            Unexpected: it answered with something else than 200.
        """
        return await self._send(self._client.build_request("GET", url))

    async def post(
        self, url: str, form: Mapping[str, str], *, auth: tuple[str, str] | None
    ) -> bytes:
        """Post a form; raises as `get` does."""
        request = self._client.build_request("POST", url, data=dict(form))
        return await self._send(request, auth=httpx.BasicAuth(*auth) if auth else None)

    async def _send(self, request: httpx.Request, *, auth: httpx.Auth | None = None) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._client.send(request, stream=True, auth=auth)
                try:
                    return await self._read(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpcore.ConnectError, TimeoutError) as error:
            # Neither text nor cause: an address may carry what was meant for the provider alone.
            raise ProviderUnavailable(cause=type(error).__name__) from None

    async def _read(self, response: httpx.Response) -> bytes:
        if response.status_code >= _SERVER_ERRORS:
            raise ProviderUnavailable(cause=f"status {response.status_code}")
        if response.status_code != _HTTP_OK:
            raise Unexpected(str(response.status_code))
        body = bytearray()
        # Not decompressed: a small answer may not become a large one here.
        async for part in response.aiter_raw():
            body += part
            if len(body) > self._maximum:
                raise ProviderUnavailable(cause="too large")
        return bytes(body)


@asynccontextmanager
async def fetcher(section: OpenIdSection) -> AsyncIterator[Fetcher]:
    """Open the client that all providers are asked with."""
    # The first use of the backend imports 0.1 s of code, which no request may wait for (GW-13).
    await httpcore.AnyIOBackend().sleep(0)
    transport = _GuardedTransport(private_addresses=section.private_addresses)
    async with httpx.AsyncClient(
        transport=transport,
        timeout=section.timeout_seconds,
        follow_redirects=False,
        trust_env=False,
        headers={"accept": "application/json", "accept-encoding": "identity"},
    ) as client:
        yield Fetcher(client, section=section)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """Connects to addresses that were looked at, never to a name that may change meanwhile."""

    def __init__(self, *, private_addresses: bool) -> None:
        super().__init__(limits=_CONNECTIONS, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=_CONNECTIONS.max_connections,
            max_keepalive_connections=_CONNECTIONS.max_keepalive_connections,
            keepalive_expiry=_CONNECTIONS.keepalive_expiry,
            network_backend=_GuardedNetwork(private_addresses=private_addresses),
        )


class _GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name, looks at the address, and connects to that very address."""

    def __init__(self, *, private_addresses: bool) -> None:
        self._private_addresses = private_addresses
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's name
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of a host, if that may be reached."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            raise httpcore.ConnectError("the name cannot be resolved") from None
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not all(map(self._allowed, addresses)):
            raise AddressNotAllowed("a private address")
        return await self._backend.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        await asyncio.sleep(seconds)

    def _allowed(self, address: str) -> bool:
        if self._private_addresses:
            return True
        return is_public(address)


def is_public(address: str) -> bool:
    """Tell whether an address is of the public internet, by itself and without a translator.

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
