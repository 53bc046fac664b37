"""A channel whose certificate can change: new calls go over a new connection, old ones end."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import grpc
import structlog

from plexuskit.grpc.certificates import Certificates
from plexuskit.watched import ReloadingFile

# Maximum age of calls on a connection with the previous certificate. Streams between services live
# for days, and their callers reopen them.
LEFT_SECONDS = 3600.0
_LOOK_EVERY = 1.0

Make = Callable[[Certificates], grpc.aio.Channel]

log = structlog.get_logger()


class FollowingChannel(grpc.aio.Channel):
    """Calls over a channel made from the current files; gRPC's own channels keep theirs."""

    def __init__(self, files: ReloadingFile[Certificates], make: Make) -> None:
        """Set the files, checked once a second while calls are made, and the connect function."""
        self._files = files
        self._make = make
        self._loop = asyncio.get_running_loop()
        self._look_at = self._loop.time() + _LOOK_EVERY
        self._made_of = files.look()
        self._channel = make(self._made_of)
        self._leaving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, grace: float | None = None) -> None:
        """Close every connection; calls on the newest get `grace` seconds to end."""
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._channel.close(grace)

    def get_state(
        self,
        try_to_connect: bool = False,  # noqa: FBT001, FBT002 - gRPC's signature
    ) -> grpc.ChannelConnectivity:
        """Return the state of the newest connection."""
        return self.now().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Wait until the newest connection leaves a state."""
        await self.now().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Wait until the newest connection is ready."""
        await self.now().channel_ready()

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a plain method."""
        return self._callable("unary_unary", method, args, options)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method that answers many messages."""
        return self._callable("unary_stream", method, args, options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method that takes many messages."""
        return self._callable("stream_unary", method, args, options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the callable of a method with many messages in both directions."""
        return self._callable("stream_stream", method, args, options)

    def now(self) -> grpc.aio.Channel:
        """Return the channel of the certificate of now."""
        time = self._loop.time()
        if time >= self._look_at:
            self._look_at = time + _LOOK_EVERY
            found = self._files.look()
            if found is not self._made_of:
                self._made_of = found
                previous, self._channel = self._channel, self._make(found)
                leaving = self._loop.create_task(_left(previous), name="tls channel leaves")
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
        return self._channel

    def _callable(self, shape: str, method: str, args: Any, options: Any) -> Callable[..., Any]:
        of: grpc.aio.Channel | None = None
        made: Any = None

        def call(*call_args: Any, **call_options: Any) -> Any:
            nonlocal of, made
            channel = self.now()
            if channel is not of:
                of, made = channel, getattr(channel, shape)(method, *args, **options)
            return made(*call_args, **call_options)

        return call


async def _left(channel: grpc.aio.Channel) -> None:
    """Let the calls of a channel end, then close it; at once if no one is waiting any more."""
    try:
        await channel.close(LEFT_SECONDS)
    except asyncio.CancelledError:
        await channel.close(None)
        raise
