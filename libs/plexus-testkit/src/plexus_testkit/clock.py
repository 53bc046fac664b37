"""A clock that moves only on request."""

from datetime import UTC, datetime, timedelta


def _milliseconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


class FrozenClock:
    """A clock standing at `at`: aware, in UTC, truncated to milliseconds like the real one."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware time; give the datetime a tzinfo")
        self._at = _milliseconds(at)
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the time of the clock."""
        return self._at

    def monotonic(self) -> float:
        """Return the seconds by which the clock was advanced so far."""
        return self._elapsed

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by` and return the new time; time does not run backwards."""
        if by < timedelta(0):
            raise ValueError(f"a clock does not run backwards (asked for {by})")

        self._at = _milliseconds(self._at + by)
        self._elapsed += by.total_seconds()
        return self._at
