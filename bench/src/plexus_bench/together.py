"""Concurrent work on many items, and waits on a condition."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Final, TypeVar

AT_ONCE: Final = 32

In = TypeVar("In")
Out = TypeVar("Out")


async def gathered(
    work: Callable[[In], Awaitable[Out]], each: Iterable[In], *, at_once: int = AT_ONCE
) -> list[Out]:
    """Apply `work` to each item, at most `at_once` concurrently; return the results in order."""
    slots = asyncio.Semaphore(at_once)

    async def in_turn(one: In) -> Out:
        async with slots:
            return await work(one)

    return await asyncio.gather(*(in_turn(one) for one in each))


async def until(condition: Callable[[], bool], *, within: float, every: float = 0.05) -> bool:
    """Wait until a condition holds, for at most `within` seconds; return whether it does."""
    deadline = perf_counter() + within
    while True:
        if condition():
            return True
        if perf_counter() >= deadline:
            return False
        await asyncio.sleep(every)
