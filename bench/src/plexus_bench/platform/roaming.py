"""Client that reconnects to another gateway and resends unacknowledged messages."""

import asyncio
from time import perf_counter
from typing import Final

from plexuskit.backoff import FULL, jittered, pause

from plexus_bench.platform.frames import Decoder
from plexus_bench.platform.http2 import CallEnded
from plexus_bench.platform.session import ANSWER_SECONDS, LiveSession, NotNow
from plexus_bench.platform.streams import StreamEnded
from plexus_bench.system import NotStored

# Clients must not reconnect at once: each waits for a random part of this.
JITTER_SECONDS: Final = 5.0
SEND_SECONDS: Final = 90.0
_BACK_OFF: Final = (0.2, 2.0)
_PAUSE_SECONDS: Final = 0.2
_SPREAD: Final = (0.25, 1.0)


class RoamingSession(LiveSession):
    """A session that outlives its gateway, as the contract requires of clients.

    Attributes:
        returned: Time at which it was reconnected to the other gateway and had caught up, on the
            clock of `perf_counter`; None while its first gateway serves it.
    """

    def __init__(self, person: str, token: str, *, decoder: Decoder, refuge: str) -> None:
        super().__init__(person, token, decoder=decoder)
        self.returned: float | None = None
        self._refuge = refuge
        self._there = asyncio.Event()

    async def open(self, address: str) -> None:
        """Connect to the first gateway."""
        await super().open(address)
        self._there.set()

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a message repeatedly under the same request id until it is stored.

        Raises:
            NotStored: It was permanently refused, or not stored within 90 s.
        """
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._insist(conversation, ref=ref, body=body)
        except TimeoutError:
            raise NotStored(f"not stored within {SEND_SECONDS:.0f} s") from None

    async def _insist(self, conversation: str, *, ref: str, body: str) -> None:
        while True:
            await self._there.wait()
            try:
                return await super().send(conversation, ref=ref, body=body)
            except (NotNow, StreamEnded):
                await asyncio.sleep(jittered(_PAUSE_SECONDS, spread=_SPREAD))

    async def _follow(self) -> None:
        while True:
            await super()._follow()
            self._there.clear()
            await asyncio.sleep(jittered(JITTER_SECONDS, spread=FULL))
            await self._return()
            self.returned = perf_counter()
            self._there.set()

    async def _return(self) -> None:
        """Connect to the other gateway, retrying until that succeeds."""
        failures = 0
        while True:
            await self._hang_up()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._dial(self._refuge)
            except (CallEnded, StreamEnded, OSError):
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
