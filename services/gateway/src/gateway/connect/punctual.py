"""HTTP/1.1 with a time limit for the arrival of a request; slow clients lose their connection."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.connect.connections import Connections
from gateway.limits import LIMITED, MethodClass

_UNFINISHED: Final = (h11.IDLE, h11.SEND_BODY)
_UNANSWERED: Final = (h11.IDLE, h11.SEND_RESPONSE)


class PunctualConfig(uvicorn.Config):
    """Uvicorn's settings, with the time limit of requests and the check of connections."""

    def __init__(
        self,
        app: Any,
        *,
        request_seconds: float,
        connections: Connections | None = None,
        **options: Any,
    ) -> None:
        super().__init__(app, http=PunctualProtocol, **options)
        self.request_seconds = request_seconds
        self.connections = connections


class PunctualProtocol(H11Protocol):
    """Ends a request that is not complete in time: 408, and the connection is closed.

    Time runs from the connection, and from the first byte of each later request, to the last byte
    of the body. Between requests uvicorn's own timeout for idle connections applies; responses have
    no time limit.
    """

    config: PunctualConfig
    _late: asyncio.TimerHandle | None = None
    _address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Start the time limit of the first request."""
        super().connection_made(transport)
        connections, self._address = self.config.connections, _address(self.client)
        if connections is not None and not connections.opened(self._address):
            self._address = ""
            transport.abort()
            return
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Receive bytes of a request."""
        if self._late is None:
            self._expect()
        super().data_received(data)
        if self.conn.their_state not in _UNFINISHED:
            self._relax()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._relax()
        if self.config.connections is not None:
            self.config.connections.done(self._address)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start on the next request, of which a part may have arrived already."""
        super().on_response_complete()
        waiting, _ = self.conn.trailing_data
        if waiting and self._late is None and self.conn.their_state in _UNFINISHED:
            self._expect()

    def _expect(self) -> None:
        self._late = self.loop.call_later(self.config.request_seconds, self._give_up)

    def _relax(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        self._late = None
        if self.transport.is_closing():
            return
        LIMITED.labels("slow_request", MethodClass.PUBLIC).inc()
        if self.conn.our_state in _UNANSWERED:
            for event in _too_late():
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _address(client: tuple[str, int] | None) -> str:
    """Return a client as requests name it."""
    return "" if client is None else f"{client[0]}:{client[1]}"


def _too_late() -> Sequence[h11.Event]:
    status = HTTPStatus.REQUEST_TIMEOUT
    headers = [("connection", "close"), ("content-length", "0")]
    return (
        h11.Response(status_code=status, headers=headers, reason=status.phrase.encode()),
        h11.EndOfMessage(),
    )
