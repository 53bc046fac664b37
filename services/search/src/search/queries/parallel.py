"""Several questions at once."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def in_parallel(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return all results in order, or raise the first error unchanged, and cancel the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in work]
    except ExceptionGroup as failed:
        # callers know refusals by their class, not groups of them
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]
