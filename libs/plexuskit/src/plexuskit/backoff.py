"""How long to wait before the next try: twice as long after each failure, spread by chance."""

import random

MAX_DOUBLINGS = 10


def pause(failures: int, bounds: tuple[float, float]) -> float:
    """Return the seconds to wait.

    Args:
        failures: how many there were before this one; further doublings than ten are not made.
        bounds: the shortest and the longest pause in seconds; each is spread by up to 30 %, so that
            many who failed together do not come back together.
    """
    minimum, maximum = bounds
    whole = min(minimum * 2.0 ** min(failures, MAX_DOUBLINGS), maximum)
    return whole * random.uniform(0.7, 1.3)  # noqa: S311 - spreads retries, guards nothing
