"""Open streams that record the arrival of each frame, and a sender that writes continuously."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, Final

import grpc
from plexus.gateway.v1.session_service_pb2 import Hello, SessionRequest, SessionResponse
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub

from plexus_bench.platform.streams import bearer, open_stream, own_channel

CALL_SECONDS: Final = 30.0
# Resolution of the time of the last frame.
BETWEEN_MESSAGES: Final = 0.02


class Listener:
    """One person's stream.

    Attributes:
        person_id: the person of the stream.
        last: arrival of the last events of a conversation, by its id.
        closed: time at which a conversation was closed to the person, by its id.
        ended: time at which the stream ended; None while it is open.
        last_frame: arrival of the last frame of any kind.
    """

    def __init__(self, person_id: str, token: str) -> None:
        self.person_id = person_id
        self.last: dict[str, float] = {}
        self.closed: dict[str, float] = {}
        self.ended: float | None = None
        self.last_frame = 0.0
        self._token = token
        self._channel: grpc.aio.Channel | None = None
        self._call: Any = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, address: str) -> None:
        """Open the stream and start to record frames."""
        self._channel = own_channel(address)
        self._call = open_stream(self._channel, self._token)
        await self._call.write(SessionRequest(hello=Hello(device="bench")).SerializeToString())
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        """Close the stream and its connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._call is not None:
            self._call.cancel()
        if self._channel is not None:
            await self._channel.close()

    async def _read(self) -> None:
        try:
            while (data := await self._call.read()) is not grpc.aio.EOF:
                self._note(data, at=perf_counter())
        except grpc.aio.AioRpcError:
            # A revoked session's stream ends with UNAUTHENTICATED, and its end is the measurement.
            self.ended = perf_counter()
        else:
            self.ended = perf_counter()

    def _note(self, data: bytes, *, at: float) -> None:
        self.last_frame = at
        for frame in SessionResponse.FromString(data).frames:
            match frame.WhichOneof("frame"):
                case "events":
                    self.last[frame.events.conversation_id] = at
                case "conversation_closed":
                    self.closed[frame.conversation_closed.conversation_id] = at
                case _:
                    pass


@asynccontextmanager
async def talk(address: str, *, token: str, conversation_id: str) -> AsyncIterator[None]:
    """Send a message every 20 ms for the duration of the block.

    Raises:
        grpc.aio.AioRpcError: a message was refused.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        talking = asyncio.create_task(_talk(channel, token=token, conversation_id=conversation_id))
        try:
            yield
            if talking.done():
                await talking
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)


async def _talk(channel: grpc.aio.Channel, *, token: str, conversation_id: str) -> None:
    stub = MessagingServiceStub(channel)
    while True:
        request = SendMessageRequest(
            conversation_id=conversation_id, request_id=secrets.token_hex(8), text="still here"
        )
        await stub.SendMessage(request, metadata=bearer(token), timeout=CALL_SECONDS)
        await asyncio.sleep(BETWEEN_MESSAGES)
