"""The time of a process, made once at its start and passed in from there."""

import math
import os
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

OFFSET_VARIABLE = "PLEXUS_CLOCK_OFFSET"
# Subtracting one costs a quarter of replacing the microseconds of an instant.
_BELOW_MILLISECOND: Final = tuple(timedelta(microseconds=each) for each in range(1000))


class Clock(Protocol):
    """Source of time."""

    def now(self) -> datetime:
        """Return the current instant: aware, UTC, cut to the milliseconds that MongoDB keeps."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start that never step back, for durations."""
        ...


class SystemClock:
    """The machine's clock, moved by `PLEXUS_CLOCK_OFFSET` seconds (a float) in fault tests.

    Raises:
        ValueError: the offset is not a finite number.
    """

    def __init__(self) -> None:
        self._offset = _offset(os.environ.get(OFFSET_VARIABLE, ""))

    def now(self) -> datetime:
        """Return the current instant: aware, UTC, cut to milliseconds."""
        return to_milliseconds(datetime.now(UTC) + self._offset)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start that never step back; the offset is not in it."""
        return time.monotonic()


def to_milliseconds(at: datetime) -> datetime:
    """Cut an instant to the milliseconds that MongoDB keeps, so that it reads back equal."""
    return at - _BELOW_MILLISECOND[at.microsecond % 1000]


def _offset(value: str) -> timedelta:
    if not value.strip():
        return timedelta()

    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ValueError(f"{OFFSET_VARIABLE} must be a number of seconds, not {value!r}")
    return timedelta(seconds=seconds)
