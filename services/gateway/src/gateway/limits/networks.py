"""Network of a call, also behind proxies, by which unknown callers are counted."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias
from urllib.parse import unquote

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR: Final = "x-forwarded-for"


class Networks:
    """Resolves callers' networks; believes only the configured proxies."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        """Set the networks of trusted proxies."""
        self._trusted = tuple(trusted)

    def __bool__(self) -> bool:
        """Return whether there are any trusted proxies."""
        return bool(self._trusted)

    def of(self, peer: str, forwarded: Sequence[str] = ()) -> str:
        """Return the network that counts as the caller's own: an IPv4 address, or the /64 of IPv6.

        Every proxy appends the address of its client to `X-Forwarded-For`, and clients may have
        begun it with anything: it is read from its end, as long as each entry comes from a trusted
        proxy.

        Args:
            peer: the connected address, as gRPC or HTTP format it, with its port; any other text is
                returned unchanged.
            forwarded: the call's `X-Forwarded-For` headers, in their order.
        """
        here = _of_peer(peer)
        if here is None:
            return peer
        for said in _from_the_end(forwarded):
            there = _address(said)
            if there is None or not self._trusts(here):
                break
            here = there
        bits = 32 if here.version == 4 else 64  # noqa: PLR2004 - IPv4
        return str(ipaddress.ip_network((here, bits), strict=False))

    def include(self, network: str) -> bool:
        """Return whether a network that `of` returned is one of these, or in one of them."""
        address = _plain(network.partition("/")[0])
        return address is not None and self._trusts(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _from_the_end(forwarded: Sequence[str]) -> Iterator[str]:
    for header in reversed(forwarded):
        for said in reversed(header.split(",")):
            yield said.strip()


def _of_peer(peer: str) -> Address | None:
    named = unquote(peer.removeprefix("ipv4:").removeprefix("ipv6:"))
    return _plain(named.rpartition(":")[0].strip("[]"))


def _address(said: str) -> Address | None:
    """Read an address as proxies write it: with a port or without, IPv6 in brackets or not."""
    return _plain(said.strip("[]")) or _plain(said.rpartition(":")[0].strip("[]"))


def _plain(host: str) -> Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # A port for both families sees IPv4 clients as ::ffff:192.0.2.7, all of them in one /64.
    return getattr(address, "ipv4_mapped", None) or address
