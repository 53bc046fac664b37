"""Pauses before the next attempt: doubled with each failure up to a bound, with jitter.

Services double and spread their pauses only here; a fitness test refuses another place.
"""

import random
from datetime import timedelta
from typing import Final, TypeVar

MAX_DOUBLINGS: Final = 20
AROUND: Final = (0.7, 1.3)
"""Jitter to either side of a pause."""
WITHIN: Final = (0.5, 1.0)
"""Jitter that never exceeds the pause, for callers to whom a bound is promised."""
FULL: Final = (0.0, 1.0)
"""Jitter over the whole pause, for many that compete for one thing."""

Length = TypeVar("Length", float, timedelta)


def pause(
    failures: int, bounds: tuple[float, float], *, spread: tuple[float, float] = AROUND
) -> float:
    """Return the seconds to wait before the next attempt.

    Args:
        failures: number of earlier failures in a row, 0 at the first.
        bounds: the shortest and the longest pause in seconds, before the jitter.
        spread: bounds of the factor that keeps callers apart which failed together.
    """
    return jittered(doubled(failures, bounds), spread=spread)


def doubled(failures: int, bounds: tuple[Length, Length]) -> Length:
    """Return the first of two bounds, doubled once per failure and at most the second."""
    minimum, maximum = bounds
    return min(minimum * 2.0 ** min(failures, MAX_DOUBLINGS), maximum)


def jittered(seconds: float, *, spread: tuple[float, float] = AROUND) -> float:
    """Return a pause times a random factor."""
    return seconds * random.uniform(*spread)  # noqa: S311 - spreads retries, guards nothing


def contended(failures: int, bounds: tuple[float, float]) -> float:
    """Return the seconds to wait after a conflict: between the shortest and the doubled pause."""
    return random.uniform(bounds[0], doubled(failures, bounds))  # noqa: S311 - spreads retries
