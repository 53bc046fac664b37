"""`python -m plexus_bench.framing`: the driver's own HTTP/2 client beside the library `h2`.

Both read and write the same frames of one gRPC stream, without sockets. Short rounds alternate, so
that a busy machine slows both; CPU time of the thread counts, not the clock.
"""

import asyncio
import statistics
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Final, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from hpack import Encoder

from plexus_bench.platform.http2 import Connection

_MESSAGE: Final = bytes(300)
_ROUNDS: Final = 40
_MESSAGES: Final = 1_000
_WINDOW: Final = 2**30
_METHOD: Final = "/plexus.gateway.v1.GatewayService/Session"
_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_END_HEADERS: Final = 0x4
_REQUEST: Final = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", _METHOD),
    (":authority", "bench"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
]

Work = Callable[[], Awaitable[None]]


def main() -> None:
    """Print microseconds of CPU for reading and for writing a message, with each, and ratios."""
    asyncio.run(_compare())


async def _compare() -> None:
    own, library = _Own(), _Library()
    print(f"{'messages of 300 bytes':<22} {'own µs':>8} {'h2 µs':>8} {'h2/own':>7}")
    pairs: dict[str, tuple[Work, Work]] = {
        "read": (own.read, library.read),
        "write": (own.write, library.write),
    }
    for name, (ours, theirs) in pairs.items():
        rounds = [(await _timed(ours), await _timed(theirs)) for _ in range(_ROUNDS)]
        first, second = (statistics.median(each) for each in zip(*rounds, strict=True))
        print(f"{name:<22} {first:>8.2f} {second:>8.2f} {second / first:>7.1f}")


async def _timed(work: Work) -> float:
    """Return microseconds of CPU that one message takes."""
    began = time.thread_time()
    await work()
    return (time.thread_time() - began) / _MESSAGES * 1e6


class _Own:
    """A call of the driver's client, whose connection writes into nothing."""

    def __init__(self) -> None:
        self._connection = Connection("bench")
        self._connection.connection_made(cast("asyncio.Transport", _Nowhere()))
        self._call = self._connection.call(_METHOD, metadata={})
        self._frame = _message_frame(self._call.number)
        self._more = _more_window(0) + _more_window(self._call.number)

    async def read(self) -> None:
        for _ in range(_MESSAGES):
            self._connection.data_received(self._frame)
            await self._call.read()

    async def write(self) -> None:
        self._connection.data_received(self._more)
        for _ in range(_MESSAGES):
            await self._call.write(_MESSAGE)


class _Library:
    """The same call with `h2`, without its checks of headers."""

    def __init__(self) -> None:
        config = H2Configuration(
            client_side=True,
            validate_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self._connection = H2Connection(config)
        self._connection.initiate_connection()
        self._connection.increment_flow_control_window(_WINDOW)
        self._stream = self._connection.get_next_available_stream_id()
        self._connection.send_headers(self._stream, _REQUEST)
        self._connection.increment_flow_control_window(_WINDOW, self._stream)
        self._connection.data_to_send()
        answer = Encoder().encode([(":status", "200"), ("content-type", "application/grpc")])
        self._connection.receive_data(
            _frame(_SETTINGS, 0, 0, b"") + _frame(_HEADERS, _END_HEADERS, self._stream, answer)
        )
        self._received = _message_frame(self._stream)

    async def read(self) -> None:
        for _ in range(_MESSAGES):
            for event in self._connection.receive_data(self._received):
                if isinstance(event, DataReceived):
                    _, size = struct.unpack_from(">BI", event.data)
                    event.data[5 : 5 + size]

    async def write(self) -> None:
        size = (_MESSAGES + 1) * (len(_MESSAGE) + 5)
        missing = size - self._connection.local_flow_control_window(self._stream)
        if missing > 0:
            self._connection.receive_data(
                _more_window(0, missing) + _more_window(self._stream, missing)
            )
        for _ in range(_MESSAGES):
            content = struct.pack(">BI", 0, len(_MESSAGE)) + _MESSAGE
            self._connection.send_data(self._stream, content)
            self._connection.data_to_send()


class _Nowhere:
    """A transport that drops what is written."""

    def write(self, content: bytes) -> None:
        """Drop it."""


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def _message_frame(stream: int) -> bytes:
    return _frame(_DATA, 0, stream, struct.pack(">BI", 0, len(_MESSAGE)) + _MESSAGE)


def _more_window(stream: int, size: int = _MESSAGES * 1_000) -> bytes:
    return _frame(_WINDOW_UPDATE, 0, stream, size.to_bytes(4))


if __name__ == "__main__":
    main()
