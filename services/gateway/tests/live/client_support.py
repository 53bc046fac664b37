"""Native client of the gateway that keeps what it receives."""

import asyncio
import secrets
from contextlib import suppress
from typing import Any

import grpc
from plexus.gateway.v1.session_service_pb2 import (
    Frame,
    Hello,
    Reauthenticate,
    SendItem,
    SessionRequest,
    SessionResponse,
)
from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1 import conversations_pb2, messaging_service_pb2
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_testkit.wait import eventually
from plexuskit.grpc.options import channel_options


class Client:
    """Native client that keeps what it receives, and merges as the contract requires."""

    def __init__(self, target: str, person_id: str, token: str, *, reading: bool = True) -> None:
        self.person_id = person_id
        # Its own connection with the smallest window: unread frames stay at the gateway.
        self.channel = grpc.aio.insecure_channel(
            target,
            options=[
                *channel_options(),
                ("grpc.use_local_subchannel_pool", 1),
                ("grpc.http2.bdp_probe", 0),
            ],
        )
        self.metadata = (("authorization", f"Bearer {token}"),)
        self.messaging = MessagingServiceStub(self.channel)
        self.call: Any = None
        self.frames: list[Frame] = []
        self.answers: dict[int, messaging_service_pb2.SendVerdict] = {}
        self.refs = 0
        self.error: grpc.aio.AioRpcError | None = None
        self.ended = asyncio.Event()
        self._reading = reading
        self._reader: asyncio.Task[None] | None = None

    async def open(self, *, device: str = "test") -> None:
        self.call = SessionServiceStub(self.channel).Session(metadata=self.metadata)
        # A refused call may have ended by now; the reader keeps its final status.
        with suppress(grpc.aio.AioRpcError):
            await self.call.write(SessionRequest(hello=Hello(device=device)))
        if self._reading:
            self.read_on()

    def read_on(self) -> None:
        self._reader = asyncio.create_task(self._read())

    async def close(self) -> None:
        if self.call is not None:
            self.call.cancel()
        if self._reader is not None:
            await asyncio.wait([self._reader])
        await self.channel.close()

    async def _read(self) -> None:
        try:
            response: SessionResponse
            async for response in self.call:
                for frame in response.frames:
                    self.frames.append(frame)
                    if frame.HasField("acknowledgement"):
                        ack = frame.acknowledgement
                        assert ack.client_ref not in self.answers
                        self.answers[ack.client_ref] = ack.verdict
        except grpc.aio.AioRpcError as error:
            self.error = error
        except asyncio.CancelledError:
            return
        finally:
            self.ended.set()

    async def create(self, *others: str, history: Any = 0) -> str:
        """Create a group; return its id."""
        answer = await self.messaging.CreateConversation(
            messaging_service_pb2.CreateConversationRequest(
                request_id=secrets.token_hex(8),
                kind=conversations_pb2.Conversation.KIND_GROUP,
                name="采购",
                member_ids=others,
                history=history,
            ),
            metadata=self.metadata,
        )
        return answer.conversation.id

    async def add(self, conversation_id: str, *people: str) -> None:
        await self.messaging.AddMembers(
            messaging_service_pb2.AddMembersRequest(
                request_id=secrets.token_hex(8),
                conversation_id=conversation_id,
                person_ids=people,
            ),
            metadata=self.metadata,
        )

    async def remove(self, conversation_id: str, *people: str) -> int:
        answer = await self.messaging.RemoveMembers(
            messaging_service_pb2.RemoveMembersRequest(
                request_id=secrets.token_hex(8),
                conversation_id=conversation_id,
                person_ids=people,
            ),
            metadata=self.metadata,
        )
        return answer.conversation.change_no

    async def changes(self, conversation_id: str, *, since: int = 0) -> list[Any]:
        """Fetch everything that changed after a number."""
        found: list[Any] = []
        while True:
            answer = await self.messaging.ListChanges(
                messaging_service_pb2.ListChangesRequest(
                    conversation_id=conversation_id, since=since, page_size=1000
                ),
                metadata=self.metadata,
            )
            found += answer.changes
            since = answer.through
            if not answer.has_more:
                return found

    def item(self, conversation_id: str, text: str, *, request_id: str = "") -> SendItem:
        self.refs += 1
        command = messaging_service_pb2.SendMessageRequest(
            conversation_id=conversation_id,
            request_id=request_id or secrets.token_hex(8),
            text=text,
        )
        return SendItem(
            client_ref=self.refs,
            conversation_id=conversation_id,
            command=command.SerializeToString(),
        )

    async def send_items(self, *items: SendItem) -> list[int]:
        await self.call.write(SessionRequest(sends=items))
        return [item.client_ref for item in items]

    async def send(self, conversation_id: str, *texts: str) -> list[int]:
        return await self.send_items(*(self.item(conversation_id, text) for text in texts))

    async def answered(self, refs: list[int], *, within: float = 20) -> list[Any]:
        await eventually(lambda: all(ref in self.answers for ref in refs), within=within)
        return [self.answers[ref] for ref in refs]

    async def reauthenticate(self, token: str) -> None:
        await self.call.write(SessionRequest(reauthenticate=Reauthenticate(access_token=token)))

    def of(self, kind: str) -> list[Any]:
        """Return the frames of one kind, in order."""
        return [getattr(f, kind) for f in self.frames if f.HasField(kind)]

    @property
    def welcome(self) -> Any:
        return next(iter(self.of("welcome")), None)

    def events(self, conversation_id: str) -> list[Any]:
        """Return the envelopes of a conversation, in the order of arrival."""
        return [
            envelope
            for frame in self.of("events")
            if frame.conversation_id == conversation_id
            for envelope in frame.events
        ]

    def texts(self, conversation_id: str) -> list[str]:
        """Return the texts received live, in the order of arrival."""
        return [
            MessagePosted.FromString(envelope.fact).message.text
            for envelope in self.events(conversation_id)
            if envelope.type == "plexus.messaging.v1.MessagePosted"
        ]

    def through(self, conversation_id: str) -> int:
        """Return the last position of the live frames without a gap, from the first one on."""
        held: int | None = None
        for frame in self.of("events"):
            if frame.conversation_id == conversation_id:
                assert held is None or frame.after <= held, "a hole without Resync"
                held = max(held or 0, frame.through)
        return held or 0
