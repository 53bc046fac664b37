"""The services to which requests are forwarded: one long-lived channel each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from plexuskit.config import TlsSection
from plexuskit.grpc import RawClient, open_channel, target
from plexuskit.grpc.caller import GATEWAY

Owners = Mapping[str, RawClient]


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
