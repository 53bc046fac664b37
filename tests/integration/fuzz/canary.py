"""A client that sends continuously and must not see any failure."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

import grpc
from plexus.gateway.v1.session_service_pb2 import Hello, SendItem, SessionRequest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest

# Each send passes through every service: a shorter interval would load the machine.
_EVERY_SECONDS = 0.25
# Far above the latency of a busy machine; the gateway itself refuses an item after 15 seconds.
_ANSWERED_WITHIN = 60.0


class Canary:
    """One person's stream of sends; `problems` stays empty as long as every one is stored."""

    def __init__(self, plexus: Any, conversation_id: str) -> None:
        self._plexus = plexus
        self._conversation_id = conversation_id
        self._refs = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self.problems: list[str] = []
        self.stored = 0

    @contextlib.asynccontextmanager
    async def singing(self) -> AsyncIterator["Canary"]:
        """Send for the duration of the block."""
        call = self._plexus.live.Session(metadata=await self._plexus.metadata())
        await call.write(SessionRequest(hello=Hello(device="canary")))
        tasks = [asyncio.create_task(self._send(call)), asyncio.create_task(self._read(call))]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            call.cancel()

    async def settled(self) -> None:
        """Wait until every send so far is acknowledged, then report the missing messages."""
        waiting = list(self._waiting.values())
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=_ANSWERED_WITHIN)
            if late:
                self.problems.append(f"{len(late)} sends without an answer")
        assert not self.problems, self.problems[:5]

    async def _send(self, call: Any) -> None:
        for ref in self._refs:
            command = SendMessageRequest(
                conversation_id=self._conversation_id, request_id=f"canary-{ref}", text="still here"
            )
            item = SendItem(
                client_ref=ref,
                conversation_id=self._conversation_id,
                command=command.SerializeToString(),
            )
            self._waiting[ref] = asyncio.get_running_loop().create_future()
            try:
                await call.write(SessionRequest(sends=[item]))
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                self.problems.append(f"the stream takes nothing any more: {error!r}")
                self._waiting.pop(ref).cancel()
                return
            await asyncio.sleep(_EVERY_SECONDS)

    async def _read(self, call: Any) -> None:
        try:
            async for response in call:
                for frame in response.frames:
                    match frame.WhichOneof("frame"):
                        case "acknowledgement":
                            self._acknowledge(frame.acknowledgement)
                        case "resync" | "conversation_closed" | "drain":
                            self.problems.append(str(frame))
        except grpc.aio.AioRpcError as error:
            self.problems.append(f"the stream ended: {error.code()} {error.details()}")
        else:
            self.problems.append("the stream ended")

    def _acknowledge(self, acknowledgement: Any) -> None:
        waiting = self._waiting.pop(acknowledgement.client_ref, None)
        if waiting is None:
            self.problems.append(f"{acknowledgement.client_ref} is acknowledged twice")
            return
        waiting.set_result(None)
        if acknowledgement.verdict.HasField("stored"):
            self.stored += 1
        else:
            self.problems.append(str(acknowledgement.verdict.refused))
