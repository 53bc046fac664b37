"""Messages sent through a stream that have no verdict yet."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import grpc
from plexus.gateway.v1.session_service_pb2 import Acknowledgement, SendItem, SessionRequest
from plexus.messaging.v1.messaging_service_pb2 import (
    SendMessageRequest,
    SendMessageResponse,
    SendRefusal,
)

from plexus_sdk.backoff import doubled, jittered
from plexus_sdk.errors import Refused, Unreachable

# A verdict arrives on its stream or is lost with it; after this time without one, send again.
REPEAT_SECONDS = 15.0
# A gateway accepts 1,000 unacknowledged messages of one stream.
MAX_UNACKNOWLEDGED: Final = 500
_MAX_FRAME_BYTES: Final = 512 * 1024
_WAITS: Final = (0.05, 5.0)
_SPREAD: Final = (1.0, 1.25)
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)


@dataclass(slots=True)
class _Pending:
    item: SendItem
    stored: "asyncio.Future[SendMessageResponse]"
    refused: int = 0


class Outbox:
    """Sends each message until it is stored or permanently refused, with the same request id.

    A new stream gets every message without a verdict, in the order of the sends; Plexus stores a
    request id once (MSG-3).
    """

    def __init__(self) -> None:
        self._refs = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._room = asyncio.Semaphore(MAX_UNACKNOWLEDGED)
        self._stream: asyncio.Queue[SessionRequest] | None = None
        self._failure: Refused | None = None

    async def send(
        self, request: SendMessageRequest, *, seconds: float | None = None
    ) -> SendMessageResponse:
        """Send a message and wait for its verdict.

        Args:
            request: the message, with a request id.
            seconds: deadline over all attempts and reconnections; None waits for the verdict.

        Raises:
            Unreachable: no verdict within the deadline; the message may be stored.
            Refused: it is permanently refused.
        """
        try:
            async with asyncio.timeout(seconds), self._room:
                if self._failure is not None:
                    raise self._failure
                return await self._sent(request)
        except TimeoutError:
            raise Unreachable(
                f"No verdict on the message within {seconds:.0f} s; repeat it with the request id "
                f"{request.request_id}.",
                reason="DEADLINE_EXCEEDED",
                code=grpc.StatusCode.DEADLINE_EXCEEDED,
            ) from None

    async def _sent(self, request: SendMessageRequest) -> SendMessageResponse:
        ref = next(self._refs)
        item = SendItem(
            client_ref=ref,
            conversation_id=request.conversation_id,
            command=request.SerializeToString(),
        )
        pending = _Pending(item, asyncio.get_running_loop().create_future())
        self._pending[ref] = pending
        self._put(item)
        try:
            while True:
                await asyncio.wait({pending.stored}, timeout=REPEAT_SECONDS)
                if pending.stored.done():
                    return pending.stored.result()
                self._put(item)
        finally:
            del self._pending[ref]

    def opened(self, stream: "asyncio.Queue[SessionRequest]") -> None:
        """Use a new stream from now on; resend every message without a verdict."""
        self._stream = stream
        for items in _frames(each.item for each in self._pending.values()):
            stream.put_nowait(SessionRequest(sends=items))

    def closed(self) -> None:
        """Hold messages until there is a stream again."""
        self._stream = None

    def fail(self, refused: Refused) -> None:
        """Refuse all pending messages and every later one."""
        self._failure = refused
        for pending in self._pending.values():
            if not pending.stored.done():
                pending.stored.set_exception(refused)

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Handle a verdict; ignore a repeated one, and one without a waiting caller."""
        pending = self._pending.get(acknowledgement.client_ref)
        if pending is None or pending.stored.done():
            return
        verdict = acknowledgement.verdict
        if verdict.HasField("stored"):
            pending.stored.set_result(verdict.stored)
            return
        refused = _refusal_of(verdict.refused)
        if refused.code in _PASSING:
            self._repeat(acknowledgement.client_ref, pending, verdict.refused)
        else:
            pending.stored.set_exception(refused)

    def _repeat(self, ref: int, pending: _Pending, refusal: SendRefusal) -> None:
        wait = max(refusal.retry_after_ms / 1000, doubled(pending.refused, _WAITS))
        wait = jittered(wait, spread=_SPREAD)
        pending.refused += 1
        stream = self._stream

        def again() -> None:
            # A new stream has received it already.
            if ref in self._pending and self._stream is stream:
                self._put(pending.item)

        asyncio.get_running_loop().call_later(wait, again)

    def _put(self, item: SendItem) -> None:
        if self._stream is not None:
            self._stream.put_nowait(SessionRequest(sends=[item]))


def _frames(items: Iterator[SendItem]) -> Iterator[list[SendItem]]:
    """Group items so that no request of a stream exceeds its maximum size."""
    frame: list[SendItem] = []
    size = 0
    for item in items:
        frame.append(item)
        size += item.ByteSize()
        if size >= _MAX_FRAME_BYTES:
            yield frame
            frame, size = [], 0
    if frame:
        yield frame


def _refusal_of(refusal: SendRefusal) -> Refused:
    retry = refusal.retry_after_ms
    return Refused(
        refusal.message,
        reason=refusal.reason,
        code=_CODES.get(refusal.code),
        domain="plexus.messaging",
        metadata=dict(refusal.metadata),
        retry_after=timedelta(milliseconds=retry) if retry else None,
    )
