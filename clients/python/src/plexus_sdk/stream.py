"""Session stream that reconnects for as long as it runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final

import grpc
from plexus.gateway.v1.session_service_pb2 import (
    Frame,
    Hello,
    Reauthenticate,
    SessionRequest,
    SessionResponse,
    Welcome,
)
from plexus.messaging.v1.signal_service_pb2 import Presence, SignalPresenceRequest

from plexus_sdk.backoff import doubled, jittered
from plexus_sdk.connection import RENEW_BEFORE_SECONDS, Plexus
from plexus_sdk.endings import responses
from plexus_sdk.errors import Refused, SignedOut, Unreachable, refusals
from plexus_sdk.inbox import Inbox
from plexus_sdk.outbox import Outbox

_LOG = logging.getLogger("plexus_sdk")

FIRST_WAIT, MAX_WAIT = 0.2, 10.0
WELCOME_SECONDS: Final = 20.0
REAUTHENTICATE_SECONDS: Final = 240.0
ONLINE_SECONDS: Final = 60.0
# Silence for this many heartbeats means that the connection is lost.
_MISSED_HEARTBEATS: Final = 2.5
_LEAST_SILENCE_SECONDS: Final = 5.0
_EXPIRED: Final = "TOKEN_EXPIRED"
# A new stream would be refused for the same reason.
_FINAL: Final = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)


def note_trouble(refused: Refused) -> None:
    """Log a lost connection."""
    _LOG.warning("stream lost, reconnecting: %s", refused)


class Stream:
    """One stream kept open: it reads frames at once, renews its token and resends messages.

    A slow application does not delay reading, because the inbox is bounded.
    """

    def __init__(
        self,
        plexus: Plexus,
        inbox: Inbox,
        outbox: Outbox,
        *,
        device: str,
        online: bool = False,
        on_trouble: Callable[[Refused], None] = note_trouble,
    ) -> None:
        """Prepare a stream; `run` opens it.

        Args:
            plexus: connection.
            inbox: gets the frames.
            outbox: gets acknowledgements and supplies the messages to send.
            device: name in the list of devices.
            online: whether the person is reported as online while the stream is open.
            on_trouble: called with the reason whenever the stream is lost.
        """
        self.opened = asyncio.Event()
        self.welcome = Welcome()
        self._plexus = plexus
        self._inbox = inbox
        self._outbox = outbox
        self._device = device
        self._online = online
        self._on_trouble = on_trouble
        self._losses = 0
        self._silence = WELCOME_SECONDS
        self._drains = False

    async def run(self) -> None:
        """Keep the stream open.

        Raises:
            Refused: Plexus permanently refuses the stream, for example because the session ended.
        """
        while True:
            try:
                await self._once()
            except Refused as refused:
                await self._recover(refused)
                self._on_trouble(refused)
            finally:
                self._outbox.closed()
            if self._drains:
                # Another gateway takes over; its clients must not all reconnect at the same moment.
                await asyncio.sleep(jittered(FIRST_WAIT, spread=(0.0, 1.0)))
                continue
            wait = doubled(self._losses, (FIRST_WAIT, MAX_WAIT))
            await asyncio.sleep(jittered(wait, spread=(0.5, 1.5)))
            self._losses += 1

    async def _recover(self, refused: Refused) -> None:
        """Renew an expired token; raise a refusal that would recur."""
        if refused.code not in _FINAL and not isinstance(refused, SignedOut):
            return
        if refused.reason != _EXPIRED:
            raise refused
        try:
            renewed = await self._plexus.renew_rejected(self._plexus.profile.access_token)
        except Unreachable:
            return
        if not renewed:
            raise refused

    async def _once(self) -> None:
        """Open a stream and read it until it ends."""
        self._drains = False
        self._silence = WELCOME_SECONDS
        requests: asyncio.Queue[SessionRequest] = asyncio.Queue()
        metadata = await self._plexus.metadata()
        call = self._plexus.live.Session(self._written(requests), metadata=metadata)
        beside = [asyncio.create_task(self._reauthenticate(requests))]
        if self._online:
            beside.append(asyncio.create_task(self._keep_online()))
        try:
            with refusals():
                async with contextlib.aclosing(responses(call)) as received:
                    await self._read(received, requests)
        finally:
            for task in beside:
                task.cancel()
            for error in await asyncio.gather(*beside, return_exceptions=True):
                if isinstance(error, Exception):
                    _LOG.error("a task beside the stream has failed", exc_info=error)

    async def _read(
        self,
        received: AsyncIterator[SessionResponse],
        requests: "asyncio.Queue[SessionRequest]",
    ) -> None:
        while not self._drains:
            try:
                async with asyncio.timeout(self._silence):
                    response = await anext(received, None)
            except TimeoutError:
                raise Unreachable(
                    f"Plexus was silent for {self._silence:.0f} s; connecting again.",
                    code=grpc.StatusCode.UNAVAILABLE,
                ) from None
            if response is None:
                return
            for frame in response.frames:
                self._take(frame, requests)

    async def _written(
        self, requests: "asyncio.Queue[SessionRequest]"
    ) -> AsyncIterator[SessionRequest]:
        yield SessionRequest(hello=Hello(device=self._device))
        while True:
            yield await requests.get()

    def _take(self, frame: Frame, requests: "asyncio.Queue[SessionRequest]") -> None:
        match frame.WhichOneof("frame"):
            case "welcome":
                self._begin(frame.welcome, requests)
            case "acknowledgement":
                self._outbox.acknowledge(frame.acknowledgement)
            case "drain":
                self._drains = True
            case _:
                self._inbox.put(frame)

    def _begin(self, welcome: Welcome, requests: "asyncio.Queue[SessionRequest]") -> None:
        self.welcome = welcome
        self._losses = 0
        heartbeat = welcome.heartbeat_seconds * _MISSED_HEARTBEATS
        self._silence = max(heartbeat, _LEAST_SILENCE_SECONDS)
        self._inbox.welcome(welcome.positions, again=self.opened.is_set())
        self._outbox.opened(requests)
        self.opened.set()

    async def _reauthenticate(self, requests: "asyncio.Queue[SessionRequest]") -> None:
        """Present the token again before it expires; an API token is valid for 15 minutes."""
        while True:
            left = self._plexus.expires_in - RENEW_BEFORE_SECONDS + 1
            await asyncio.sleep(min(max(left, 1.0), REAUTHENTICATE_SECONDS))
            try:
                await self._plexus.metadata()
            except Refused as refused:
                # The stream ends with its token; opening the next one reports a permanent refusal.
                _LOG.warning("access token not renewed: %s", refused)
                continue
            token = self._plexus.profile.access_token
            requests.put_nowait(SessionRequest(reauthenticate=Reauthenticate(access_token=token)))

    async def _keep_online(self) -> None:
        """Report the person as online repeatedly; the gateway does so when the stream begins."""
        request = SignalPresenceRequest(state=Presence.STATE_ONLINE)
        while True:
            await asyncio.sleep(ONLINE_SECONDS)
            try:
                await self._plexus.call(self._plexus.signals.SignalPresence, request)
            except Refused as refused:
                # Others see the person as offline until the next signal.
                self._on_trouble(refused)
