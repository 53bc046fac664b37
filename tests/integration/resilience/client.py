"""A client that follows the contract: it retries by request id, resumes and records everything."""

import asyncio
import contextlib
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

import grpc
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.session_service_pb2 import (
    Acknowledgement,
    Events,
    Frame,
    Hello,
    SendItem,
    SessionRequest,
)
from plexus.messaging.v1.conversations_pb2 import Member
from plexus.messaging.v1.events_pb2 import MembersRemoved, MessagePosted
from plexus.messaging.v1.messages_pb2 import Mention
from plexus.messaging.v1.messaging_service_pb2 import (
    ListChangesRequest,
    ListChangesResponse,
    SendMessageRequest,
    SendMessageResponse,
    SendRefusal,
)
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexuskit.grpc import METADATA_KEY, CallerTokens, responses

# Transient statuses, which are retried; every other status is final.
PASSING = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
}
PASSING_NUMBERS = {code.value[0] for code in PASSING}
CALL_SECONDS = 20.0


class NotStoredError(Exception):
    """A permanent refusal of a message."""

    def __init__(self, refusal: SendRefusal) -> None:
        super().__init__(f"{refusal.reason}: {refusal.message}")
        self.refusal = refusal


@dataclass
class Heard:
    """The messages received in one conversation: texts by `seq`, in the order of display."""

    through: int = 0
    seqs: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    closed_at: int = 0


@dataclass
class Waiting:
    """A message without an answer yet."""

    item: SendItem
    stored: "asyncio.Future[SendMessageResponse]"


class Client:
    """One person's device: enter `running`, send, then inspect the messages it received."""

    def __init__(self, plexus) -> None:
        self._plexus = plexus
        self.person_id = plexus.profile.person_id
        self.heard: dict[str, Heard] = {}
        # (stream, conversation, change_no) of every live event, in order of arrival.
        self.live: list[tuple[int, str, int]] = []
        # Events of a conversation after its ConversationClosed in the same stream.
        self.after_closing: list[tuple[str, int]] = []
        self.acknowledged: dict[tuple[str, str], SendMessageResponse] = {}
        # Seconds from the first attempt to the acknowledgement of each message.
        self.waits: list[float] = []
        self.said: dict[tuple[str, str], str] = {}
        self.streams = 0
        self.resyncs: list[str] = []
        self._refs = itertools.count(1)
        self._waiting: dict[int, Waiting] = {}
        self._up: asyncio.Queue[SessionRequest] = asyncio.Queue()
        self._open = asyncio.Event()
        self._closed_here: set[str] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Client"]:
        following = asyncio.create_task(self._follow(), name="client")
        try:
            opened = asyncio.create_task(self._open.wait())
            await asyncio.wait({opened, following}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
            assert self._open.is_set(), "the stream does not open"
            yield self
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        assert following.cancelled(), following.exception()

    def of(self, conversation_id: str) -> Heard:
        return self.heard.setdefault(conversation_id, Heard())

    async def send(
        self,
        conversation_id: str,
        text: str,
        *,
        request_id: str = "",
        mention: str = "",
        within: float = 60,
    ) -> SendMessageResponse:
        """Send until it is acknowledged; raise NotStoredError for a permanent refusal."""
        request_id = request_id or secrets.token_hex(8)
        command = SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id,
            text=text,
            mentions=[Mention(person_id=mention)] if mention else [],
        )
        ref = next(self._refs)
        item = SendItem(
            client_ref=ref,
            conversation_id=conversation_id,
            command=command.SerializeToString(),
        )
        waiting = self._waiting[ref] = Waiting(item, asyncio.get_running_loop().create_future())
        self.said[conversation_id, request_id] = text
        self._up.put_nowait(SessionRequest(sends=[item]))
        began = time.monotonic()
        try:
            async with asyncio.timeout(within):
                stored = await waiting.stored
        finally:
            del self._waiting[ref]
        self.waits.append(time.monotonic() - began)
        self.acknowledged[conversation_id, request_id] = stored
        return stored

    async def _follow(self) -> None:
        pause = 0.1
        while True:
            try:
                async for frame in self._frames():
                    pause = 0.1
                    await self._take(frame)
            except grpc.aio.AioRpcError as error:
                if error.code() not in PASSING:
                    raise
            self._open.clear()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause = min(pause * 2, 1.0)

    async def _frames(self) -> AsyncIterator[Frame]:
        self._up = asyncio.Queue()
        self._closed_here.clear()
        self.streams += 1

        async def requests() -> AsyncIterator[SessionRequest]:
            yield SessionRequest(hello=Hello(device="test"))
            while True:
                yield await self._up.get()

        metadata = await self._plexus.metadata()
        call = self._plexus.live.Session(requests(), metadata=metadata)
        async with contextlib.aclosing(responses(call)) as heard:
            async for response in heard:
                for frame in response.frames:
                    yield frame

    async def _take(self, frame: Frame) -> None:
        match frame.WhichOneof("frame"):
            case "welcome":
                await self._resume(position.conversation_id for position in frame.welcome.positions)
            case "acknowledgement":
                self._acknowledge(frame.acknowledgement)
            case "events":
                await self._apply(frame.events)
            case "heartbeat":
                for position in frame.heartbeat.positions:
                    if position.through > self.of(position.conversation_id).through:
                        await self._catch_up(position.conversation_id)
            case "resync":
                self.resyncs.append(frame.resync.reason)
                await self._catch_up(*(frame.resync.conversation_ids or list(self.heard)))
            case "conversation_closed":
                closed = frame.conversation_closed
                self.of(closed.conversation_id).closed_at = closed.change_no
                self._closed_here.add(closed.conversation_id)

    async def _resume(self, known: Iterable[str]) -> None:
        """Resend messages without an answer, and fetch those missed while no stream was open."""
        for waiting in self._waiting.values():
            self._up.put_nowait(SessionRequest(sends=[waiting.item]))
        held = {conversation_id for conversation_id, heard in self.heard.items() if heard.through}
        await self._catch_up(*{*known, *held})
        self._open.set()

    def _acknowledge(self, acknowledgement: Acknowledgement) -> None:
        waiting = self._waiting.get(acknowledgement.client_ref)
        if waiting is None or waiting.stored.done():
            return
        verdict = acknowledgement.verdict
        if verdict.HasField("stored"):
            waiting.stored.set_result(verdict.stored)
        elif verdict.refused.code in PASSING_NUMBERS:
            again = SessionRequest(sends=[waiting.item])
            after = max(verdict.refused.retry_after_ms / 1000, 0.05)
            asyncio.get_running_loop().call_later(after, self._up.put_nowait, again)
        else:
            waiting.stored.set_exception(NotStoredError(verdict.refused))

    async def _apply(self, events: Events) -> None:
        heard = self.of(events.conversation_id)
        for envelope in events.events:
            self.live.append((self.streams, events.conversation_id, envelope.change_no))
            if events.conversation_id in self._closed_here and not self._joins_again(envelope):
                self.after_closing.append((events.conversation_id, envelope.change_no))
        if events.after > heard.through or any(each.omitted for each in events.events):
            await self._catch_up(events.conversation_id)
        for envelope in events.events:
            if envelope.change_no <= heard.through or envelope.omitted:
                continue
            if envelope.type.endswith(".MessagePosted"):
                message = MessagePosted.FromString(envelope.fact).message
                self._show(heard, message)
            if envelope.type.endswith(".MembersRemoved"):
                gone: list[Member] = list(MembersRemoved.FromString(envelope.fact).members)
                assert self.person_id not in {member.person_id for member in gone}
        heard.through = max(heard.through, events.through)

    def _joins_again(self, envelope: Envelope) -> bool:
        joins = envelope.type.endswith(".MembersAdded")
        if joins:
            self._closed_here.discard(envelope.scope)
        return joins

    async def _catch_up(self, *conversation_ids: str) -> None:
        """Fetch missing changes; a conversation that the user has left has none."""
        for conversation_id in conversation_ids:
            heard, more = self.of(conversation_id), True
            while more:
                try:
                    response = await self._changes(conversation_id, since=heard.through)
                except grpc.aio.AioRpcError as error:
                    if error.code() is grpc.StatusCode.NOT_FOUND:
                        break
                    raise
                for change in response.changes:
                    if change.HasField("message"):
                        self._show(heard, change.message)
                heard.through = max(heard.through, response.through)
                more = response.has_more

    async def _changes(self, conversation_id: str, *, since: int) -> ListChangesResponse:
        request = ListChangesRequest(conversation_id=conversation_id, since=since)
        return await self._plexus.messaging.ListChanges(
            request, metadata=await self._plexus.metadata(), timeout=CALL_SECONDS
        )

    @staticmethod
    def _show(heard: Heard, message) -> None:
        heard.seqs.append(message.seq)
        heard.texts[message.seq] = message.text


@contextlib.asynccontextmanager
async def talking(
    clients: Sequence[Client], conversation_id: str, *, every: float, mention: str = ""
) -> AsyncIterator[None]:
    """Let clients send, each one message after the other, for the duration of the block.

    Afterwards every started send is acknowledged.
    """
    enough = asyncio.Event()

    async def talk(client: Client) -> None:
        for number in itertools.count(1):
            text = f"{client.person_id} says {number}"
            await client.send(conversation_id, text, mention=mention)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await enough.wait()
            if enough.is_set():
                return

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(talk(client))
        try:
            yield
        finally:
            enough.set()


class Direct:
    """A person's calls directly to one messaging process, as the gateway would make them."""

    def __init__(self, channel: grpc.aio.Channel, tokens: CallerTokens, person_id: str) -> None:
        self._stub = MessagingServiceStub(channel)
        self._tokens = tokens
        self.person_id = person_id
        self.acknowledged: dict[tuple[str, str], SendMessageResponse] = {}
        self.said: dict[tuple[str, str], str] = {}

    async def insist(self, method: str, request, *, within: float = CALL_SECONDS):
        """Call a method until it returns anything but a transient status."""
        async with asyncio.timeout(within):
            while True:
                try:
                    return await self.call(method, request, seconds=within)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in PASSING:
                        raise
                await asyncio.sleep(0.1)

    async def call(self, method: str, request, *, seconds: float = CALL_SECONDS):
        """Call a method of MessagingService once."""
        metadata = ((METADATA_KEY, self._tokens.for_audience("messaging")),)
        return await getattr(self._stub, method)(request, metadata=metadata, timeout=seconds)

    async def send(
        self, conversation_id: str, text: str, *, within: float = 60
    ) -> SendMessageResponse:
        """Send until it is acknowledged, always with the same request id."""
        request = SendMessageRequest(
            conversation_id=conversation_id, request_id=secrets.token_hex(8), text=text
        )
        self.said[conversation_id, request.request_id] = text
        stored = await self.insist("SendMessage", request, within=within)
        self.acknowledged[conversation_id, request.request_id] = stored
        return stored
