"""Times of the story's messages: its working days are placed before the moment of loading.

The same `now` gives the same times. All messages are in the office hours of their sender's zone.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plexuskit.errors import Kind, Refusal

from plexus_cli.sample.company import WORKING_DAYS, Conversation, Message, Person

OPENS = time(9)
LUNCH = (time(12), time(13, 30))
CLOSES = time(18)

_SATURDAY = 5
_DAY_MARK = re.compile(r"\{day:(\d{1,2})(?::(en|zh))?\}")
_WEEKDAYS = "一二三四五六日"


class SampleDoesNotFit(Refusal):
    """Conversation {conversation} would end after the moment of loading."""

    kind = Kind.INVALID


class Calendar:
    """Working days before `now`: day 10 is the last one that is over in every zone."""

    def __init__(self, people: Mapping[str, Person], *, now: datetime) -> None:
        """Place the days for the zones of `people`."""
        zones = {person.time_zone: person.zone for person in people.values()}
        last = now.astimezone(UTC).date() + timedelta(days=1)
        while not _is_working(last) or any(
            datetime.combine(last, CLOSES, zone) > now for zone in zones.values()
        ):
            last -= timedelta(days=1)
        self._last = last

    def date_of(self, number: int) -> date:
        """Return the date of working day `number`; beyond 10 it is in the future."""
        day = self._last
        step = timedelta(days=1 if number > WORKING_DAYS else -1)
        for _ in range(abs(number - WORKING_DAYS)):
            day += step
            while not _is_working(day):
                day += step
        return day

    def dated(self, text: str, *, locale: str) -> str:
        """Replace each `{day:N}` in `text` by a date: `3月5日周四` or `Thu 5 March`."""

        def shown(match: re.Match[str]) -> str:
            day = self.date_of(int(match[1]))
            if (match[2] or locale[:2]) == "zh":
                return f"{day.month}月{day.day}日周{_WEEKDAYS[day.weekday()]}"
            return f"{day:%a} {day.day} {day:%B}"

        return _DAY_MARK.sub(shown, text)


def times(
    conversation: Conversation,
    people: Mapping[str, Person],
    *,
    calendar: Calendar,
    now: datetime,
) -> Iterator[tuple[Message, datetime]]:
    """Yield every message with its time (UTC), in increasing order.

    Refused: SAMPLE_DOES_NOT_FIT.
    """
    previous = datetime.min.replace(tzinfo=UTC)
    number = 0
    for day in conversation.days:
        on = calendar.date_of(day.working_day)
        start = day.at
        for message in day.messages:
            number += 1
            zone = people[message.by].zone
            earliest = previous
            for clock in filter(None, (start, message.at)):
                earliest = max(earliest, datetime.combine(on, time.fromisoformat(clock), zone))
            start = ""
            pause = _pause(conversation.key, number)
            previous = in_office(earliest + pause, zone).astimezone(UTC)
            if previous >= now:
                raise SampleDoesNotFit(conversation=conversation.key)
            yield message, previous


def in_office(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return `moment`, or the next minute at which the office in `zone` is open."""
    local = moment.astimezone(zone)
    overhang = timedelta(minutes=local.minute % 7, seconds=local.second)
    if LUNCH[0] <= local.time() < LUNCH[1]:
        return datetime.combine(local.date(), LUNCH[1], zone) + overhang

    if local.time() >= CLOSES:
        local = datetime.combine(local.date() + timedelta(days=1), time(0), zone)
    while not _is_working(local.date()):
        local = datetime.combine(local.date() + timedelta(days=1), time(0), zone)
    if local.time() < OPENS:
        return datetime.combine(local.date(), OPENS, zone) + overhang
    return local


def _is_working(day: date) -> bool:
    return day.weekday() < _SATURDAY


def _pause(conversation: str, number: int) -> timedelta:
    """Return the time taken to write a message: 20 seconds to 6 minutes, most of them short."""
    digest = hashlib.sha256(f"{conversation}:{number}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32
    return timedelta(seconds=round(20 + 340 * share**2))
