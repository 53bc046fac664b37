"""Turns of the event loop for requests of many items: no single one of them occupies it (GW-13)."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

# Checking and translating this much takes some 20 ms when it is all of tiny spans.
MAX_TURN_BYTES: Final = 16 * 1024
# Beside its bytes, taking up an item costs about as much as reading so many.
ITEM_BYTES: Final = 128
# Translating so many entities takes less than 10 ms.
_AT_ONCE: Final = 100


async def in_turns(results: Iterable[ResultT], *, at_once: int = _AT_ONCE) -> list[ResultT]:
    """Compute the results of an iterator; other work on the loop runs after every `at_once`."""
    computed: list[ResultT] = []
    for result in results:
        computed.append(result)
        if len(computed) % at_once == 0:
            await asyncio.sleep(0)
    return computed


async def converted(items: Iterable[ItemT], convert: Callable[[ItemT], ResultT]) -> list[ResultT]:
    """Convert items in order, `in_turns`."""
    return await in_turns(map(convert, items))


class Turns:
    """Yields to other work after a number of bytes of items.

    Attributes:
        total: bytes of all items so far.
    """

    def __init__(self, *, turn_bytes: int = MAX_TURN_BYTES) -> None:
        """Set the number of bytes of items after which others run."""
        self._turn_bytes = turn_bytes
        self._bytes = 0
        self.total = 0

    async def taken(self, size: int) -> None:
        """Count an item of this many bytes; let other tasks run after enough of them."""
        self.total += size
        self._bytes += size
        if self._bytes >= self._turn_bytes:
            self._bytes = 0
            await asyncio.sleep(0)
