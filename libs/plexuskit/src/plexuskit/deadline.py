"""The end of a stop: a process that does not finish in time is ended from outside its loop."""

import os
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import structlog

log = structlog.get_logger()

# A part of the time, so that whatever comes after one that hangs still gets its turn.
_SHARE = 0.8
_LOG_SECONDS = 0.5


class Deadline:
    """Counts from `arm`; exits the process with code 1 when the time is up.

    It runs in a thread of its own, so it also ends a process whose event loop is blocked, or that
    hangs in its last moments after the loop.
    """

    def __init__(self, *, seconds: float, doing: Callable[[], str]) -> None:
        self._seconds = seconds
        self._doing = doing
        self._ends_at: float | None = None
        self._timer: threading.Timer | None = None

    def arm(self) -> None:
        """Begin counting; the first call decides. Safe in a signal handler."""
        if self._ends_at is not None:
            return
        self._ends_at = time.monotonic() + self._seconds
        self._timer = threading.Timer(self._seconds, self._exit_hard)
        self._timer.daemon = True
        self._timer.start()

    def disarm(self) -> None:
        """Stop counting: the process stays alive."""
        if self._timer is not None:
            self._timer.cancel()

    def share(self) -> float:
        """Return the seconds for the next step: most of the remaining time."""
        left = self._seconds if self._ends_at is None else self._ends_at - time.monotonic()
        return max(left * _SHARE, 0.0)

    def _exit_hard(self) -> NoReturn:
        # The main thread may hold the log's stream, so the line gets only a moment.
        line = threading.Thread(target=self._explain, daemon=True)
        line.start()
        line.join(_LOG_SECONDS)
        os._exit(1)

    def _explain(self) -> None:
        log.critical("service.hard_exit", after_seconds=self._seconds, while_doing=self._doing())
