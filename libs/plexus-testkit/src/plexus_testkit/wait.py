"""Wait for a condition instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    condition: Callable[[], T | Awaitable[T]], *, within: float = 30, every: float = 0.05
) -> T:
    """Try `condition` until it gives something true, and return that.

    Args:
        condition: A plain or async function. An exception counts as "not yet".
        within: Seconds to keep trying. An attempt still running at the end is cancelled.
        every: Seconds between two attempts.

    Raises:
        AssertionError: When time is up, with the last value or, as its cause, the last exception.
    """
    deadline = time.monotonic() + within
    value: T | None = None
    failure: Exception | None = None
    while True:
        try:
            value, failure = await _attempt(condition, deadline=deadline), None
        except Exception as problem:  # noqa: BLE001 - any error may be gone at the next attempt
            failure = problem
        if failure is None and value:
            return value
        if time.monotonic() + every >= deadline:
            break
        await asyncio.sleep(every)

    name = getattr(condition, "__qualname__", repr(condition))
    last = f"raised {failure!r}" if failure is not None else f"gave {value!r}"
    raise AssertionError(f"{name} did not come true within {within} s; it last {last}") from failure


async def _attempt(condition: Callable[[], T | Awaitable[T]], *, deadline: float) -> T:
    result = condition()
    if not inspect.isawaitable(result):
        return result

    async with asyncio.timeout(max(deadline - time.monotonic(), 0.001)):
        return await result
