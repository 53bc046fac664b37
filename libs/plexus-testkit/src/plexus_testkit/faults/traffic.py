"""Concurrent traffic: each person performs one action after the other until stopped."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Final

from plexus_testkit.faults.actions import ACTIONS, Actor, Room

# Concurrent actions of one person in one conversation.
HANDS: Final = 1
PAUSE: Final = (0.02, 0.25)


class Traffic:
    """The load of one set of conversations."""

    def __init__(self, rooms: Sequence[Room], *, seed: str) -> None:
        self._actors = [
            Actor(device, room, random.Random(f"{seed} {number} {place}"))  # noqa: S311 - dice
            for place, room in enumerate(rooms)
            for number, device in enumerate(room.people)
        ]

    @contextlib.asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Let people act for the duration of the block; at its end all actions are answered.

        Raises:
            ExceptionGroup: of answers that must not occur.
        """
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for actor in self._actors:
                for _ in range(HANDS):
                    group.create_task(_act(actor, enough))
            try:
                yield
            finally:
                enough.set()


async def _act(actor: Actor, enough: asyncio.Event) -> None:
    weights = [action.weight for action in ACTIONS]
    while not enough.is_set():
        (action,) = actor.chance.choices(ACTIONS, weights)
        await action.run(actor)
        actor.ledger.done[action.name] += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(actor.chance.uniform(*PAUSE)):
                await enough.wait()
