"""Types of an ASGI application."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


def value_of(headers: Headers, name: bytes) -> bytes:
    """Return the first value of a header by its lower-case name; empty for none."""
    return next((value for key, value in headers if key == name), b"")


def values_of(headers: Headers, name: bytes) -> list[str]:
    """Return every value of a header by its lower-case name, in their order."""
    return [value.decode("latin-1") for key, value in headers if key == name]


_NO_HEADERS: Final[Mapping[bytes, bytes]] = MappingProxyType({})


async def send_json(
    send: Send, status: int, body: bytes, headers: Mapping[bytes, bytes] = _NO_HEADERS
) -> None:
    """Send a whole answer in JSON."""
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    start = {"type": "http.response.start", "status": status, "headers": [*fixed, *headers.items()]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
