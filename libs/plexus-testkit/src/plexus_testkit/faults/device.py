"""A client as the contract asks for one: its stream resumes, its sends repeat, it notes all."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

import grpc
from plexus.gateway.v1.session_service_pb2 import (
    Acknowledgement,
    Events,
    Frame,
    Heartbeat,
    Hello,
    Reauthenticate,
    SendItem,
    SessionRequest,
)
from plexus.messaging.v1.messaging_service_pb2 import (
    ListChangesRequest,
    SendMessageRequest,
    SendMessageResponse,
    SendRefusal,
)
from plexus_sdk import Plexus
from plexuskit.backoff import WITHIN, pause
from plexuskit.grpc import responses

from plexus_testkit.faults.calls import BROKEN, PASSING, PATIENCE_SECONDS, insist
from plexus_testkit.faults.held import Held
from plexus_testkit.faults.ledger import Ledger, Violation

PASSING_NUMBERS: Final = frozenset(code.value[0] for code in PASSING)
BROKEN_NUMBERS: Final = frozenset(code.value[0] for code in BROKEN)
RENEW_EVERY: Final = 60.0
_BACK_OFF: Final = (0.05, 0.5)


class NotStored(Exception):  # noqa: N818 - an answer
    """A message was refused for good."""

    def __init__(self, refusal: SendRefusal) -> None:
        super().__init__(f"{refusal.reason}: {refusal.message}")
        self.refusal = refusal


@dataclass(slots=True)
class _Waiting:
    item: SendItem
    stored: "asyncio.Future[SendMessageResponse]"


class Device:
    """One person's device; enter `running`, then send and inspect its copy."""

    def __init__(self, plexus: Plexus, ledger: Ledger, *, comes_and_goes: bool = False) -> None:
        """Set up the device of a person.

        Args:
            plexus: the person's connection.
            ledger: record of all sends and answers.
            comes_and_goes: whether the person may stop being a member for a while; others are
                members from the beginning and may see every change.
        """
        self.plexus = plexus
        self.ledger = ledger
        self.person_id = plexus.profile.person_id
        self.comes_and_goes = comes_and_goes
        self.held: dict[str, Held] = {}
        self.streams = 0
        self.resyncs = 0
        # Conversations that a heartbeat showed to be behind: a lost event that was noticed late.
        self.healed = 0
        # Frames that began after the copy's end, without an explanation.
        self.holes: list[str] = []
        self._refs = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        # None ends the stream from this side.
        self._up: asyncio.Queue[SessionRequest | None] = asyncio.Queue()
        self._open = asyncio.Event()
        self._last_live: dict[str, int] = {}
        self._closed_here: set[str] = set()
        # Conversations that could not be fetched because this person was removed: frames from
        # before the removal still arrive, and do not continue the state.
        self._refused: set[str] = set()
        self._following: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Device"]:
        """Keep the stream open for the duration of the block.

        Raises:
            Violation: an event that must not come.
        """
        self._following = asyncio.create_task(self._follow(), name="device")
        try:
            yield self
        finally:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        self.check()

    def check(self) -> None:
        """Raise the error of which the stream has died, if any."""
        if self._following and self._following.done() and not self._following.cancelled():
            self._following.result()

    def watch(self, conversation_id: str) -> Held:
        """Keep the state of a conversation from now on."""
        return self.held.setdefault(conversation_id, Held())

    async def send(self, command: SendMessageRequest) -> SendMessageResponse:
        """Send through the stream until it is acknowledged.

        Raises:
            NotStored: a refusal that stays.
            Violation: no acknowledgement for too long.
        """
        ref = next(self._refs)
        item = SendItem(
            client_ref=ref,
            conversation_id=command.conversation_id,
            command=command.SerializeToString(),
        )
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self._waiting[ref] = waiting
        self._up.put_nowait(SessionRequest(sends=[item]))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await waiting.stored
        except TimeoutError:
            self.check()
            raise Violation(f"no acknowledgement for {PATIENCE_SECONDS:.0f} s") from None
        finally:
            del self._waiting[ref]

    def roam(self) -> None:
        """Leave the stream and open another, which the next gateway in turn gets."""
        self._up.put_nowait(None)

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async for frame in self._frames():
                    failures = 0
                    await self._take(frame)
            except grpc.aio.AioRpcError as error:
                if error.code() not in PASSING:
                    raise Violation(f"the stream ended: {error.details()}") from error
            self._open.clear()
            await asyncio.sleep(pause(failures, _BACK_OFF, spread=WITHIN))
            failures += 1

    async def _frames(self) -> AsyncIterator[Frame]:
        up = self._up = asyncio.Queue()
        self._last_live.clear()
        self._closed_here.clear()
        self.streams += 1
        metadata = await self.plexus.metadata()
        call = self.plexus.live.Session(self._requests(up), metadata=metadata)
        async with contextlib.aclosing(responses(call)) as heard:
            async for response in heard:
                for frame in response.frames:
                    yield frame

    async def _requests(
        self, up: "asyncio.Queue[SessionRequest | None]"
    ) -> AsyncIterator[SessionRequest]:
        yield SessionRequest(hello=Hello(device="fault cycles"))
        token, looked = self.plexus.profile.access_token, time.monotonic()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_EVERY):
                    request = await up.get()
                if request is None:
                    return
                yield request
            if time.monotonic() - looked < RENEW_EVERY:
                continue
            looked = time.monotonic()
            await self.plexus.metadata()
            if self.plexus.profile.access_token != token:
                token = self.plexus.profile.access_token
                yield SessionRequest(reauthenticate=Reauthenticate(access_token=token))

    async def _take(self, frame: Frame) -> None:
        match frame.WhichOneof("frame"):
            case "welcome":
                await self._resume()
            case "acknowledgement":
                self._acknowledge(frame.acknowledgement)
            case "events":
                if frame.events.conversation_id in self.held:
                    await self._apply(frame.events)
            case "heartbeat":
                await self._compare(frame.heartbeat)
            case "resync":
                self.resyncs += 1
                named = list(frame.resync.conversation_ids) or list(self.held)
                self._closed_here.difference_update(named)
                await self.catch_up(named)
            case "conversation_closed":
                closed = frame.conversation_closed
                self._closed_here.add(closed.conversation_id)
                if held := self.held.get(closed.conversation_id):
                    held.closed_at = closed.change_no

    async def _compare(self, heartbeat: Heartbeat) -> None:
        for position in heartbeat.positions:
            held = self.held.get(position.conversation_id)
            if held and position.through > held.through:
                self.healed += 1
                await self.catch_up([position.conversation_id])

    async def _resume(self) -> None:
        """Send unanswered items again, and fetch changes missed without a stream."""
        for waiting in self._waiting.values():
            self._up.put_nowait(SessionRequest(sends=[waiting.item]))
        await self.catch_up(list(self.held))
        self._open.set()

    def _acknowledge(self, acknowledgement: Acknowledgement) -> None:
        waiting = self._waiting.get(acknowledgement.client_ref)
        if waiting is None or waiting.stored.done():
            return
        verdict = acknowledgement.verdict
        if verdict.HasField("stored"):
            waiting.stored.set_result(verdict.stored)
        elif verdict.refused.code in BROKEN_NUMBERS:
            waiting.stored.set_exception(Violation(f"a send failed: {verdict.refused.message}"))
        elif verdict.refused.code in PASSING_NUMBERS:
            self.ledger.retries += 1
            again = SessionRequest(sends=[waiting.item])
            after = max(verdict.refused.retry_after_ms / 1000, 0.05)
            asyncio.get_running_loop().call_later(after, self._up.put_nowait, again)
        else:
            waiting.stored.set_exception(NotStored(verdict.refused))

    async def _apply(self, events: Events) -> None:
        conversation_id = events.conversation_id
        held = self.held[conversation_id]
        joins = self._check_live(events)
        if any(envelope.omitted for envelope in events.events):
            if not await self._caught_up(conversation_id, held):
                return
        elif events.after > held.through:
            if not joins and conversation_id not in self._refused:
                hole = f"{held.through} held, then {events.after}"
                self.holes.append(f"{conversation_id}: {self.person_id}: {hole}")
            if not await self._caught_up(conversation_id, held):
                return
        for envelope in events.events:
            if envelope.change_no > held.through and not envelope.omitted:
                held.apply(envelope)
        held.through = max(held.through, events.through)

    def _check_live(self, events: Events) -> bool:
        """Check the order of a frame; return whether this person joins in it.

        Raises:
            Violation: an event is repeated, out of order, after the end, or missing.
        """
        conversation_id, joins = events.conversation_id, False
        last = max(events.after, self._last_live.get(conversation_id, 0))
        for envelope in events.events:
            if not last < envelope.change_no <= events.through:
                raise Violation(f"{conversation_id}: {envelope.change_no} came after {last}")
            last = envelope.change_no
            if envelope.type.endswith(".MembersAdded") and self.comes_and_goes:
                joins = True
                self._closed_here.discard(conversation_id)
                self.held[conversation_id].closed_at = 0
            if conversation_id in self._closed_here:
                raise Violation(f"{conversation_id}: {envelope.change_no} came after its end")
        self._last_live[conversation_id] = events.through
        if not self.comes_and_goes and len(events.events) != events.through - events.after:
            raise Violation(f"{conversation_id}: a hole in ({events.after}, {events.through}]")
        return joins

    async def catch_up(self, conversation_ids: Iterable[str]) -> None:
        """Fetch missing changes of the watched conversations."""
        for conversation_id in conversation_ids:
            if held := self.held.get(conversation_id):
                await self._caught_up(conversation_id, held)

    async def _caught_up(self, conversation_id: str, held: Held) -> bool:
        """Fetch to the end; False after the person was removed: the copy stays as it is.

        Raises:
            Violation: a refusal that cannot be.
        """
        more = True
        while more:
            request = ListChangesRequest(conversation_id=conversation_id, since=held.through)
            try:
                response = await insist(
                    self.plexus,
                    self.plexus.messaging.ListChanges,
                    request,
                    ledger=self.ledger,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND and self.comes_and_goes:
                    self._refused.add(conversation_id)
                    return False
                raise Violation(f"ListChanges answered {error.details()}") from error
            for change in response.changes:
                held.merge(change)
            held.through = max(held.through, response.through)
            more = response.has_more
        self._refused.discard(conversation_id)
        return True
