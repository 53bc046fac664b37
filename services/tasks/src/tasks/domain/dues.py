"""When a task is due: an instant, or a whole day that ends in a zone (TSK-3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from plexuskit.errors import InvalidArgument

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_NANOS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DueAt:
    """Due at an instant: aware, UTC, whole milliseconds."""

    at: datetime

    @property
    def text(self) -> str:
        """Return the instant as history shows it: `2026-03-02T09:30:00.000Z`."""
        return self.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def deadline(self, *, zone: ZoneInfo) -> datetime:  # noqa: ARG002 - one shape with DueOn
        """Return the first instant at which the task is overdue."""
        return self.at


@dataclass(frozen=True, slots=True)
class DueOn:
    """Due on a day: in time until that day has ended in the zone of the person who works on it."""

    on: date

    @property
    def text(self) -> str:
        """Return the day as history shows it: `2026-03-02`."""
        return self.on.isoformat()

    def deadline(self, *, zone: ZoneInfo) -> datetime:
        """Return the first instant after the day in the zone, in UTC.

        If the next day's midnight is skipped the day ends at the jump; if it occurs twice it ends
        at the first.
        """
        midnight = datetime.combine(self.on + timedelta(days=1), time.min, tzinfo=zone)
        return midnight.astimezone(UTC)


Due = DueAt | DueOn


def last_deadline(due: Due, *, zones: Iterable[ZoneInfo]) -> datetime:
    """Return the first instant at which a due value has passed in all of the zones."""
    return max(due.deadline(zone=zone) for zone in zones)


def due_on(text: str) -> DueOn:
    """Read `YYYY-MM-DD`, from 1970 on. Refusals: InvalidArgument."""
    try:
        on = date.fromisoformat(text)
    except ValueError:
        on = None
    # Python also reads `20260302` and week dates, which are not in the contract; the last day has
    # no following day.
    if on is None or on.isoformat() != text or on < _EPOCH.date() or on == date.max:
        problem = "is not a day from 1970 on; write it as YYYY-MM-DD"
        raise InvalidArgument(field="due.date", problem=problem)
    return DueOn(on)


def due_at(*, seconds: int, nanos: int) -> DueAt:
    """Convert an instant from seconds since 1970 and nanoseconds, truncated to milliseconds.

    Refusals: InvalidArgument before 1970, after the year 9999, or without such nanoseconds.
    """
    if not (0 <= seconds <= _LAST_SECOND and 0 <= nanos < _NANOS):
        problem = "is no instant between the years 1970 and 9999; send another one"
        raise InvalidArgument(field="due.at", problem=problem)
    return DueAt(_EPOCH + timedelta(seconds=seconds, milliseconds=nanos // 1_000_000))
