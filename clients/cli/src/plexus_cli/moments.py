"""Times that a command reads and shows, in the caller's own zone."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from plexus_sdk import times
from plexus_sdk.times import Edge, NotATime
from plexuskit.clock import SystemClock
from plexuskit.timestamps import instant_of

from plexus_cli.asked import asked
from plexus_cli.language import tr
from plexus_cli.options import BadParameter

HELP: Final = "18:00, `tomorrow 9:00`, `monday 9am`, `in 2 hours`, `明天 9:00`, `2026-12-04 18:00`."
PAST_HELP: Final = "9:00, `yesterday 18:00`, `2 hours ago`, `昨天 18:00`, `2026-12-04 18:00`."


def note_zone(name: str) -> None:
    """Set the caller's zone by its IANA name: times are read and shown in it from now on.

    Raises:
        BadParameter: the zone is unknown on this machine.
    """
    try:
        asked.zone = times.zone_of(name)
    except NotATime as error:
        raise BadParameter(tr("This machine knows no zone {zone}", zone=name)) from error


def future(word: str, *, day_is: Edge = "") -> datetime:
    """Parse a future time; see `plexus_sdk.times.parse`.

    Raises:
        BadParameter: it is not a time.
    """
    return _read(word, past=False, day_is=day_is)


def past(word: str, *, day_is: Edge = "start") -> datetime:
    """Parse a past time; see `plexus_sdk.times.parse`.

    Raises:
        BadParameter: it is not a time, or in the future.
    """
    return _read(word, past=True, day_is=day_is)


def due(word: str) -> date | datetime:
    """Parse a due date: a day, which has no zone, or an instant.

    Raises:
        BadParameter: it is neither.
    """
    try:
        return times.parse_due(word, zone=_zone(), now=SystemClock().now())
    except NotATime as error:
        raise BadParameter(_problem(word, error, past=False)) from error


def shown(at: datetime) -> str:
    """Format an instant in the caller's zone, with the zone's name."""
    if asked.zone is None:
        clock = tr("clock of this machine")
        return tr("{name} ({zone})", name=f"{at.astimezone():%Y-%m-%d %H:%M}", zone=clock)
    return times.shown(at, zone=asked.zone)


def local(stamp: Timestamp, *, zone: str = "") -> str:
    """Format an instant in the caller's zone or in another one."""
    clock = ZoneInfo(zone) if zone else asked.zone
    return instant_of(stamp).astimezone(clock).strftime("%Y-%m-%d %H:%M")


def heading(name: str) -> str:
    """Return the heading of a column of times: its name with the zone."""
    zone = asked.zone.key if asked.zone else tr("clock of this machine")
    return tr("{name} ({zone})", name=tr(name), zone=zone)


def _read(word: str, *, past: bool, day_is: Edge) -> datetime:
    try:
        return times.parse(word, zone=_zone(), now=SystemClock().now(), past=past, day_is=day_is)
    except NotATime as error:
        raise BadParameter(_problem(word, error, past=past)) from error


def _problem(word: str, error: NotATime, *, past: bool) -> str:
    match error.reason:
        case "TIME_IN_FUTURE":
            return tr("{word} lies in the future; give a past time", word=word)
        case "TIME_MISSING":
            return tr("{word} is a day; add a time, as in {word} 9:00", word=word)
        case _:
            examples = tr(PAST_HELP if past else HELP)
            return tr("{word} is not a time; write {examples}", word=word, examples=examples)


def _zone() -> ZoneInfo:
    if asked.zone is None:
        raise asked.zone_refusal or RuntimeError("run the command with its caller's zone")
    return asked.zone
