"""LogService: the gateway's stream of sends, many items a frame."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.messaging.v1 import log_service_pb2, log_service_pb2_grpc
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest, SendVerdict
from plexus_access.decisions import Decisions, asker_of
from plexus_access.objects import CONVERSATION, Object
from plexuskit import bounds, fault
from plexuskit.config import MEBIBYTE
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import CallerContextInvalid, CallerVerifier, caller, person_of
from plexuskit.items import item_failed
from plexuskit.turns import Turns

from messaging.log.operations.items import Item, Stored
from messaging.log.operations.logs import Log
from messaging.messages.api import translation
from messaging.messages.operations.messages import SEND
from messaging.messages.store.stores import Store

pb = log_service_pb2

# Size of the facts in one frame of verdicts; also this process's cost of a gateway that does not
# read.
MAX_EVENT_BYTES: Final = 2 * MEBIBYTE


class LogApi(log_service_pb2_grpc.LogServiceServicer):
    """Items in, verdicts out; ready verdicts share one frame.

    A process that stops ends its streams as soon as the accepted items are answered: the gateway
    lives on and would not end them, and it sends unanswered items again by request id (MSG-3).
    """

    def __init__(
        self,
        log: Log[Store],
        verifier: CallerVerifier,
        *,
        decisions: Decisions,
        stopping: asyncio.Event,
    ) -> None:
        self._log = log
        self._verifier = verifier
        self._decisions = decisions
        self._stopping = stopping

    async def Append(
        self, request_iterator: AsyncIterator[pb.AppendRequest], context: Any
    ) -> AsyncIterator[pb.AppendResponse]:
        outbox = Outbox()
        reader = asyncio.create_task(self._read(request_iterator, outbox))
        ender = asyncio.create_task(self._end(reader))
        try:
            async for response in outbox.frames():
                fault.point("append.before_answer")
                yield response
        finally:
            ender.cancel()
            reader.cancel()
        await asyncio.wait([reader])
        if not reader.cancelled():
            reader.result()

    async def _end(self, reader: asyncio.Task[None]) -> None:
        """Stop reading when the process is asked to stop."""
        await self._stopping.wait()
        reader.cancel()

    async def _read(
        self, request_iterator: AsyncIterator[pb.AppendRequest], outbox: "Outbox"
    ) -> None:
        turns = Turns()
        try:
            async for request in request_iterator:
                fault.point("append.after_read")
                for item in request.items:
                    self._submit(item, outbox)
                    await turns.taken(len(item.command))
        except Exception:
            # Without a reader no more items are accepted; the gateway has to connect again.
            outbox.abort()
            raise
        finally:
            outbox.end_of_input()

    def _submit(self, item: pb.AppendItem, outbox: "Outbox") -> None:
        """Submit one item to the log; any failure of it is its own verdict (GW-8)."""
        ref, owed = item.ref, True
        outbox.expect()

        def resolve(verdict: Stored | Refusal) -> None:
            nonlocal owed
            if not owed:  # a batch that failed is decided again
                return
            owed = False
            event = b"" if isinstance(verdict, Refusal) else verdict.event
            outbox.put(ref, translation.try_send_verdict(verdict), event=event)

        try:
            bounds.check(item)
            context = self._context_of(item)
            sender_id = person_of(context)
            command = bounds.read(SendMessageRequest, item.command)
            self._decisions.check(
                asker_of(context), SEND, Object(CONVERSATION, command.conversation_id)
            )
            new_message = translation.to_new_message(command, sender_id=sender_id)
            self._log.submit(Item(new_message, on_verdict=resolve, traceparent=item.traceparent))
        except DecodeError:
            resolve(InvalidArgument(field="command", problem="is no SendMessageRequest"))
        except Refusal as refusal:
            resolve(refusal)
        except Exception as error:  # noqa: BLE001 - the stream carries items of many callers
            resolve(item_failed(error, of="messaging.append"))

    def _context_of(self, item: pb.AppendItem) -> CallerContext:
        context = self._verifier.verify(item.signed_caller)
        if context.service != caller().service:
            # Signed by one service and sent by another: the context was passed on (GW-1).
            raise CallerContextInvalid(problem="peer")
        return context


class Outbox:
    """Verdicts on their way to the gateway.

    Ends when the input has ended and every item is answered, or at once when it is aborted.
    """

    def __init__(self) -> None:
        self._ready = pb.AppendResponse()
        self._event_bytes = 0
        self._awake = asyncio.Event()
        self._expected = 0
        self._ended = False

    def expect(self) -> None:
        """Record an item whose verdict will come."""
        self._expected += 1

    def put(self, ref: int, verdict: SendVerdict, *, event: bytes) -> None:
        """Add a verdict; it goes out with the next frame.

        The fact is included if the frame has room for it: Kafka delivers it anyway.
        """
        self._expected -= 1
        if self._event_bytes + len(event) > MAX_EVENT_BYTES:
            event = b""
        self._event_bytes += len(event)
        self._ready.verdicts.add(ref=ref, event=event).verdict.CopyFrom(verdict)
        self._awake.set()

    def end_of_input(self) -> None:
        """Record that no item will follow."""
        self._ended = True
        self._awake.set()

    def abort(self) -> None:
        """End without the verdicts that are owed; their items are sent again (MSG-3)."""
        self._expected = 0
        self.end_of_input()

    async def frames(self) -> AsyncIterator[pb.AppendResponse]:
        """Yield frames of all verdicts that are ready."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            ready, self._ready = self._ready, pb.AppendResponse()
            self._event_bytes = 0
            if ready.verdicts:
                yield ready
            if self._ended and self._expected <= 0 and not self._ready.verdicts:
                return
