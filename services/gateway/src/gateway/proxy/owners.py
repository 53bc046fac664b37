"""The services that requests go on to: one long-lived channel each."""

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from plexuskit.config import TlsSection
from plexuskit.grpc import RawClient, open_channel
from plexuskit.grpc.caller import GATEWAY

Owners = Mapping[str, RawClient]

_LOCALHOST: Final = "127.0.0.1"


@asynccontextmanager
async def owners(
    peers: Mapping[str, str], *, max_message_bytes: int, tls: TlsSection | None = None
) -> AsyncIterator[Owners]:
    """Open the channels; each connects at its first call and again whenever it has to.

    Args:
        peers: addresses by name of the service; see `target`.
        max_message_bytes: largest message either way.
        tls: the gateway's certificate; None speaks in plain text.

    Yields:
        A client for each service.
    """
    async with AsyncExitStack() as stack:
        clients = {}
        for name, addresses in peers.items():
            channel = open_channel(
                target(addresses),
                tls=tls,
                service=GATEWAY,
                audience=name,
                max_message_bytes=max_message_bytes,
            )
            clients[name] = RawClient(await stack.enter_async_context(channel))
        yield clients


def target(addresses: str) -> str:
    """Return what gRPC connects to; calls are spread over all addresses that answer.

    Args:
        addresses: `host:port`, whose host may be a DNS name of several addresses, or a list of
            `ip:port` with commas.

    Raises ValueError for a list with names: gRPC resolves only single ones.
    """
    listed = [address.strip() for address in addresses.split(",") if address.strip()]
    if len(listed) <= 1:
        return addresses.strip(" ,")
    literal = []
    for address in listed:
        host, _, port = address.rpartition(":")
        host = _LOCALHOST if host == "localhost" else host.strip("[]")
        try:
            version = ipaddress.ip_address(host).version
        except ValueError:
            raise ValueError(
                f"{addresses}: a list holds IP addresses with ports; for replicas behind a name,"
                " give the one name"
            ) from None
        literal.append((version, f"[{host}]:{port}" if version == 6 else f"{host}:{port}"))  # noqa: PLR2004 - IPv6
    versions = {version for version, _ in literal}
    if len(versions) > 1:
        raise ValueError(f"{addresses}: a list holds IPv4 or IPv6 addresses, not both")
    return f"ipv{versions.pop()}:{','.join(address for _, address in literal)}"
