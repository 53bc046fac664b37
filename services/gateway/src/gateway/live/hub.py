"""All open streams of this gateway, and their sources."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Final, Self

import structlog
from plexus.gateway.v1.session_service_pb2 import (
    SessionRequest,
    SubscribeRequest,
    SubscribeResponse,
)
from plexuskit.errors import Refusal
from plexuskit.grpc import CallerSigner
from plexuskit.metrics import gauge
from plexuskit.service import Runtime

from gateway.access import Access, DecisionLog
from gateway.config import Settings
from gateway.identity import Authenticator, Callers, EndedSessions, Identity
from gateway.limits import Limits
from gateway.live import wire
from gateway.live.channels import Channels
from gateway.live.doubts import Doubts, Memberships
from gateway.live.fanout import FanOut
from gateway.live.heartbeats import HeartbeatWheel
from gateway.live.presence import PresencePublisher, Presences
from gateway.live.presence_reports import presence_reports
from gateway.live.reauthorizer import Reauthorizer
from gateway.live.refusals import GatewayDraining, HelloMissing, TooManyItems
from gateway.live.router import Router
from gateway.live.send_buffer import Bounds, SendBuffer, Ticker
from gateway.live.sends import Sends
from gateway.live.signals import Signals
from gateway.live.stream import Stream
from gateway.live.subscribers import SubscriberRegistry
from gateway.live.visibility import PRESENCE, READ, Listener, Visibility

Write = Callable[[bytes], Awaitable[None]]

log = structlog.get_logger()

STREAMS = gauge("plexus_gateway_streams", "Open client streams")

# Maximum wait for Kafka at the start; without it streams must resynchronise later.
POSITION_SECONDS: Final = 10.0
HELLO_SECONDS: Final = 10.0
# Items of one frame; no other one is read before all of them are on their way or answered.
MAX_FRAME_ITEMS: Final = 2000


class StreamHub:
    """Owns the router, the fan-out and the streams; enter it before anything is served."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        *,
        signer: CallerSigner,
        callers: Callers,
        authenticator: Authenticator,
        ended: EndedSessions,
        access: Access,
        decision_log: DecisionLog,
        memberships: Memberships,
        stale: Callable[[], bool],
        limits: Limits,
    ) -> None:
        """Create the parts; nothing runs before it is entered.

        Args:
            settings: settings of the gateway.
            runtime: runtime of the process.
            signer: the gateway's own key, for its own calls.
            callers: signs caller contexts.
            authenticator: verifies the tokens of Reauthenticate.
            ended: knows which signed-in sessions have ended (GW-4).
            access: authorises calls on local data.
            decision_log: records refusals (GW-7).
            memberships: receive joins and leaves.
            stale: whether the data of `access` is too old to show anything (GW-10).
            limits: bound the items of a person.
        """
        self._settings = settings
        self._section = section = settings.live
        self._runtime = runtime
        self._authenticator = authenticator
        self._channels = Channels()
        self._bounds = Bounds(frames=section.buffer_frames, bytes=section.buffer_bytes)
        self._ticker = Ticker(max_linger=section.linger_ms / 1000)
        self._heartbeats = HeartbeatWheel(
            ended,
            clock=runtime.clock,
            heartbeat_seconds=section.heartbeat_seconds,
            grace=timedelta(seconds=section.expiry_grace_seconds),
        )
        self.router = Router(
            settings.peers.messaging,
            signer=signer,
            tls=settings.tls,
            clock=runtime.clock,
            health=runtime.health,
            every=section.resolve_seconds,
            on_stored=self._receive,
        )
        self._subscribers = SubscriberRegistry(
            self._channels,
            ask=self.router.readable,
            may_read=lambda tenant, person: access.person_may(tenant, person, READ),
        )
        self._visibility = Visibility(access, clock=runtime.clock)
        self._doubts = Doubts(self._subscribers, ask=self.router.members, memberships=memberships)
        self.fanout = FanOut(
            self._channels,
            self._subscribers,
            doubts=self._doubts,
            memberships=memberships,
            visibility=self._visibility,
            stale=stale,
            beat=self._heartbeats.now,
        )
        self._reauthorizer = Reauthorizer(
            self._subscribers, access, self._visibility, streams=lambda: self._heartbeats.streams
        )
        self._callers = callers
        self._presence_publisher = PresencePublisher()
        self.signals = Signals(
            self._channels,
            self._subscribers,
            Presences(contradict=self._presence_publisher.contradict),
            visibility=self._visibility,
            clock=runtime.clock,
        )
        self._limits = limits
        self._sends = Sends(
            self.router,
            callers,
            access=access,
            decision_log=decision_log,
            limits=limits,
            max_waiting=section.max_unacknowledged,
            max_bytes=section.max_item_bytes,
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        runtime = self._runtime
        self._stack.callback(self._subscribers.close)
        self._stack.callback(self._doubts.close)
        await self._stack.enter_async_context(self.router.running(runtime))
        await self._stack.enter_async_context(
            runtime.kept(
                "live.fanout",
                lambda: self.fanout.follow(self._settings.kafka, health=runtime.health),
            )
        )
        await self._stack.enter_async_context(
            runtime.kept(
                "live.signals",
                lambda: self.signals.follow(self._settings.kafka, health=runtime.health),
            )
        )
        say = await self._stack.enter_async_context(
            presence_reports(self._settings.peers.messaging, self._callers, tls=self._settings.tls)
        )
        for name, work in (
            ("live.presence", self.signals.sweep),
            ("live.herald", partial(self._presence_publisher.run, say)),
            ("live.beats", self._heartbeats.run),
            ("live.standing", self._reauthorizer.run),
        ):
            await self._stack.enter_async_context(runtime.kept(name, work))
        await self._stack.enter_async_context(runtime.background("live.drain", self._drain()))
        with suppress(TimeoutError):
            async with asyncio.timeout(POSITION_SECONDS):
                await self.fanout.positioned.wait()
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_all()
        await self._stack.aclose()

    async def session(
        self, identity: Identity, requests: AsyncIterable[SessionRequest], write: Write
    ) -> None:
        """Run a native client's stream until it ends.

        Args:
            identity: the caller.
            requests: frames of the client.
            write: sends the client one SessionResponse, serialized.

        Raises:
            HelloMissing: the first frame is no Hello, or a later one is.
            DependencyDown: the conversations that the person may read cannot be queried.
            SessionEnded, StreamExpired, SessionMismatch, GatewayDraining: how it ends. Errors that
                Authenticator.verify raises for a bad token end it too.
        """
        frames = aiter(requests)
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                first = await anext(frames)
        except (StopAsyncIteration, TimeoutError):
            raise HelloMissing from None
        if not first.HasField("hello"):
            raise HelloMissing
        stream = await self._open(identity, device=first.hello.device)
        reader = asyncio.create_task(self._read(stream, frames, [first]))
        # A quiet stream must not keep its first frame in memory.
        del first
        try:
            while response := await stream.send_buffer.take():
                await write(response)
            if reader.done():
                reader.result()
        finally:
            reader.cancel()
            self._close(stream)

    async def frames(
        self, identity: Identity, request: SubscribeRequest
    ) -> AsyncGenerator[bytes, None]:
        """Run a browser's stream; give SubscribeResponses, serialized, until it ends.

        Raises:
            DependencyDown, SessionEnded, StreamExpired, GatewayDraining: see session.
        """
        stream = await self._open(identity, device=request.device)
        try:
            while response := await stream.send_buffer.take():
                yield response
        finally:
            self._close(stream)

    async def subscribe(
        self, identity: Identity, request: SubscribeRequest
    ) -> AsyncGenerator[SubscribeResponse, None]:
        """Run a browser's stream as messages; see frames."""
        async with aclosing(self.frames(identity, request)) as responses:
            async for response in responses:
                yield SubscribeResponse.FromString(response)

    async def _open(self, identity: Identity, *, device: str) -> Stream:
        if self._runtime.stopping.is_set():
            raise GatewayDraining
        person = await self._subscribers.enter(identity)
        send_buffer = SendBuffer(bounds=self._bounds, ticker=self._ticker)
        listener = Listener(send_buffer, identity)
        stream = Stream(listener=listener, person=person)
        # From here on every event for the person reaches the stream.
        self._visibility.admit(listener, person.streams)
        send_buffer.put(
            wire.welcome(
                session_id=identity.session_id,
                person_id=identity.person_id,
                token_expires_at_ms=int(identity.expires_at.timestamp() * 1000),
                heartbeat_seconds=max(1, round(self._section.heartbeat_seconds)),
                positions=[
                    (
                        subscription.channel.id,
                        subscription.channel.through if subscription.live else 0,
                    )
                    for subscription in person.subscriptions.values()
                    if self._visibility.may_read(listener, subscription.channel.id)
                ],
            )
        )
        if PRESENCE in listener.permissions and person.streams.counted(PRESENCE) == 1:
            self._presence_publisher.arrived(identity)
        self._heartbeats.add(stream)
        STREAMS.inc()
        log.debug("stream.opened", session_id=identity.session_id, device=device)
        if self._runtime.stopping.is_set():
            send_buffer.end(GatewayDraining())
        return stream

    def _close(self, stream: Stream) -> None:
        stream.send_buffer.end()
        stream.person.streams.remove(stream.send_buffer)
        if PRESENCE in stream.listener.permissions and not stream.person.streams.counted(PRESENCE):
            self._presence_publisher.left(
                stream.identity, announce=not self._runtime.stopping.is_set()
            )
        self._heartbeats.remove(stream)
        self._subscribers.leave(stream.person)
        STREAMS.dec()

    async def _read(
        self, stream: Stream, frames: AsyncIterator[SessionRequest], begun: list[SessionRequest]
    ) -> None:
        """Process the client's frames; any error in them ends the stream."""
        try:
            await self._take(stream, begun.pop())
            async for frame in frames:
                _check_later(frame)
                await self._take(stream, frame)
                del frame
        except Refusal as refusal:
            stream.send_buffer.end(refusal)
        except Exception:
            stream.send_buffer.end()
            raise
        else:
            stream.finish()

    async def _take(self, stream: Stream, frame: SessionRequest) -> None:
        if frame.HasField("reauthenticate"):
            token = frame.reauthenticate.access_token
            identity = await self._authenticator.verify(token)
            stream.check_renewal(identity)
            self._visibility.renew(stream.listener, stream.person.streams, identity)
        if len(frame.sends) > MAX_FRAME_ITEMS:
            raise TooManyItems(items=len(frame.sends), most=MAX_FRAME_ITEMS)
        if not frame.sends:
            self._limits.waste(stream.identity, 1)
            return
        pause = await self._sends.accept(stream, frame.sends)
        await stream.send_buffer.space()
        if pause:
            await asyncio.sleep(pause)

    def _receive(self, events: Sequence[bytes]) -> None:
        """Deliver messages of this gateway that messaging has just stored."""
        self.fanout.receive(events)

    async def _drain(self) -> None:
        """Notify every stream that this gateway is leaving, and end those that stay."""
        await self._runtime.stopping.wait()
        chunk = wire.drain(within_ms=int(self._section.drain_seconds * 1000))
        for stream in self._heartbeats.streams:
            stream.send_buffer.put(chunk)
        await asyncio.sleep(self._section.drain_seconds)
        self._end_all()

    def _end_all(self) -> None:
        for stream in self._heartbeats.streams:
            stream.send_buffer.end(GatewayDraining())


def _check_later(frame: SessionRequest) -> None:
    """Refuse a second Hello."""
    if frame.HasField("hello"):
        raise HelloMissing
