"""Pauses before the next attempt: doubled with each failure up to a bound, with jitter."""

import random
from typing import Final

_MAX_DOUBLINGS: Final = 20


def doubled(failures: int, bounds: tuple[float, float]) -> float:
    """Return the first of two bounds, doubled once per failure and at most the second."""
    minimum, maximum = bounds
    return min(minimum * 2.0 ** min(failures, _MAX_DOUBLINGS), maximum)


def jittered(seconds: float, *, spread: tuple[float, float]) -> float:
    """Return a pause times a random factor between two bounds, which spreads the callers."""
    return seconds * random.uniform(*spread)  # noqa: S311 - jitter
