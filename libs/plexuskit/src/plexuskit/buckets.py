"""Token buckets by key, each one number: the time at which it is full again.

This is the generic cell rate algorithm (ITU-T I.371) in seconds. A bucket that is full again is the
same as none, so nothing has to be filled up, swept or locked.
"""

from collections import OrderedDict
from typing import Final

# Float rounding: a caller who waits exactly the returned time must not be refused for it.
_ROUNDING: Final = 1e-9


class Buckets:
    """One bucket for each key: `burst` at once, `per_second` in the long run."""

    __slots__ = ("_full_at", "_interval", "_kept", "_span", "burst")

    def __init__(self, *, per_second: float, burst: int, kept: int) -> None:
        """Set the rate.

        Args:
            per_second: tokens that a bucket gains per second.
            burst: maximum number of tokens in it.
            kept: maximum number of keys remembered; the least recently used leave first.
        """
        self.burst = burst
        self._interval = 1 / per_second
        self._span = burst / per_second + _ROUNDING
        self._kept = kept
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float, count: int = 1) -> float:
        """Take tokens, all of them or none.

        Args:
            key: key of the bucket.
            now: seconds of a monotonic clock.
            count: number of tokens, at most `burst`: more never fit.

        Returns:
            0 when they were taken, else the seconds until they could be.
        """
        full_at = self._full_at
        until = full_at.get(key, now)
        until = (max(now, until)) + self._interval * count
        wait = until - now - self._span
        if wait > 0:
            return wait + _ROUNDING
        full_at[key] = until
        full_at.move_to_end(key)
        if len(full_at) > self._kept:
            full_at.popitem(last=False)
        return 0.0

    def charge(self, key: str, now: float, count: int) -> None:
        """Charge tokens for completed work, at most a whole bucket; the key may owe some then.

        It owes at most a whole bucket, and waits until it is paid.
        """
        until = max(now, self._full_at.get(key, now)) + self._interval * min(count, self.burst)
        self._full_at[key] = min(until, now + 2 * self._span)
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._kept:
            self._full_at.popitem(last=False)

    def give_back(self, key: str, count: int = 1) -> None:
        """Return tokens that were taken for something that did not happen after all."""
        until = self._full_at.get(key)
        if until is not None:
            self._full_at[key] = until - self._interval * count

    def __len__(self) -> int:
        return len(self._full_at)
