"""Working hours: windows on the clock of a person's own zone, on some days of the week."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from plexuskit.errors import InvalidArgument

DAY_MINUTES: Final = 24 * 60
MAX_WINDOWS: Final = 8
MONDAY, SUNDAY = 1, 7


@dataclass(frozen=True, slots=True)
class Window:
    """Minutes after midnight: `start` belongs to it, `end` does not.

    An end that is not after the start is on the next day; 1,440 is midnight at the day's end.
    """

    start: int
    end: int

    @property
    def last(self) -> int:
        """The end in minutes after the midnight before the start: up to 2,880."""
        return self.end if self.end > self.start else self.end + DAY_MINUTES


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """`weekdays` are those on which windows begin, 1 Monday to 7 Sunday, in order."""

    weekdays: tuple[int, ...]
    windows: tuple[Window, ...]


DEFAULT: Final = WorkingHours(
    weekdays=(1, 2, 3, 4, 5),
    windows=(Window(9 * 60, 12 * 60), Window(13 * 60 + 30, 18 * 60)),
)
"""Monday to Friday, 09:00 to 18:00 with lunch from 12:00 to 13:30."""


def check(
    weekdays: Iterable[int], windows: Iterable[Window], *, field: str = "working_hours"
) -> WorkingHours:
    """Check working hours: at least one day, 1 to 8 windows that do not overlap.

    In: weekdays in any order, repetitions dropped; windows in order of their start.

    Raises:
        InvalidArgument: a day or minute there is not, or windows that reach into one another, that
            of the next day included.
    """
    days = tuple(sorted(set(weekdays)))
    given = tuple(windows)
    if not days or not MONDAY <= days[0] <= days[-1] <= SUNDAY:
        raise InvalidArgument(field=f"{field}.weekdays", problem="takes 1 (Monday) to 7 (Sunday)")
    if not 0 < len(given) <= MAX_WINDOWS:
        raise InvalidArgument(field=f"{field}.windows", problem=f"takes 1 to {MAX_WINDOWS}")
    for window in given:
        if not (0 <= window.start < DAY_MINUTES and 0 < window.end <= DAY_MINUTES):
            problem = "goes from minute 0 to 1,439 until 1 to 1,440"
            raise InvalidArgument(field=f"{field}.windows", problem=problem)
    if _overlap(days, given):
        problem = "overlap or are not in order of their start"
        raise InvalidArgument(field=f"{field}.windows", problem=problem)
    return WorkingHours(weekdays=days, windows=given)


def _overlap(days: tuple[int, ...], windows: tuple[Window, ...]) -> bool:
    if any(earlier.last > later.start for earlier, later in pairwise(windows)):
        return True
    # The last window of a day may reach into the first one of the next day.
    beyond = windows[-1].last - DAY_MINUTES
    follows = any(day % SUNDAY + 1 in days for day in days)
    return follows and beyond > windows[0].start
