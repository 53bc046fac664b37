"""Where a call comes from, also behind proxies: what strangers are counted by."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias
from urllib.parse import unquote

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDED_FOR: Final = "x-forwarded-for"


class Networks:
    """Tells callers' networks, and believes only those proxies that it was told of."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        """Take the networks of the proxies whose word about their clients is good."""
        self._trusted = tuple(trusted)

    def __bool__(self) -> bool:
        """Tell whether there are any proxies to believe."""
        return bool(self._trusted)

    def of(self, peer: str, forwarded: Sequence[str] = ()) -> str:
        """Return the network that a caller has for itself: an IPv4 address, or the /64 of IPv6.

        Every proxy adds whom it was called by at the end of `X-Forwarded-For`, and clients may
        have begun it with anything: it is read from its end, as long as who says so is trusted.

        Args:
            peer: who has connected, as gRPC or HTTP name it, with its port; what is no address is
                returned as it is.
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
        """Tell whether a network that `of` returned is one of these, or in one of them."""
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
