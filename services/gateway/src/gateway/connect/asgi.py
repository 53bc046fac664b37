"""What an ASGI application is made of."""

from collections.abc import Awaitable, Callable
from typing import Any

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
