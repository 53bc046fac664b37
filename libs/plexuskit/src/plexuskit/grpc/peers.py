"""Signed channels to the services that a process's settings name."""

import ipaddress
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

import grpc

from plexuskit.clock import Clock
from plexuskit.config import CallerSection, Section, TlsSection
from plexuskit.grpc.caller import CallerSigner
from plexuskit.grpc.client import channel

_LOCALHOST: Final = "127.0.0.1"


class PeerSettings(Protocol):
    """Settings of a service that calls others."""

    @property
    def peers(self) -> Section:
        """Addresses by name of the service; see `target`."""
        ...

    @property
    def caller(self) -> CallerSection:
        """The service's own keys."""
        ...

    @property
    def tls(self) -> TlsSection | None:
        """The service's certificate; None speaks in plain text."""
        ...


@asynccontextmanager
async def peers(
    *names: str, settings: PeerSettings, service: str, clock: Clock
) -> AsyncIterator[Mapping[str, grpc.aio.Channel]]:
    """Open a channel to each of the named services; see `channel` for their calls.

    Args:
        names: fields of `settings.peers`; each is also the audience of the caller context.
        settings: of this service.
        service: name of this service.
        clock: decides when a signed context is renewed.

    Yields:
        The channels by name of the service; each connects at its first call.
    """
    signer = CallerSigner(settings.caller)
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                channel(
                    target(getattr(settings.peers, name)),
                    audience=name,
                    signer=signer,
                    service=service,
                    tls=settings.tls,
                    clock=clock,
                )
            )
            for name in names
        }


def target(addresses: str) -> str:
    """Return the target for gRPC; calls are spread over all addresses that answer.

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
