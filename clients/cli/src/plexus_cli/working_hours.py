"""Working hours in the notation of the command line."""

import re
from collections.abc import Sequence
from typing import Final

from plexus.directory.v1.people_pb2 import WorkingHours

from plexus_cli.language import tr
from plexus_cli.options import BadParameter

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_HOUR: Final = 60


def hours_of(days: str, windows: Sequence[str], current: WorkingHours) -> WorkingHours:
    """Parse working hours.

    Args:
        days: `mon-fri`, or days separated by commas; empty for the current ones.
        windows: `9:00-12:00`, in order; empty for the current ones.
        current: the hours that they replace.

    Raises:
        BadParameter: one of them has another form.
    """
    return WorkingHours(
        weekdays=_days(days) if days else current.weekdays,
        windows=[_window(each) for each in windows] or current.windows,
    )


def shown_hours(hours: WorkingHours) -> str:
    """Format working hours in the notation of the command line."""
    days = ",".join(DAYS[number - 1] for number in hours.weekdays)
    windows = " ".join(
        f"{_clock(each.start_minute)}-{_clock(each.end_minute)}" for each in hours.windows
    )
    return f"{days} {windows}".strip()


def _days(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise BadParameter(
                tr("{text} is not a list of days, as in mon-fri or mon,wed", text=text)
            )
        numbers += range(DAYS.index(first) + 1, DAYS.index(last or first) + 2)
    return numbers


def _window(text: str) -> WorkingHours.Window:
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise BadParameter(tr("{text} is not a time span, as in 9:00-12:00", text=text))
    hour, minute, last_hour, last_minute = map(int, found.groups())
    return WorkingHours.Window(
        start_minute=hour * _HOUR + minute, end_minute=last_hour * _HOUR + last_minute
    )


def _clock(minute: int) -> str:
    return f"{minute // _HOUR}:{minute % _HOUR:02}"
