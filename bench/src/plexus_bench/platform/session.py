"""Client of the gateway's native stream, as cheap as the contract allows."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from plexus.messaging.v1.messaging_service_pb2 import ListChangesRequest, ListChangesResponse

from plexus_bench.platform import frames
from plexus_bench.platform.frames import Changes, Decoder, Response, Told
from plexus_bench.platform.http2 import Call, CallEnded, Connection
from plexus_bench.platform.streams import METHOD, StreamEnded, bearer, welcomed
from plexus_bench.system import NotStored, OnMessage

ANSWER_SECONDS: Final = 30.0
LIST_CHANGES: Final = "/plexus.messaging.v1.MessagingService/ListChanges"


class NotNow(NotStored):
    """A transient refusal of the gateway; the same message may be sent again."""


def _unheard(conversation: str, ref: str, number: int) -> None:
    raise RuntimeError(f"{ref} ({number}) of {conversation} came before anybody listened")


class LiveSession:
    """One person's device on its own connection; fetches changes that the stream has lost.

    Attributes:
        person: The person of the device.
        on_message: Called for each message, in the order of the conversation's log.
        resyncs: Number of fetches.
    """

    def __init__(self, person: str, token: str, *, decoder: Decoder) -> None:
        self.person = person
        self.on_message: OnMessage = _unheard
        self.resyncs = 0
        self.through: dict[str, int] = {}
        self._metadata: Mapping[str, str] = dict(bearer(token))
        self._decoder = decoder
        self._connection: Connection | None = None
        self._call: Call | None = None
        self._reading: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        # The last change number received live in this stream, by conversation.
        self._live: dict[str, int] = {}

    async def open(self, address: str) -> None:
        """Connect to a gateway and return when it has sent Welcome."""
        await self._dial(address)
        self._reading = asyncio.create_task(self._follow())

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a message and return when it is stored.

        Raises:
            NotStored: It was refused, or there is no acknowledgement.
        """
        number = next(self._numbers)
        frame = frames.send(number, conversation, ref=ref, body=body)
        with self._expecting(number) as stored:
            await self._write(number, frame)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await stored
            except TimeoutError:
                raise NotStored(f"no answer within {ANSWER_SECONDS:.0f} s") from None

    async def close(self) -> None:
        """Close the stream and its connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._hang_up()

    async def _hang_up(self) -> None:
        if self._call is not None:
            self._call.cancel()
        if self._connection is not None:
            await self._connection.close()

    @contextmanager
    def _expecting(self, number: int) -> "Iterator[asyncio.Future[None]]":
        """Register a wait for an acknowledgement."""
        stored = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            yield stored
        finally:
            self._waiting.pop(number, None)
            # The sender may already know its end from elsewhere.
            if not stored.cancel() and not stored.cancelled():
                stored.exception()

    async def _write(self, number: int, frame: bytes) -> None:
        """Write a frame to the stream."""
        if self._call is None:
            raise StreamEnded(f"item {number}: {self.person} is not connected")
        try:
            await self._call.write(frame)
        except CallEnded as ended:
            raise StreamEnded(f"item {number}: the stream has ended: {ended}") from ended

    async def _dial(self, address: str) -> None:
        self._connection = await Connection.open(address)
        self._call = self._connection.call(METHOD, metadata=self._metadata)
        self._live.clear()
        await self._take(await welcomed(self._call, self._decoder))

    async def _follow(self) -> None:
        """Process responses until the stream ends; then fail all pending sends."""
        reason = "the stream was ended by the gateway"
        try:
            while self._call and (data := await self._call.read()) is not None:
                await self._take(self._decoder.read(data))
        except (CallEnded, StreamEnded, TimeoutError) as ended:
            reason = f"the stream has ended: {ended!r}"
        finally:
            for stored in self._waiting.values():
                if not stored.done():
                    stored.set_exception(StreamEnded(reason))

    async def _take(self, response: Response) -> None:
        for told in response.told:
            self._acknowledge(told)
        for changes in response.changes:
            held = self.through.get(changes.conversation)
            if held is not None and changes.after > held:
                await self._catch_up(changes.conversation)
            self._apply(changes)
        for conversation, through in response.positions:
            held = self.through.setdefault(conversation, through)
            # A new gateway that has not seen the conversation yet cannot state its position.
            if through > held or (response.welcomed and held and not through):
                await self._catch_up(conversation)
        if response.lost:
            everything = "" in response.lost
            await self._catch_up(*(self.through if everything else response.lost))

    def _acknowledge(self, told: Told) -> None:
        stored = self._waiting.get(told.client_ref)
        if stored is None or stored.done():
            return
        if told.reason:
            refused = NotNow if told.passing else NotStored
            stored.set_exception(refused(told.reason))
        else:
            stored.set_result(None)

    def _apply(self, changes: Changes) -> None:
        """Deliver new messages; a change that arrives twice in one stream is delivered twice."""
        where = changes.conversation
        held, live = self.through.get(where, changes.after), self._live.get(where, 0)
        for change_no, ref, seq in changes.posted:
            if ref and (change_no > held or change_no <= live):
                self.on_message(where, ref, seq)
        self._live[where] = max(live, changes.through)
        self.through[where] = max(held, changes.through)

    async def _catch_up(self, *conversations: str) -> None:
        """Fetch the changes after the received ones."""
        if self._connection is None:
            raise RuntimeError(f"{self.person} is not connected")
        self.resyncs += 1
        for conversation in conversations:
            async for ref, seq in self._missed(self._connection, conversation):
                self.on_message(conversation, ref, seq)

    async def _missed(
        self, connection: Connection, conversation: str
    ) -> AsyncIterator[tuple[str, int]]:
        more = True
        while more:
            request = ListChangesRequest(
                conversation_id=conversation, since=self.through.get(conversation, 0)
            )
            call = connection.call(LIST_CHANGES, metadata=self._metadata)
            await call.write(request.SerializeToString(), last=True)
            async with asyncio.timeout(ANSWER_SECONDS):
                data = await call.read()
            if data is None:
                raise StreamEnded(f"no changes of {conversation} and no reason")
            response = ListChangesResponse.FromString(data)
            for change in response.changes:
                if change.HasField("message"):
                    yield change.message.request_id, change.message.seq
            self.through[conversation] = response.through
            more = response.has_more
