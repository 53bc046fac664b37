"""Lines of callers at what they share: each caller has one place, however much it asks (GW-13)."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import ExitStack, asynccontextmanager


class Lines:
    """A line of calls for each key; the first of a line has the turn."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @property
    def keys(self) -> frozenset[Hashable]:
        """The keys whose turn is taken."""
        return frozenset(self._lines)

    @asynccontextmanager
    async def turn(self, *keys: Hashable) -> AsyncIterator[None]:
        """Have the turn of every key for the block, taken in the given order.

        The first key is the caller's own, the later ones are shared. Further calls of the same
        caller wait at the first, so in the line of a shared key each caller has one place: it is
        served after at most as many turns as there are other callers. In the same way a key between
        the two lets all who name it have one place together.

        All callers name the keys that they share in the same order; otherwise two calls can wait
        for each other.
        """
        with ExitStack() as held:
            for key in keys:
                await self.enter(key)
                held.callback(self.leave, key)
            yield

    async def enter(self, key: Hashable) -> None:
        """Wait for the turn at one key; it lasts until `leave`."""
        line = self._lines.get(key)
        if line is None:
            self._lines[key] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.leave(key)  # the turn came in the moment in which its caller went
            raise

    def leave(self, key: Hashable) -> None:
        """End the turn at one key; the next call in its line gets it."""
        line = self._lines[key]
        while line:
            turn = line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._lines[key]
