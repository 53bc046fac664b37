"""The addresses behind a setting: `host:port[,host:port]`, where a host may have several."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence


def parse(setting: str) -> list[tuple[str, int]]:
    """Read the setting.

    Raises:
        ValueError: an entry is no `host:port`.
    """
    return [_host_and_port(entry.strip()) for entry in setting.split(",") if entry.strip()]


async def resolve(targets: Sequence[tuple[str, int]]) -> frozenset[str]:
    """Look up every host; return `address:port` of each address.

    Raises:
        OSError: a name is unknown, or no resolver can be reached.
    """
    found: set[str] = set()
    for host, port in targets:
        found.update(_joined(address, port) for address in await _addresses(host, port))
    return frozenset(found)


async def _addresses(host: str, port: int) -> Sequence[str]:
    if _is_address(host):
        return [host]
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    of_family = {
        family: [str(answer[4][0]) for answer in answers if answer[0] == family]
        for family in (socket.AF_INET, socket.AF_INET6)
    }
    # A name with both has each process twice.
    return of_family[socket.AF_INET] or of_family[socket.AF_INET6]


def _host_and_port(entry: str) -> tuple[str, int]:
    host, separator, port = entry.rpartition(":")
    if not separator or not host or not port.isdecimal():
        raise ValueError(f"{entry!r} is no host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
