"""One window a day in which nothing leaves but the badge (NTF-3)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from plexuskit.localtime import instant

from notify.domain.people import zone_named
from notify.domain.refusals import QuietHoursInvalid

_DAY: Final = timedelta(days=1)
# A person who can never be reached must switch the channel off instead.
MAX_DURATION: Final = timedelta(hours=23)
EVERY_DAY: Final = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A window in local time: `start` inclusive, `end` exclusive, over midnight when end <= start.

    `weekdays` are the days on which a window starts, 1 Monday to 7 Sunday. `time_zone` is an IANA
    name, empty for the person's zone in the directory.
    """

    enabled: bool = False
    start: time = time(22, 0)
    end: time = time(8, 0)
    weekdays: frozenset[int] = EVERY_DAY
    time_zone: str = ""


def quiet_until(hours: QuietHours, *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the end of the window that contains `now`, in UTC; None outside of every window.

    A local time that the zone skips in spring counts as the first instant after the gap; one that
    comes twice in autumn counts the first time. Both follow from taking start and end on the local
    calendar each by itself, so a window can be an hour shorter or longer than on other days.
    """
    if not hours.enabled:
        return None
    today = now.astimezone(zone).date()
    for day in (today - _DAY, today):  # yesterday's window may last until today
        window = _window(hours, day=day, zone=zone)
        if window and window[0] <= now < window[1]:
            return window[1]
    return None


def _window(hours: QuietHours, *, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the window that starts on a day, None where none does or the clock swallowed it."""
    if day.isoweekday() not in hours.weekdays:
        return None
    last = day if hours.start < hours.end else day + _DAY
    start = instant(day, hours.start, zone=zone)
    end = instant(last, hours.end, zone=zone)
    return (start, end) if start < end else None


def check(hours: QuietHours) -> QuietHours:
    """Return the quiet hours as they are when they can be lived by.

    Refusals: QuietHoursInvalid for an empty or nearly endless window, an unknown zone or weekday.
    """
    if hours.time_zone and zone_named(hours.time_zone) is None:
        raise QuietHoursInvalid(field="time_zone", problem="is no IANA time zone")
    if not hours.weekdays <= EVERY_DAY:
        raise QuietHoursInvalid(field="weekdays", problem="go from 1 (Monday) to 7 (Sunday)")
    if hours.start == hours.end:
        raise QuietHoursInvalid(field="end", problem="equals the start, so there is no window")
    length = (_since_midnight(hours.end) - _since_midnight(hours.start)) % _DAY
    if length > MAX_DURATION:
        raise QuietHoursInvalid(field="end", problem="leaves less than an hour of the day")
    return hours


def clock_time(text: str, *, field: str) -> time:
    """Read `HH:MM`, 00:00 to 23:59. Refusals: QuietHoursInvalid."""
    hour, colon, minute = text.partition(":")
    digits = len(text) == len("HH:MM") and colon and text.isascii()
    if digits and hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60:  # noqa: PLR2004 - the clock
        return time(int(hour), int(minute))
    raise QuietHoursInvalid(field=field, problem="is no time of the form HH:MM")


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute)
