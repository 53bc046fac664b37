"""SessionService: the gateway's own RPCs."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any

from plexus.gateway.v1.session_service_pb2 import SessionRequest, SubscribeRequest

from gateway.identity import current
from gateway.live.hub import StreamHub


class SessionApi:
    """Each method gives the person of the call to Live, and writes what comes of it.

    Authentication, permission and errors stand before it, in the gateway's server.
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
