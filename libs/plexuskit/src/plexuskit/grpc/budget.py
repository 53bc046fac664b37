"""Remaining time of a request, which bounds the calls it makes (GW-6)."""

import asyncio
from contextvars import ContextVar

_ends: ContextVar[float] = ContextVar("plexus_deadline")


def enter(seconds: float) -> None:
    """Set, for the current task, the number of seconds in which its request ends."""
    _ends.set(asyncio.get_running_loop().time() + seconds)


def remaining() -> float | None:
    """Return the seconds left to the request being served, at least 0; None without end."""
    ends = _ends.get(None)
    if ends is None:
        return None
    return max(0.0, ends - asyncio.get_running_loop().time())


def within(limit: float | None) -> float | None:
    """Return a timeout in seconds that ends no later than the request being served."""
    left = remaining()
    if left is None or limit is None:
        return left if limit is None else limit
    return min(left, limit)
