"""The event loop of every process: uvloop, woken by gRPC once for many things and not for each.

gRPC's poller thread writes a byte to the loop for each completed operation (grpcio 1.85,
`PollerCompletionQueue._poll`). The reader of these bytes takes one, handles everything that has
completed, and is then called once more for every byte that is left, to find nothing. Taking the
bytes of what is handled at once saves a sixth of what a busy stream costs.

A watchdog measures how long work occupies the loop: no single request may for more than 100 ms
(GW-13).
"""

import array
import asyncio
import fcntl
import functools
import gc
import socket
import termios
import time
from collections.abc import Callable
from typing import Any, Final, Literal, TypeGuard, TypeVarTuple, Unpack

import structlog
import uvloop

from plexuskit import metrics

ArgsT = TypeVarTuple("ArgsT")

_HANDLER: Final = "_handle_events"
# No single request occupies an event loop for longer (GW-13).
MAX_BLOCKED_SECONDS: Final = metrics.MAX_TURN_SECONDS
_EVERY: Final = 0.05
_WORTH_A_LINE: Final = 1.0

log = structlog.get_logger()


class Loop(uvloop.Loop):
    """uvloop's loop that consumes gRPC's completion notifications in one read.

    Attributes:
        pollers: number of gRPC readers recognised; other readers are unchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pollers = 0

    def add_reader(self, fd: Any, callback: Callable[[Unpack[ArgsT]], Any], *args: *ArgsT) -> None:
        """Call a callback when there is something to read."""
        if isinstance(fd, socket.socket) and _is_poller(callback):
            self.pollers += 1
            super().add_reader(fd, _taking_all(fd, callback))
        else:
            super().add_reader(fd, callback, *args)


def _is_poller(callback: Callable[..., Any]) -> TypeGuard[Callable[[], Any]]:
    """Return whether gRPC reads its completion notifications with it."""
    if not isinstance(callback, functools.partial):
        return False
    return getattr(callback.func, "__name__", "") == _HANDLER


def _taking_all(woken: socket.socket, handle: Callable[[], Any]) -> Callable[[], Any]:
    """Leave one byte to the handler, which waits for one before it handles everything."""
    waiting = array.array("i", [0])

    def take() -> None:
        fcntl.ioctl(woken, termios.FIONREAD, waiting)
        if waiting[0] > 1:
            woken.recv(waiting[0] - 1)
        handle()

    return take


class CollectorTime:
    """Measures how long Python's garbage collector pauses the process, as one of `gc.callbacks`.

    Attributes:
        seconds: the time of all collections so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __call__(self, phase: Literal["start", "stop"], _: dict[str, int]) -> None:
        """Record the start or the end of a garbage collection."""
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.seconds += time.perf_counter() - self._began


class Watchdog:
    """Measures how late the loop wakes a sleeper, and how much of the delay was work on the loop.

    The lag alone is long on a busy machine too. The blocked time is the smaller of the lag and the
    CPU time that the loop's own thread has used meanwhile.

    Attributes:
        blocked: number of times that the loop was occupied for MAX_BLOCKED_SECONDS or longer.
        longest: the longest time in seconds.
    """

    def __init__(self) -> None:
        self.blocked = 0
        self.longest = 0.0

    async def run(self) -> None:
        """Measure until cancelled; log a line when the loop was blocked for a second."""
        collector = CollectorTime()
        gc.callbacks.append(collector)
        try:
            while True:
                began, used, collected = time.perf_counter(), time.thread_time(), collector.seconds
                await asyncio.sleep(_EVERY)
                self.note(
                    lag=max(time.perf_counter() - began - _EVERY, 0.0),
                    used=time.thread_time() - used,
                    collecting=collector.seconds - collected,
                )
        finally:
            gc.callbacks.remove(collector)

    def note(self, *, lag: float, used: float, collecting: float = 0.0) -> None:
        """Count one measurement.

        Args:
            lag: seconds by which a sleeper was late.
            used: seconds of CPU time that the loop's thread used since the sleep began.
            collecting: seconds that collecting garbage took since then.
        """
        metrics.LOOP_LAG_SECONDS.observe(lag)
        occupied = min(lag, max(used - _EVERY, 0.0))
        metrics.LOOP_TURN_SECONDS.observe(occupied)
        self.longest = max(self.longest, occupied)
        if occupied >= MAX_BLOCKED_SECONDS:
            self.blocked += 1
        if lag >= _WORTH_A_LINE or occupied >= MAX_BLOCKED_SECONDS:
            log.warning(
                "loop.blocked",
                seconds=round(lag, 3),
                occupied=round(occupied, 3),
                collecting=round(collecting, 3),
            )
