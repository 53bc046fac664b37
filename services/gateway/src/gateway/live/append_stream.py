"""The stream of sends to one messaging process: many items a frame, verdicts back in any order."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import structlog
from grpc import StatusCode
from plexus.authz.v1.authority_pb2 import (
    ReadableContainersRequest,
    ReadableContainersResponse,
    ReadMembersRequest,
    ReadMembersResponse,
)
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.messaging.v1.log_service_pb2 import AppendItem, AppendRequest, AppendResponse
from plexus.messaging.v1.log_service_pb2_grpc import LogServiceStub
from plexus.messaging.v1.messaging_service_pb2 import SendVerdict
from plexuskit import fault
from plexuskit.backoff import pause
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, Refusal
from plexuskit.grpc import RemoteFailure
from plexuskit.items import item_failed
from plexuskit.metrics import counter

from gateway.live.frames import Frames
from gateway.live.refusals import OwnerUnreachable, SendsWaiting, refused_verdict

if TYPE_CHECKING:  # the asynchronous stubs are names of the types only
    from grpc.aio import Channel
    from plexus.authz.v1.authority_pb2_grpc import AuthorityAsyncStub
    from plexus.messaging.v1.log_service_pb2_grpc import LogServiceAsyncStub

log = structlog.get_logger()

STALLED = counter(
    "plexus_gateway_uplinks_stalled_total", "Streams of sends that were closed as overdue"
)

# An item without a verdict by then is unknown; messaging ends its own commits earlier.
ANSWER_SECONDS: Final = 15.0
CONNECT_SECONDS: Final = 5.0
MAX_WAITING: Final = 20_000
MAX_ITEMS: Final = 512
MAX_BYTES: Final = 2 * 1024 * 1024
# An item without a sender: its refusal proves that the other side reads and writes the stream.
PROBE_REF: Final = 0
OVERDUE: Final = "items are overdue"
_UNREACHABLE: Final = "unreachable"
_CONNECTING: Final = "connecting"
_RETRY: Final = timedelta(milliseconds=500)
_BACK_OFF: Final = (0.1, 2.0)


class Sender(Protocol):
    """The client stream that an item came from."""

    def settled(self, client_ref: int, conversation_id: str, verdict: SendVerdict) -> None:
        """Receive the verdict on an item."""


class Sent(NamedTuple):
    """An item in transit: its sender, and its deadline."""

    sender: Sender
    client_ref: int
    conversation_id: str
    due: float


OnStored = Callable[[Sequence[bytes]], None]
"""Takes serialized Envelopes: facts that are in the log, after their verdicts went to streams."""


class Stalled(Exception):  # noqa: N818 - names the fact, like a refusal
    """Most items of a stream were not answered in time."""


class AppendStream:
    """A stream of sends to one messaging process, and queries of read access to it.

    It is up from the first verdict, which a probe asks for, until the stream ends or most of its
    items are overdue; then the stream is closed and opened again (GW-8).
    """

    def __init__(
        self, endpoint: str, *, clock: Clock, on_change: Callable[[], None], on_stored: OnStored
    ) -> None:
        """Set up the stream to one process.

        Args:
            endpoint: `address:port`, for the log and for routing.
            clock: time, for overdue items.
            on_change: called when `up` has changed.
            on_stored: called with messages that this process has just stored.
        """
        self.endpoint = endpoint
        self.up = False
        # Reason why it is not up; empty while it is.
        self.problem = _CONNECTING
        self._authority: AuthorityAsyncStub | None = None
        self._clock = clock
        self._on_change = on_change
        self._on_stored = on_stored
        self._waiting: list[AppendItem] = []
        self._awake = asyncio.Event()
        self._sent: dict[int, Sent] = {}
        self._frames = Frames()
        self._last_ref = PROBE_REF
        self._proved = asyncio.Event()
        self._stalled = asyncio.Event()
        # Verdicts and overdue items of this window and the one before it.
        self._answered = [0, 0]
        self._overdue = [0, 0]
        self._window_ends = clock.monotonic() + ANSWER_SECONDS

    @property
    def idle(self) -> bool:
        """True if no item is in transit."""
        return not self._sent

    def submit(
        self,
        sender: Sender,
        *,
        client_ref: int,
        conversation_id: str,
        command: bytes,
        signed_caller: bytes,
    ) -> None:
        """Send one item; `sender.settled` receives its verdict, exactly once.

        Raises:
            SendsWaiting: the other side does not keep up.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise SendsWaiting(retry_after=timedelta(seconds=1))
        self._last_ref += 1
        due = self._clock.monotonic() + ANSWER_SECONDS
        self._sent[self._last_ref] = Sent(sender, client_ref, conversation_id, due)
        self._waiting.append(
            AppendItem(ref=self._last_ref, signed_caller=signed_caller, command=command)
        )
        self._awake.set()

    async def readable(self, request: ReadableContainersRequest) -> ReadableContainersResponse:
        """Query the conversations that a person may read.

        Raises:
            DependencyDown: no answer.
        """
        if self._authority is None:
            raise DependencyDown(dependency=self.endpoint, cause="not connected")
        return await self._authority.ReadableContainers(request)

    async def members(self, request: ReadMembersRequest) -> Sequence[ReadMembersResponse]:
        """Ask who belongs to a conversation; return all parts of the answer.

        Raises:
            DependencyDown: no answer.
        """
        if self._authority is None:
            raise DependencyDown(dependency=self.endpoint, cause="not connected")
        return [part async for part in self._authority.ReadMembers(request, timeout=ANSWER_SECONDS)]

    async def run(self, channel: "Channel") -> None:
        """Keep the stream open until cancelled; reopen a broken one with back-off.

        Args:
            channel: leads to the process and signs as the gateway's own.
        """
        self._authority = AuthorityStub(channel)
        log_service: LogServiceAsyncStub = LogServiceStub(channel)
        failures = 0
        while True:
            began = self._clock.monotonic()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await channel.channel_ready()
                await self._serve(log_service.Append())
                log.info("uplink.ended", endpoint=self.endpoint)
            except (Refusal, RemoteFailure) as error:
                log.warning("uplink.broken", endpoint=self.endpoint, error=str(error))
            except Stalled:
                STALLED.inc()
            except TimeoutError:
                log.warning("uplink.unreachable", endpoint=self.endpoint)
                self._turn(problem=_UNREACHABLE)
                continue
            except Exception:
                # People's sends need the stream, so it is opened again after any error.
                log.exception("uplink.failed", endpoint=self.endpoint)
            lived = self._clock.monotonic() - began
            failures = 0 if lived > CONNECT_SECONDS and not self._stalled.is_set() else failures + 1
            await asyncio.sleep(pause(failures, _BACK_OFF))

    def expire(self, now: float) -> None:
        """Answer overdue items as unknown; close the stream when most of its items are."""
        overdue = []
        for ref, sent in self._sent.items():
            if sent.due > now:
                break
            overdue.append(ref)
        for ref in overdue:
            self._frames.answered(ref, StatusCode.DEADLINE_EXCEEDED)
            self._settle(self._sent.pop(ref), _unknown())
        if now >= self._window_ends:
            self._window_ends = now + ANSWER_SECONDS
            self._answered = [0, self._answered[0]]
            self._overdue = [0, self._overdue[0]]
        if not overdue:
            return
        self._overdue[0] += len(overdue)
        if self.up and sum(self._overdue) > sum(self._answered):
            self._turn(problem=OVERDUE)
            self._stalled.set()

    async def _serve(self, call: Any) -> None:
        """Read and write the stream until one of both ends, or it does not answer."""
        self._proved.clear()
        self._stalled.clear()
        self._answered, self._overdue = [0, 0], [0, 0]
        tasks = {
            asyncio.create_task(work, name=f"uplink {self.endpoint}")
            for work in (self._read(call), self._write(call), self._watch())
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self.up:
                self._turn(problem=_CONNECTING)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            call.cancel()
            self._lose_all()
        for task in done:
            if task.cancelled():
                raise DependencyDown(dependency=self.endpoint, cause="cancelled")
            task.result()

    async def _read(self, call: Any) -> None:
        async for response in call:
            self._take(response)

    async def _watch(self) -> None:
        """Raise Stalled when the probe is not answered in time, or items later on."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._proved.wait()
        except TimeoutError:
            self._turn(problem=OVERDUE)
            self._stalled.set()
        await self._stalled.wait()
        log.error("uplink.stalled", endpoint=self.endpoint, problem=self.problem)
        raise Stalled

    async def _write(self, call: Any) -> None:
        await call.write(AppendRequest(items=[AppendItem(ref=PROBE_REF)]))
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._waiting:
                items = self._next()
                self._frames.write(items)
                await call.write(AppendRequest(items=items))

    def _next(self) -> list[AppendItem]:
        """Return the items of the next frame."""
        size = 0
        for count, item in enumerate(self._waiting):
            size += len(item.command) + len(item.signed_caller)
            if count == MAX_ITEMS or (count and size > MAX_BYTES):
                items = self._waiting[:count]
                del self._waiting[:count]
                return items
        items, self._waiting = self._waiting, []
        return items

    def _take(self, response: AppendResponse) -> None:
        fault.point("gateway.before_ack")
        events = []
        self._answered[0] += len(response.verdicts)
        for each in response.verdicts:
            self._frames.answered(each.ref)
            sent = self._sent.pop(each.ref, None)
            if sent is None:
                if each.ref == PROBE_REF and not self._proved.is_set():
                    self._proved.set()
                    self._turn(problem="")
                continue
            self._settle(sent, each.verdict)
            if each.event:
                events.append(each.event)
        if events:
            self._on_stored(events)

    def _lose_all(self) -> None:
        """Answer everything that is on its way: the same request ids can be sent again (MSG-3)."""
        lost, self._sent = list(self._sent.values()), {}
        self._waiting.clear()
        self._frames.lose()
        verdict = _unknown()
        for sent in lost:
            self._settle(sent, verdict)

    def _settle(self, sent: Sent, verdict: SendVerdict) -> None:
        try:
            sent.sender.settled(sent.client_ref, sent.conversation_id, verdict)
        except Exception as error:  # noqa: BLE001 - one client's stream, not the others' (GW-8)
            item_failed(error, of="gateway.verdicts")

    def _turn(self, *, problem: str) -> None:
        """Record the reason why the stream is not up; an empty problem: it is."""
        self.up, self.problem = not problem, problem
        self._on_change()
        if self.up:
            log.info("uplink.ready", endpoint=self.endpoint)


def _unknown() -> SendVerdict:
    return refused_verdict(OwnerUnreachable(retry_after=_RETRY))
