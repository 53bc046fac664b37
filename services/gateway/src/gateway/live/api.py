"""SessionService: the gateway's own RPCs."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any

from plexus.gateway.v1.session_service_pb2 import SessionRequest, SubscribeRequest

from gateway.identity import current
from gateway.live.hub import StreamHub


class SessionApi:
    """Passes the caller of each method to Live, and writes its results.

    Authentication, permission and errors are handled before it, in the gateway's server.
    """

    def __init__(self, hub: StreamHub) -> None:
        self._hub = hub

    def Session(
        self, request_iterator: AsyncIterator[SessionRequest], context: Any
    ) -> Coroutine[Any, Any, None]:
        """Run a native client's stream."""
        return self._hub.session(current(), request_iterator, context.write)

    async def Subscribe(self, request: SubscribeRequest, context: Any) -> None:
        """Run a browser's stream."""
        async with aclosing(self._hub.frames(current(), request)) as responses:
            async for response in responses:
                await context.write(response)
