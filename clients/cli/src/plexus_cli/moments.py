"""Times as people type them, in the person's own zone, as instants."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

HELP = "2026-12-04T18:00+08:00, 18:00, or `tomorrow 9:00` in your own zone."

_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})")
_DAYS = {"today": 0, "tomorrow": 1}
_MINUTE = timedelta(minutes=1)


def parse(word: str, *, zone: ZoneInfo, now: datetime) -> datetime:
    """Read a time as a person types it.

    Args:
        word: an ISO 8601 instant with its zone; without one, `H:MM` (the next time that the clock
            shows it), `today H:MM`, `tomorrow H:MM` or `YYYY-MM-DD H:MM` in the person's zone.
        zone: the person's.
        now: the present instant.

    Returns:
        The instant, in UTC. A local time that a clock change skips is the first instant after it;
        of one that comes twice it is the first.

    Raises:
        typer.BadParameter: it is none of these.
    """
    words = word.strip().lower().split()
    today = now.astimezone(zone).date()
    try:
        if len(words) == 1 and _CLOCK.fullmatch(words[0]):
            at = _instant(today, _clock(words[0]), zone)
            return at if at > now else _instant(today + timedelta(1), _clock(words[0]), zone)
        if len(words) == 2:  # noqa: PLR2004 - a day and a time
            return _instant(_day(words[0], today), _clock(words[1]), zone)
        at = datetime.fromisoformat(word.strip())
        if at.tzinfo is None:
            return _instant(at.date(), at.time(), zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{word} is no time: write {HELP}") from error


def zone_of(name: str) -> ZoneInfo:
    """Give the zone of a person, as directory has it.

    Raises:
        typer.BadParameter: this machine does not know it.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise typer.BadParameter(
            f"this machine knows no zone {name}: write the time with its zone"
        ) from error


def shown(at: datetime, *, zone: ZoneInfo) -> str:
    """Give an instant as the person's clock shows it, with the zone's name."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def _day(word: str, today: date) -> date:
    return today + timedelta(_DAYS[word]) if word in _DAYS else date.fromisoformat(word)


def _clock(word: str) -> time:
    found = _CLOCK.fullmatch(word)
    if found is None:
        raise ValueError(word)
    return time(int(found["hour"]), int(found["minute"]))


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at)
    while True:
        instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return instant
        local = local.replace(second=0, microsecond=0) + _MINUTE
