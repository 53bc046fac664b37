"""Working hours: check an instant and find their next beginning (clock rules of NTF-3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plexuskit.localtime import instant

DAY: Final = timedelta(days=1)
DAY_MINUTES: Final = 24 * 60
# Windows recur within a week; a clock change may swallow one of them.
_DAYS_AHEAD: Final = 15


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """As directory checked them: `weekdays` 1 Monday to 7 Sunday, windows as (start, end).

    Minutes after midnight; an end that is not after the start is on the next day. A window belongs
    to the weekday on which it begins.
    """

    weekdays: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]


DEFAULT: Final = WorkingHours((1, 2, 3, 4, 5), ((540, 720), (810, 1080)))
"""Defaults in directory's contract for people whose facts carry no working hours."""


def works_again_at(hours: WorkingHours, *, zone: ZoneInfo, at: datetime) -> datetime | None:
    """Return when the next window begins, in UTC; None during working hours.

    Start inclusive, end exclusive. A local time that the zone skips in spring is the first instant
    after the gap, one that comes twice in autumn counts the first time; so a window can be an hour
    shorter or longer than on other days.
    """
    # Yesterday's last window may reach into today.
    first = at.astimezone(zone).date() - DAY
    begins: list[datetime] = []
    for day in (first + n * DAY for n in range(_DAYS_AHEAD)):
        for start, end in windows_of(hours, day=day, zone=zone):
            if start <= at < end:
                return None
            if at < start:
                begins.append(start)
        # The next day's windows can no longer reach back to the instant.
        if begins and instant(day, time(), zone=zone) > at:
            return min(begins)
    return min(begins)


def windows_of(
    hours: WorkingHours, *, day: date, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows that begin on a day, in UTC; none where the clock swallowed one."""
    if day.isoweekday() not in hours.weekdays:
        return
    for start, end in hours.windows:
        last = end if end > start else end + DAY_MINUTES
        begin, until = _at(day, start, zone), _at(day, last, zone)
        if begin < until:
            yield begin, until


def _at(day: date, minute: int, zone: ZoneInfo) -> datetime:
    days, rest = divmod(minute, DAY_MINUTES)
    return instant(day + days * DAY, time(*divmod(rest, 60)), zone=zone)


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name; None where this machine's zone data has none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Shift:
    """People with the same zone and working hours; large groups have few of them."""

    time_zone: str
    hours: WorkingHours
    active: bool
    is_app: bool
    person_ids: tuple[str, ...]
