"""Times in English or Chinese as users type them, interpreted in the user's time zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EXAMPLES: Final = (
    "18:00, tomorrow 9:00, monday 9am, in 2 hours, 明天 9:00, 下周一 9点, 2026-12-04 18:00"
)
PAST_EXAMPLES: Final = (
    "9:00, yesterday 18:00, friday 9am, 2 hours ago, 昨天 18:00, 2026-12-04 18:00"
)

Edge = Literal["start", "end", ""]

_MINUTE: Final = timedelta(minutes=1)
_WEEK: Final = 7
_NOON: Final = 12
_DAYS: Final = {
    "today": 0, "tomorrow": 1, "yesterday": -1,
    "今天": 0, "今日": 0, "今晚": 0, "明天": 1, "明日": 1, "明晚": 1, "后天": 2, "大后天": 3,
    "昨天": -1, "昨日": -1, "昨晚": -1, "前天": -2,
}  # fmt: skip
_EVENINGS: Final = ("今晚", "明晚", "昨晚")
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday mon 一", "tuesday tue tues 二", "wednesday wed 三", "thursday thu thurs 四",
            "friday fri 五", "saturday sat 六", "sunday sun 日 天",
        )
    )
    for name in names.split()
}  # fmt: skip
_WEEKS: Final = {"next": 1, "last": -1, "this": 0, "下": 1, "下下": 2, "上": -1, "这": 0, "本": 0}
_UNITS: Final = {
    name: unit
    for names, unit in (
        ("minutes minute mins min m 分钟 分", "minutes"),
        ("hours hour hrs hr h 小时 个小时 钟头 个钟头", "hours"),
        ("days day d 天 日", "days"),
        ("weeks week w 周 星期 个星期 礼拜 个礼拜", "weeks"),
    )
    for name in names.split()
}
_NUMERALS: Final = {
    "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "十": 10, "十一": 11, "十二": 12,
}  # fmt: skip
_LATER_HALF: Final = ("pm", "p.m.", "下午", "晚上", "傍晚", "晚")
_EVENING_HALVES: Final = ("晚上", "晚")

_NUMBER: Final = r"(?P<number>\d{1,4}|半|an?|[一二两三四五六七八九十]{1,2})\s*"
_UNIT: Final = f"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})"
_AHEAD: Final = re.compile(rf"(?:in\s+)?{_NUMBER}{_UNIT}\s*(?:后|以后|之后|later|from now)?")
_AGO: Final = re.compile(rf"{_NUMBER}{_UNIT}\s*(?:前|以前|之前|ago)")
_DAY: Final = "|".join(sorted(_DAYS, key=len, reverse=True))
_NAMES: Final = "|".join(sorted((n for n in _WEEKDAYS if n.isascii()), key=len, reverse=True))
_WHEN: Final = re.compile(
    rf"""(?:
      (?P<iso>\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}})
    | (?:(?P<year>\d{{4}})年)?(?P<month>\d{{1,2}})月(?P<day>\d{{1,2}})[日号]?
    | (?P<word>{_DAY})
    | (?:(?P<week>next|last|this)\s+)?(?P<weekday>{_NAMES})
    | (?P<weeks>下下|下|上|这|本)?个?(?:周|星期|礼拜)(?P<xingqi>[一二三四五六日天])
    )?\s*(?:at\s+|的)?\s*
    (?P<clock>
      (?P<half>早上|上午|中午|下午|傍晚|晚上|晚|凌晨)?\s*
      (?:
        (?P<hour>\d{{1,2}})(?:[:\uff1a](?P<minute>\d{{2}}))?\s*(?P<meridiem>[ap]\.?m\.?)?
      | (?P<dian>\d{{1,2}}|[一二两三四五六七八九十]{{1,2}})[点时](?P<fen>半|一刻|\d{{1,2}}分?)?
      | (?P<named>noon|midnight)
      )
    )?""",
    re.VERBOSE,
)


class NotATime(ValueError):  # noqa: N818 - describes the input, not a fault
    """A text that is not a time or not an acceptable one; `str(error)` is the reason.

    Attributes:
        reason: `TIME_UNKNOWN`, `TIME_MISSING` (a day alone), `TIME_IN_FUTURE` or `ZONE_UNKNOWN`.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


def parse(
    text: str, *, zone: ZoneInfo, now: datetime, past: bool = False, day_is: Edge = ""
) -> datetime:
    """Parse a time as a user types it.

    Args:
        text: an ISO 8601 instant; a time of day, with or without a day; an offset from now.
        zone: time zone of the user, for times without one of their own.
        now: the current instant.
        past: whether a past time is meant: a time of day alone is its last occurrence, a weekday
            the last one.
        day_is: meaning of a day alone: its `start`, its `end`, or "" to refuse it.

    Returns:
        The instant, in UTC. A local time that a clock change skips becomes the first instant after
        the change; an ambiguous one becomes its first occurrence.

    Raises:
        NotATime: it is none of these, or in the future where a past time is meant.
    """
    words = " ".join(text.strip().lower().replace("\uff1a", ":").split())
    try:
        at = _parsed(words, text=text, zone=zone, now=now, past=past, day_is=day_is)
    except (ValueError, OverflowError) as error:
        if isinstance(error, NotATime):
            raise
        raise _unknown(text, past=past) from error
    if past and at > now:
        message = f"{text} lies in the future; give a past time."
        raise NotATime(message, reason="TIME_IN_FUTURE")
    return at


def parse_due(text: str, *, zone: ZoneInfo, now: datetime) -> date | datetime:
    """Parse a due date: a day becomes a date without a zone, any other time an instant.

    Raises:
        NotATime: it is neither.
    """
    found = _WHEN.fullmatch(" ".join(text.strip().lower().split()))
    if found and found[0] and found["clock"] is None:
        try:
            return _day(found, now.astimezone(zone).date(), past=False)
        except ValueError as error:
            raise _unknown(text, past=False) from error
    return parse(text, zone=zone, now=now)


def zone_of(name: str) -> ZoneInfo:
    """Return the zone with a name of the tz database; UTC for an empty name.

    Raises:
        NotATime: the zone is unknown on this machine.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"This machine knows no zone {name}."
        raise NotATime(message, reason="ZONE_UNKNOWN") from error


def shown(at: datetime, *, zone: ZoneInfo) -> str:
    """Format an instant in the user's time zone, with the zone's name."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant, in UTC, at which the clock of a zone shows a time or skips it."""
    local = datetime.combine(day, at)
    while True:
        instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == local:
            return instant
        local = local.replace(second=0, microsecond=0) + _MINUTE


def _unknown(text: str, *, past: bool) -> NotATime:
    examples = PAST_EXAMPLES if past else EXAMPLES
    return NotATime(f"{text} is not a time; write {examples}.", reason="TIME_UNKNOWN")


def _parsed(
    words: str, *, text: str, zone: ZoneInfo, now: datetime, past: bool, day_is: Edge
) -> datetime:
    distant = _distant(words, zone=zone, now=now, past=past)
    if distant is not None:
        return distant
    found = _WHEN.fullmatch(words)
    if found is None or not words:
        return _iso(text.strip(), zone)
    if found["clock"] is None:
        return _edge(found, text=text, zone=zone, now=now, past=past, day_is=day_is)
    if found["hour"] and not (found["minute"] or found["meridiem"] or found["half"]):
        raise _unknown(text, past=past)
    today, clock = now.astimezone(zone).date(), _clock(found)
    if words != found["clock"]:
        return _of_day(found, clock, zone=zone, now=now, past=past)
    at = instant_of(today, clock, zone)
    if past == (at <= now):
        return at
    return instant_of(today + timedelta(-1 if past else 1), clock, zone)


def _distant(words: str, *, zone: ZoneInfo, now: datetime, past: bool) -> datetime | None:
    """Return a time at an offset from now; None for a text with a day or a time of day."""
    if words in {"now", "现在"}:
        return now.astimezone(UTC)
    if found := _AGO.fullmatch(words):
        return _moved(found, zone=zone, now=now, sign=-1)
    if found := _AHEAD.fullmatch(words):
        return _moved(found, zone=zone, now=now, sign=-1 if past else 1)
    return None


def _of_day(
    found: re.Match[str], clock: time, *, zone: ZoneInfo, now: datetime, past: bool
) -> datetime:
    day = _day(found, now.astimezone(zone).date(), past=past)
    at = instant_of(day, clock, zone)
    # A weekday without its week is the nearest one in the requested direction.
    if (found["weekday"] and not found["week"]) or (found["xingqi"] and not found["weeks"]):
        if past and at > now:
            return instant_of(day - timedelta(_WEEK), clock, zone)
        if not past and at <= now:
            return instant_of(day + timedelta(_WEEK), clock, zone)
    return at


def _edge(
    found: re.Match[str], *, text: str, zone: ZoneInfo, now: datetime, past: bool, day_is: Edge
) -> datetime:
    if not day_is:
        message = f"{text} is a day; add a time, as in {text.strip()} 9:00."
        raise NotATime(message, reason="TIME_MISSING")
    day = _day(found, now.astimezone(zone).date(), past=past)
    if day_is == "end":
        at = instant_of(day + timedelta(1), time(), zone)
        return min(at, now.astimezone(UTC)) if past else at
    return instant_of(day, time(), zone)


def _moved(found: re.Match[str], *, zone: ZoneInfo, now: datetime, sign: int) -> datetime:
    """Return a time at an offset: hours are elapsed time, days are calendar days."""
    unit, word = _UNITS[found["unit"]], found["number"]
    if word == "半":
        if unit not in {"hours", "days"}:
            raise ValueError(word)
        return now.astimezone(UTC) + sign * timedelta(**{unit: 1}) / 2
    number = sign * (int(word) if word.isdecimal() else _NUMERALS.get(word, 1))
    if unit in {"minutes", "hours"}:
        return now.astimezone(UTC) + timedelta(**{unit: number})
    local = now.astimezone(zone)
    day = local.date() + timedelta(**{unit: number})
    return instant_of(day, local.time(), zone)


def _day(found: re.Match[str], today: date, *, past: bool) -> date:
    if found["iso"]:
        year, month, day = re.split("[-/]", found["iso"])
        return date(int(year), int(month), int(day))
    if found["month"]:
        return _of_month(found, today, past=past)
    if found["word"]:
        return today + timedelta(_DAYS[found["word"]])
    name, week = (
        (found["weekday"], found["week"]) if found["weekday"] else (found["xingqi"], found["weeks"])
    )
    if name is None:
        return today
    ahead = _WEEKDAYS[name] - today.weekday()
    if week is not None:
        return today + timedelta(ahead + _WEEK * _WEEKS[week])
    return today + timedelta(ahead % _WEEK if not past else -(-ahead % _WEEK))


def _of_month(found: re.Match[str], today: date, *, past: bool) -> date:
    month, day = int(found["month"]), int(found["day"])
    if found["year"]:
        return date(int(found["year"]), month, day)
    this_year = date(today.year, month, day)
    if past:
        return this_year if this_year <= today else date(today.year - 1, month, day)
    return this_year if this_year >= today else date(today.year + 1, month, day)


def _clock(found: re.Match[str]) -> time:
    if found["named"]:
        return time(_NOON if found["named"] == "noon" else 0)
    if found["dian"]:
        word, part = found["dian"], found["fen"] or "0"
        hour = int(word) if word.isdecimal() else _NUMERALS[word]
        minute = {"半": 30, "一刻": 15}.get(part) or int(part.removesuffix("分"))
    else:
        hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half = found["meridiem"] or found["half"] or ("晚" if found["word"] in _EVENINGS else "")
    if found["meridiem"] and not 1 <= hour <= _NOON:
        raise ValueError(hour)
    if half.replace(".", "") in {"am", "凌晨", "早上", "上午"}:
        return time(hour % _NOON if hour == _NOON and half != "上午" else hour, minute)
    if half in _EVENING_HALVES and hour == _NOON:
        raise ValueError(hour)  # midnight, of an ambiguous day
    if half in _LATER_HALF or half == "中午":
        hour += _NOON if hour < _NOON and not (half == "中午" and hour > 10) else 0  # noqa: PLR2004
    return time(hour, minute)


def _iso(text: str, zone: ZoneInfo) -> datetime:
    at = datetime.fromisoformat(text)
    return instant_of(at.date(), at.time(), zone) if at.tzinfo is None else at.astimezone(UTC)
