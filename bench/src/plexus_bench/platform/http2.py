"""gRPC calls on one HTTP/2 connection with minimal processor time.

The driver shares the machine with the measured system, and the clients of the peers use plain
sockets too; grpcio's client takes three times as much processor time for a message. This is RFC
9113 without TLS and priorities, and gRPC's mapping onto it without compression.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Self, cast
from urllib.parse import unquote

from hpack import Decoder, Encoder

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Length (24 bits) and type, flags, stream.
_HEAD: Final = struct.Struct(">IBI")
_HEAD_BYTES: Final = 9
_SETTING: Final = struct.Struct(">HI")
_PREFIX: Final = struct.Struct(">BI")
_PREFIX_BYTES: Final = 5


class _Kind(IntEnum):
    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    PING = 6
    WINDOW_UPDATE = 8
    CONTINUATION = 9


_END_STREAM, _END_HEADERS, _ACK, _PADDED, _PRIORITY = 0x1, 0x4, 0x1, 0x8, 0x20
_ENABLE_PUSH, _INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 2, 4, 5
_CANCEL: Final = 8

_DEFAULT_WINDOW: Final = 65_535
_LARGEST_WINDOW: Final = 2**31 - 1
# Received bytes are returned to the sender's window from this amount on.
_GIVE_BACK: Final = 2**30
_STREAM_BITS: Final = 2**31 - 1

_OK: Final = 0
_UNAVAILABLE: Final = 14
_INTERNAL: Final = 13


class CallEnded(Exception):  # noqa: N818 - names the fact, like a refusal
    """A call ended with a status other than OK, or its connection is lost.

    Attributes:
        status: The number of the gRPC status; UNAVAILABLE for a lost connection.
    """

    def __init__(self, status: int, details: str) -> None:
        super().__init__(f"status {status}: {details}")
        self.status = status


class Call:
    """One call: serialized messages in both directions."""

    def __init__(self, connection: "Connection", number: int, *, window: int) -> None:
        self.number = number
        self.window = window
        self._connection = connection
        self._out = bytearray()
        self._last = False
        self._unread = 0
        self._partial = b""
        self._messages: deque[bytes] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._end: CallEnded | None = None
        self._ended = False

    async def write(self, message: bytes, *, last: bool = False) -> None:
        """Send a message; wait while the server's window is full.

        Raises:
            CallEnded: The call has ended.
        """
        if self._ended:
            raise self._end or CallEnded(_OK, "the server has ended the call")
        self._out += _PREFIX.pack(0, len(message)) + message
        self._last = last
        self.flush()

    async def read(self) -> bytes | None:
        """Return the next message; None when the call has ended with OK.

        Raises:
            CallEnded: It has ended with another status.
        """
        while not self._messages:
            if self._ended:
                if self._end is not None:
                    raise self._end
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._messages.popleft()

    def cancel(self) -> None:
        """Cancel the call at the server."""
        if not self._ended:
            self._connection.reset(self)
            self.end(CallEnded(1, "cancelled by the client"))

    def flush(self) -> None:
        """Send as much as the windows allow."""
        while self._out:
            size = self._connection.room(min(self.window, len(self._out)))
            if size <= 0:
                return
            payload = bytes(self._out[:size])
            del self._out[:size]
            self.window -= size
            self._connection.send_data(self, payload, last=self._last and not self._out)

    def take(self, payload: bytes) -> int:
        """Parse bytes of the response; return the bytes to give back to the server's window."""
        data = self._partial + payload if self._partial else payload
        at, end = 0, len(data)
        while end - at >= _PREFIX_BYTES:
            compressed, size = _PREFIX.unpack_from(data, at)
            if compressed:
                raise CallEnded(_INTERNAL, "a compressed message, which nobody has asked for")
            after = at + _PREFIX_BYTES + size
            if after > end:
                break
            self._messages.append(data[at + _PREFIX_BYTES : after])
            at = after
        self._partial = data[at:]
        self._wake()
        self._unread += len(payload)
        if self._unread < _GIVE_BACK:
            return 0
        given, self._unread = self._unread, 0
        return given

    def end(self, reason: CallEnded | None) -> None:
        """Record the end of the call; None: with OK. Only the first end counts."""
        if not self._ended:
            self._ended, self._end = True, reason
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(asyncio.Protocol):
    """An HTTP/2 connection to a gRPC server."""

    def __init__(self, authority: str) -> None:
        self._authority = authority
        self._transport: asyncio.Transport
        self._encoder, self._decoder = Encoder(), Decoder()
        self._rest = b""
        self._calls: dict[int, Call] = {}
        self._next_number = 1
        self._window = _DEFAULT_WINDOW
        self._first_window = _DEFAULT_WINDOW
        self._max_in_frame = 16_384
        self._unread = 0
        # A block of headers with an outstanding continuation: its stream, flags and bytes.
        self._block: tuple[int, int, bytes] | None = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, address: str) -> Self:
        """Connect to `host:port` in plain text.

        Raises:
            OSError: No server listens there.
        """
        host, _, port = address.rpartition(":")
        connection = cls(address)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, host, int(port))
        return connection

    def call(self, method: str, *, metadata: Mapping[str, str]) -> Call:
        """Start a call of `/package.Service/Method`; write its messages to the returned object.

        Raises:
            CallEnded: The connection is lost.
        """
        if self._lost.done():
            raise CallEnded(_UNAVAILABLE, "the connection is lost")
        call = Call(self, self._next_number, window=self._first_window)
        self._next_number += 2
        self._calls[call.number] = call
        headers = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *metadata.items(),
        ]
        self._send(_Kind.HEADERS, _END_HEADERS, call.number, self._encoder.encode(headers))
        return call

    async def close(self) -> None:
        """Close the connection and wait until it is closed."""
        self._transport.close()
        await self._lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send this side's settings; called by asyncio."""
        # uvloop's is not a subclass of it.
        self._transport = cast("asyncio.Transport", transport)
        settings = _SETTING.pack(_ENABLE_PUSH, 0)
        settings += _SETTING.pack(_INITIAL_WINDOW_SIZE, _LARGEST_WINDOW)
        self._transport.write(_PREFACE)
        self._send(_Kind.SETTINGS, 0, 0, settings)
        self._give_back(0, _LARGEST_WINDOW - _DEFAULT_WINDOW)

    def data_received(self, data: bytes) -> None:
        """Parse frames; called by asyncio."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _HEAD_BYTES:
            word, flags, number = _HEAD.unpack_from(data, at)
            after = at + _HEAD_BYTES + (word >> 8)
            if after > end:
                break
            payload = data[at + _HEAD_BYTES : after]
            self._take(word & 0xFF, flags, number & _STREAM_BITS, payload)
            at = after
        self._rest = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        """End every call; called by asyncio."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            call.end(CallEnded(_UNAVAILABLE, f"the connection is lost: {exc}"))
        if not self._lost.done():
            self._lost.set_result(None)

    def room(self, wanted: int) -> int:
        """Return how many bytes of a call fit into one frame now."""
        return min(wanted, self._window, self._max_in_frame)

    def send_data(self, call: Call, payload: bytes, *, last: bool) -> None:
        """Send bytes of a call that fit into its window."""
        self._window -= len(payload)
        self._send(_Kind.DATA, _END_STREAM if last else 0, call.number, payload)

    def reset(self, call: Call) -> None:
        """Reset the call's stream at the server."""
        if self._calls.pop(call.number, None) is not None:
            self._send(_Kind.RST_STREAM, 0, call.number, _CANCEL.to_bytes(4))

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        match kind:
            case _Kind.DATA:
                self._take_data(flags, number, payload)
            case _Kind.WINDOW_UPDATE:
                self._widen(number, int.from_bytes(payload) & _STREAM_BITS)
            case _Kind.HEADERS:
                self._take_headers(flags, number, _unpadded(flags, payload))
            case _Kind.CONTINUATION if self._block is not None:
                began, first_flags, block = self._block
                self._take_headers(first_flags | (flags & _END_HEADERS), began, block + payload)
            case _Kind.RST_STREAM:
                self._end(number, CallEnded(_INTERNAL, f"reset by {int.from_bytes(payload)}"))
            case _Kind.SETTINGS if not flags & _ACK:
                self._obey(payload)
            case _Kind.PING if not flags & _ACK:
                self._send(_Kind.PING, _ACK, 0, payload)
            case _:
                # GOAWAY: the server completes the open calls. Other frames have no effect.
                pass

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        self._unread += len(payload)
        if self._unread >= _GIVE_BACK:
            self._give_back(0, self._unread)
            self._unread = 0
        call = self._calls.get(number)
        if call is None:
            return
        try:
            given = call.take(_unpadded(flags, payload) if flags & _PADDED else payload)
        except CallEnded as broken:
            self.reset(call)
            call.end(broken)
            return
        if given:
            self._give_back(number, given)

    def _take_headers(self, flags: int, number: int, block: bytes) -> None:
        """Process the headers of a response, or the trailers that end it."""
        if not flags & _END_HEADERS:
            self._block = (number, flags, block)
            return
        self._block = None
        # Blocks of ended calls are decoded too: they change the table of the next ones.
        headers = cast("Mapping[str, str]", dict(self._decoder.decode(block)))
        if flags & _END_STREAM:
            status = int(headers.get("grpc-status", _INTERNAL))
            details = unquote(headers.get("grpc-message", "no message"))
            self._end(number, None if status == _OK else CallEnded(status, details))

    def _end(self, number: int, reason: CallEnded | None) -> None:
        call = self._calls.pop(number, None)
        if call is not None:
            call.end(reason)

    def _obey(self, payload: bytes) -> None:
        """Apply the server's settings."""
        for setting, value in _SETTING.iter_unpack(payload):
            if setting == _INITIAL_WINDOW_SIZE:
                for call in self._calls.values():
                    call.window += value - self._first_window
                self._first_window = value
            elif setting == _MAX_FRAME_SIZE:
                self._max_in_frame = value
        self._send(_Kind.SETTINGS, _ACK, 0, b"")
        self._flush()

    def _widen(self, number: int, more: int) -> None:
        if number == 0:
            self._window += more
            self._flush()
        elif number in self._calls:
            self._calls[number].window += more
            self._calls[number].flush()

    def _flush(self) -> None:
        for call in self._calls.values():
            call.flush()

    def _give_back(self, number: int, size: int) -> None:
        self._send(_Kind.WINDOW_UPDATE, 0, number, size.to_bytes(4))

    def _send(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        self._transport.write(_HEAD.pack(len(payload) << 8 | kind, flags, number) + payload)


def _unpadded(flags: int, payload: bytes) -> bytes:
    if flags & _PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & _PRIORITY else payload
