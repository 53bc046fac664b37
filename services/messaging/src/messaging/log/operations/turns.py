"""The order in which people change conversations: one account cannot take every place (GW-13)."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from plexuskit.errors import Kind, Refusal
from plexuskit.lines import Lines


class LogOverloaded(Refusal):
    """More messages are waiting than this process accepts."""

    kind = Kind.EXHAUSTED
    text = "Too many messages are waiting; try again in a moment."


class Turns:
    """Turns of rare changes: one at a time per person and per conversation, a few in all.

    A change that waits for its conversation holds no place, so a busy conversation delays no other
    one, and many calls of one person delay only each other.

    Attributes:
        taken: changes that wait or are under way.
    """

    def __init__(self, *, places: int, maximum: int) -> None:
        """Limit concurrent changes and the queue for them.

        Args:
            places: changes under way at once.
            maximum: changes that wait or are under way before more are refused.
        """
        self._people = Lines()
        self._conversations = Lines()
        self._places = asyncio.Semaphore(places)
        self._maximum = maximum
        self.taken = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def take(self, person_id: str, conversation_id: str) -> Callable[[], None]:
        """Wait for a person's turn to change a conversation; return the function that ends it.

        Raises:
            LogOverloaded: too much waits.
        """
        if self.taken >= self._maximum:
            raise LogOverloaded(retry_after=timedelta(seconds=1))
        with contextlib.ExitStack() as held:
            self._count(1)
            held.callback(self._count, -1)
            await self._people.enter(person_id)
            held.callback(self._people.leave, person_id)
            await self._conversations.enter(conversation_id)
            held.callback(self._conversations.leave, conversation_id)
            await self._places.acquire()
            held.callback(self._places.release)
            return held.pop_all().close

    async def wait_idle(self) -> None:
        """Wait until no change waits or is under way."""
        await self._idle.wait()

    def _count(self, more: int) -> None:
        self.taken += more
        if self.taken:
            self._idle.clear()
        else:
            self._idle.set()
