"""Conversion of local wall-clock time to UTC across DST changes; one rule for all services."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def instant(day: date, at: time, *, zone: ZoneInfo) -> datetime:
    """Return a local time in UTC: skipped → the first instant after the gap, twice → the first."""
    local = datetime.combine(day, at, tzinfo=zone)  # fold=0: the first of a repeated hour
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    return _after_gap(local, zone=zone)


def _after_gap(local: datetime, *, zone: ZoneInfo) -> datetime:
    """Return the first instant after the gap that a local time falls into.

    The two readings of the time, with the offset before and the one after, are on both sides of the
    jump. Offsets change at whole seconds, so bisecting the span finds it.
    """
    readings = [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    before, after = min(readings), max(readings)
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after
