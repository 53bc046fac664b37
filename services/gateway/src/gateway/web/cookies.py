"""The two cookies of a browser: its refresh token, and the key that names the device."""

from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Final

from gateway.connect.asgi import Headers

PATH: Final = "/session"
REFRESH: Final = "__Secure-plexus-refresh"
DEVICE: Final = "__Secure-plexus-device"
DEVICE_SECONDS: Final = 365 * 24 * 3600
MAX_VALUE_CHARS: Final = 1024


def read(headers: Headers, name: str) -> str:
    """Return the value of a cookie; empty without one, with several, or if it is malformed."""
    found = set()
    for key, value in headers:
        if key == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            if name in cookies:
                found.add(cookies[name].value)
    value_ = found.pop() if len(found) == 1 else ""
    return value_ if len(value_) <= MAX_VALUE_CHARS else ""


def kept(name: str, value: str, *, seconds: int) -> tuple[bytes, bytes]:
    """Return the header that keeps a cookie for so many seconds."""
    return b"set-cookie", (
        f"{name}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict"
    ).encode("latin-1")


def removed(name: str) -> tuple[bytes, bytes]:
    """Return the header that removes a cookie."""
    return kept(name, "", seconds=0)


def seconds_until(expires_at: datetime, *, now: datetime) -> int:
    """Return the whole seconds that a cookie may live, at least 0."""
    return max(0, int((expires_at - now).total_seconds()))
