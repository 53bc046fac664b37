"""Bounded send buffer of one stream, and the wake-ups of its writer.

A slow reader costs only its own buffer: beyond a bound its events are dropped, acknowledgements and
control frames stay, and the next frame it reads after those is Resync. Signals are dropped earlier,
from half of a bound on, without notice.
"""

import asyncio
from dataclasses import dataclass

from plexuskit.errors import Refusal
from plexuskit.metrics import counter

from gateway.live import wire
from gateway.live.wire import Chunk

RESYNCS = counter("plexus_gateway_resyncs_total", "Resyncs told to streams", ("reason",))

SIGNALS_DROPPED = counter(
    "plexus_gateway_signals_dropped_total", "Signals that slow readers did not get"
)

OVERFLOW = "BUFFER_OVERFLOW"
# Clients accept 4 MiB per message by default; a single chunk may exceed this bound.
MAX_RESPONSE = 1024 * 1024
# A Resync that would name more conversations than this means everything.
MAX_NAMED = 200
# Writing one response costs about half of this; so at most half of the time is spent waiting.
LINGER_PER_STREAM = 0.0001


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of one stream's buffer."""

    frames: int
    bytes: int


class Ticker:
    """Wakes streams with pending writes together.

    At once when nothing was written lately; under load they gather for a moment, which grows with
    the number of streams written last, up to `max_linger` seconds.
    """

    def __init__(self, *, max_linger: float) -> None:
        self._maximum = max_linger
        self._loop = asyncio.get_running_loop()
        self._due: list[SendBuffer] = []
        self._free_at = 0.0

    def future(self) -> "asyncio.Future[None]":
        """Return the awaitable to wait for, without the system call of fetching the loop."""
        return self._loop.create_future()

    def mark(self, send_buffer: "SendBuffer") -> None:
        """Schedule a stream to be woken at the next tick."""
        self._due.append(send_buffer)
        if len(self._due) > 1:
            return
        wait = self._free_at - self._loop.time()
        if wait > 0:
            self._loop.call_later(wait, self._fire)
        else:
            self._loop.call_soon(self._fire)

    def _fire(self) -> None:
        due, self._due = self._due, []
        self._free_at = self._loop.time() + min(self._maximum, len(due) * LINGER_PER_STREAM)
        for send_buffer in due:
            send_buffer.wake()


class SendBuffer:
    """The queue of one stream, with one reader: the coroutine that writes the stream."""

    __slots__ = (
        "_bounds",
        "_bytes",
        "_chunks",
        "_ended",
        "_error",
        "_lost",
        "_lost_all",
        "_marked",
        "_passing",
        "_space",
        "_ticker",
        "_waiter",
    )

    def __init__(self, *, bounds: Bounds, ticker: Ticker) -> None:
        self._bounds = bounds
        self._ticker = ticker
        self._chunks: list[Chunk] = []
        self._bytes = 0
        # Number of chunks that are signals.
        self._passing = 0
        self._lost: set[str] | None = None
        self._lost_all = False
        self._marked = False
        self._ended = False
        self._error: Refusal | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._space: asyncio.Future[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        """Bytes waiting to be written."""
        return self._bytes

    def put(self, chunk: Chunk) -> None:
        """Queue a chunk; beyond the bounds it and the events before it are dropped."""
        if self._ended:
            return
        if chunk.passing and self._is_pressed():
            SIGNALS_DROPPED.inc()
            return
        size = self._bytes + len(chunk.data)
        if not chunk.kept and self._passing and self._is_full(size):
            self._shed()
            size = self._bytes + len(chunk.data)
        if not chunk.kept and (self._lost is not None or self._is_full(size)):
            self._drop(chunk)
            return
        self._chunks.append(chunk)
        self._bytes = size
        self._passing += chunk.passing
        if not self._marked:
            self._marked = True
            self._ticker.mark(self)

    def end(self, error: Refusal | None = None, *, at_once: bool = False) -> None:
        """End the stream after the pending chunks, or without them; only the first end counts.

        Args:
            error: the end of the stream; None for OK.
            at_once: drop waiting chunks: the reader may not have them any more.
        """
        if self._ended:
            return
        self._ended = True
        self._error = error
        if at_once:
            self._chunks.clear()
            self._bytes = self._passing = 0
            self._lost = None
        self.wake()
        self._release()

    def wake(self) -> None:
        """Wake the writer."""
        self._marked = False
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def take(self) -> bytes:
        """Wait for pending chunks and return them as one response; empty at the end.

        Raises:
            Refusal: the end of the stream.
        """
        while not self._chunks and self._lost is None:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return b""
            self._waiter = self._ticker.future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._collect()

    async def space(self) -> None:
        """Wait until the buffer is within bounds: a client must read responses to send more."""
        while len(self._chunks) >= self._bounds.frames and not self._ended:
            if self._space is None or self._space.done():
                self._space = self._ticker.future()
            await asyncio.shield(self._space)

    def _is_full(self, size: int) -> bool:
        """Return whether one more chunk, which makes it `size` bytes, exceeds the bounds.

        A single one never is: a client that keeps up gets it, however large.
        """
        waiting = len(self._chunks)
        return waiting > 0 and (size > self._bounds.bytes or waiting >= self._bounds.frames)

    def _is_pressed(self) -> bool:
        """Return whether the reader is too slow for signals."""
        waiting = len(self._chunks)
        return (
            self._lost is not None
            or waiting * 2 > self._bounds.frames
            or self._bytes * 2 > self._bounds.bytes
        )

    def _shed(self) -> None:
        """Make room for events: signals are worth less."""
        SIGNALS_DROPPED.inc(self._passing)
        self._chunks = [waiting for waiting in self._chunks if not waiting.passing]
        self._bytes = sum(len(waiting.data) for waiting in self._chunks)
        self._passing = 0

    def _collect(self) -> bytes:
        chunks, size = self._chunks, self._bytes
        if size > MAX_RESPONSE:
            chunks, size = self._first()
            self._chunks = self._chunks[len(chunks) :]
        else:
            self._chunks = []
        self._bytes -= size
        if self._passing:
            self._passing = sum(waiting.passing for waiting in self._chunks)
        if self._lost is not None and not self._chunks:
            chunks = [*chunks, self._resync()]
        self._release()
        return chunks[0].data if len(chunks) == 1 else b"".join([each.data for each in chunks])

    def _release(self) -> None:
        if self._space is not None and not self._space.done():
            self._space.set_result(None)

    def _first(self) -> tuple[list[Chunk], int]:
        size = 0
        for count, chunk in enumerate(self._chunks):
            if count and size + len(chunk.data) > MAX_RESPONSE:
                return self._chunks[:count], size
            size += len(chunk.data)
        return self._chunks, size

    def _drop(self, chunk: Chunk) -> None:
        if self._lost is None:
            self._lost = set()
            kept = []
            for waiting in self._chunks:
                if waiting.kept:
                    kept.append(waiting)
                else:
                    self._lose(waiting)
            self._chunks = kept
            self._bytes = sum(len(waiting.data) for waiting in kept)
        self._lose(chunk)
        if not self._marked:
            self._marked = True
            self._ticker.mark(self)

    def _lose(self, chunk: Chunk) -> None:
        if self._lost_all or self._lost is None:
            return
        self._lost.add(chunk.conversation_id)
        if not chunk.conversation_id or len(self._lost) > MAX_NAMED:
            self._lost_all = True
            self._lost = set()

    def _resync(self) -> Chunk:
        RESYNCS.labels(OVERFLOW).inc()
        named = [] if self._lost_all else sorted(self._lost or ())
        self._lost, self._lost_all = None, False
        return wire.resync(named, reason=OVERFLOW)
