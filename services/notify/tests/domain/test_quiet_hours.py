from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notify.domain.quiet_hours import (
    EVERY_DAY,
    QuietHours,
    check,
    clock_time,
    instant,
    quiet_until,
)
from notify.domain.refusals import QuietHoursInvalid

NIGHT = QuietHours(enabled=True, start=time(22), end=time(8))
NOON = QuietHours(enabled=True, start=time(12), end=time(13, 30))
BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)

# Half-hour steps, half-hour offsets, no summer time, southern summers, a day that was left out.
ZONES = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Apia",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Tehran",
]

zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))
instants = st.datetimes(
    # Hypothesis wants naive bounds and adds the zone itself.
    min_value=datetime(2005, 1, 1),  # noqa: DTZ001 - see above
    max_value=datetime(2037, 12, 31),  # noqa: DTZ001 - see above
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
windows = st.builds(
    QuietHours,
    enabled=st.just(True),
    start=times,
    end=times,
    weekdays=st.frozensets(st.integers(1, 7), min_size=1),
).filter(lambda hours: hours.start != hours.end)


def local(zone: ZoneInfo, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=zone).astimezone(UTC)


def test_ntf_03_the_start_belongs_to_the_window_and_the_end_does_not() -> None:
    end = local(SHANGHAI, 2036, 3, 3, 13, 30)
    tick = timedelta(milliseconds=1)
    start = local(SHANGHAI, 2036, 3, 3, 12)
    assert quiet_until(NOON, zone=SHANGHAI, now=start - tick) is None
    assert quiet_until(NOON, zone=SHANGHAI, now=start) == end
    assert quiet_until(NOON, zone=SHANGHAI, now=end - tick) == end
    assert quiet_until(NOON, zone=SHANGHAI, now=end) is None


def test_ntf_03_a_night_goes_over_midnight_and_belongs_to_the_day_it_starts_on() -> None:
    friday_only = QuietHours(enabled=True, start=time(22), end=time(8), weekdays=frozenset({5}))
    friday, saturday = (2036, 3, 7), (2036, 3, 8)
    end = local(SHANGHAI, *saturday, 8)
    assert quiet_until(friday_only, zone=SHANGHAI, now=local(SHANGHAI, *friday, 23)) == end
    assert quiet_until(friday_only, zone=SHANGHAI, now=local(SHANGHAI, *saturday, 7, 59)) == end
    assert quiet_until(friday_only, zone=SHANGHAI, now=local(SHANGHAI, *friday, 7)) is None
    assert quiet_until(friday_only, zone=SHANGHAI, now=local(SHANGHAI, *saturday, 23)) is None


def test_ntf_03_a_skipped_time_is_the_next_valid_instant() -> None:
    # Berlin, 2036-03-30: 02:00 becomes 03:00.
    jump = datetime(2036, 3, 30, 1, tzinfo=UTC)
    assert instant(date(2036, 3, 30), time(2, 30), zone=BERLIN) == jump
    assert instant(date(2036, 3, 30), time(2), zone=BERLIN) == jump
    until = QuietHours(enabled=True, start=time(23), end=time(2, 15))
    assert quiet_until(until, zone=BERLIN, now=jump - MINUTE) == jump
    assert quiet_until(until, zone=BERLIN, now=jump) is None


def test_ntf_03_a_repeated_time_is_the_first() -> None:
    # Berlin, 2036-10-26: 03:00 summer time becomes 02:00.
    first = datetime(2036, 10, 26, 0, 30, tzinfo=UTC)
    assert instant(date(2036, 10, 26), time(2, 30), zone=BERLIN) == first
    until = QuietHours(enabled=True, start=time(23), end=time(2, 30))
    assert quiet_until(until, zone=BERLIN, now=first - MINUTE) == first
    assert quiet_until(until, zone=BERLIN, now=first + timedelta(minutes=30)) is None


def test_ntf_03_a_window_inside_the_skipped_hour_is_none_that_day() -> None:
    inside = QuietHours(enabled=True, start=time(2, 10), end=time(2, 50))
    jump = datetime(2036, 3, 30, 1, tzinfo=UTC)
    for minutes in range(-90, 90):
        assert quiet_until(inside, zone=BERLIN, now=jump + minutes * MINUTE) is None


def test_ntf_03_a_zone_that_changes_holds_from_now_on() -> None:
    now = local(SHANGHAI, 2036, 3, 3, 23)
    assert quiet_until(NIGHT, zone=SHANGHAI, now=now) == local(SHANGHAI, 2036, 3, 4, 8)
    assert quiet_until(NIGHT, zone=BERLIN, now=now) is None


@given(hours=windows, zone=zones, now=instants)
def test_ntf_03_the_end_is_ahead_and_is_itself_outside_or_in_a_later_window(
    hours: QuietHours, zone: ZoneInfo, now: datetime
) -> None:
    end = quiet_until(hours, zone=zone, now=now)
    if end is None:
        return
    assert now < end <= now + timedelta(hours=26)
    beyond = quiet_until(hours, zone=zone, now=end)
    assert beyond is None or beyond > end
    assert quiet_until(hours, zone=zone, now=end - timedelta(milliseconds=1)) is not None


@given(hours=windows, zone=zones, now=instants)
def test_ntf_03_away_from_the_clocks_changes_it_is_what_a_wall_clock_says(
    hours: QuietHours, zone: ZoneInfo, now: datetime
) -> None:
    around = {(now + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(-49, 50)}
    if len(around) > 1:
        return
    wall = now.astimezone(zone)
    at, day = wall.time(), wall.isoweekday()
    before = (day - 2) % 7 + 1
    if hours.start < hours.end:
        quiet = day in hours.weekdays and hours.start <= at < hours.end
    else:
        quiet = (day in hours.weekdays and at >= hours.start) or (
            before in hours.weekdays and at < hours.end
        )
    assert (quiet_until(hours, zone=zone, now=now) is not None) == quiet


@given(day=st.dates(date(2005, 1, 1), date(2037, 12, 30)), at=times, zone=zones)
def test_ntf_03_every_local_time_is_an_instant_that_shows_it_or_follows_its_gap(
    day: date, at: time, zone: ZoneInfo
) -> None:
    found = instant(day, at, zone=zone)
    shown = found.astimezone(zone).replace(tzinfo=None)
    asked = datetime.combine(day, at)
    if shown == asked:
        assert found.astimezone(zone).fold == 0, "of two, the first"
        return
    assert shown > asked
    just_before = (found - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    assert just_before < asked, "the first instant after the gap"


@given(zone=zones, now=instants)
def test_ntf_03_hours_that_are_off_are_never_quiet(zone: ZoneInfo, now: datetime) -> None:
    off = QuietHours(enabled=False, start=time(0), end=time(23))
    assert quiet_until(off, zone=zone, now=now) is None


@pytest.mark.parametrize(
    ("hours", "field"),
    [
        (QuietHours(enabled=True, start=time(8), end=time(8)), "end"),
        (QuietHours(enabled=True, start=time(8), end=time(7, 30)), "end"),
        (QuietHours(enabled=True, weekdays=frozenset({0})), "weekdays"),
        (QuietHours(enabled=True, weekdays=EVERY_DAY | {8}), "weekdays"),
        (QuietHours(enabled=True, time_zone="Asia/Peking2"), "time_zone"),
        (QuietHours(enabled=True, time_zone="../etc/passwd"), "time_zone"),
    ],
)
def test_ntf_03_hours_that_nobody_can_live_by_are_refused(hours: QuietHours, field: str) -> None:
    with pytest.raises(QuietHoursInvalid) as refused:
        check(hours)
    assert refused.value.metadata["field"] == field


@pytest.mark.parametrize(
    "text", ["", "8:00", "24:00", "12:60", "12-00", "noon!", "１２:00", "+1:00"]
)
def test_ntf_03_a_time_is_hours_and_minutes(text: str) -> None:
    with pytest.raises(QuietHoursInvalid):
        clock_time(text, field="start")
    assert clock_time("07:05", field="start") == time(7, 5)
