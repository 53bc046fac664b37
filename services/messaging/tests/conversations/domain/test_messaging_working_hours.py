"""Working hours against the clock on the wall: gaps, repeated hours, windows over midnight."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.conversations.domain.working_hours import (
    DEFAULT,
    WorkingHours,
    windows_of,
    works_again_at,
    zone_named,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
ZONES = ("Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tehran")
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)

instants = st.datetimes(
    min_value=datetime(2015, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2035, 12, 30),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
).map(lambda at: at.replace(microsecond=0))
zones = st.sampled_from(ZONES).map(ZoneInfo)


@st.composite
def hours(draw: st.DrawFn) -> WorkingHours:
    """Windows that do not overlap, the last one over midnight or not."""
    weekdays = tuple(sorted(draw(st.sets(st.integers(1, 7), min_size=1))))
    edges = draw(
        st.lists(st.integers(0, 1439), min_size=2, max_size=8, unique=True).filter(
            lambda found: len(found) % 2 == 0
        )
    )
    edges.sort()
    windows = list(zip(edges[::2], edges[1::2], strict=True))
    if draw(st.booleans()):
        windows[-1] = (windows[-1][0], draw(st.integers(0, windows[0][0])) or 1440)
    return WorkingHours(weekdays, tuple(windows))


def works(found: WorkingHours, zone: ZoneInfo, at: datetime) -> bool:
    """Check every window of the days around: slow, but independent of the code under test."""
    today = at.astimezone(zone).date()
    days = (today + timedelta(days=n) for n in (-2, -1, 0, 1))
    return any(
        start <= at < end for day in days for start, end in windows_of(found, day=day, zone=zone)
    )


@given(hours(), zones, instants)
def test_ntf_03_somebody_works_exactly_inside_a_window(
    found: WorkingHours, zone: ZoneInfo, at: datetime
) -> None:
    assert (works_again_at(found, zone=zone, at=at) is None) == works(found, zone, at)


@given(hours(), zones, instants)
def test_ntf_03_the_next_window_begins_later_and_none_before_it(
    found: WorkingHours, zone: ZoneInfo, at: datetime
) -> None:
    again = works_again_at(found, zone=zone, at=at)
    if again is None:
        return
    assert at < again <= at + timedelta(days=15)
    assert works(found, zone, again)
    assert not works(found, zone, again - timedelta(seconds=1))
    for share in range(1, 20):
        assert not works(found, zone, at + (again - at) * share / 20 - timedelta(microseconds=1))


@given(zones, instants)
def test_ntf_03_a_window_of_the_whole_day_is_always_open(zone: ZoneInfo, at: datetime) -> None:
    always = WorkingHours(EVERY_DAY, ((0, 1440),))
    assert works_again_at(always, zone=zone, at=at) is None


@pytest.mark.parametrize(
    ("local", "again"),
    [
        ("2026-03-02 08:59", "2026-03-02 09:00"),
        ("2026-03-02 09:00", None),
        ("2026-03-02 12:00", "2026-03-02 13:30"),
        ("2026-03-02 13:30", None),
        ("2026-03-02 18:00", "2026-03-03 09:00"),
        ("2026-03-06 18:00", "2026-03-09 09:00"),
        ("2026-03-08 23:00", "2026-03-09 09:00"),
    ],
)
def test_ntf_03_the_default_has_lunch_and_weekends(local: str, again: str | None) -> None:
    at = datetime.fromisoformat(local).replace(tzinfo=SHANGHAI).astimezone(UTC)
    expected = again and datetime.fromisoformat(again).replace(tzinfo=SHANGHAI).astimezone(UTC)
    assert works_again_at(DEFAULT, zone=SHANGHAI, at=at) == expected


def test_ntf_03_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    friday = WorkingHours((5,), ((1320, 360),))
    saturday_morning = datetime(2026, 3, 7, 5, 59, tzinfo=SHANGHAI)
    assert works_again_at(friday, zone=SHANGHAI, at=saturday_morning) is None
    after = works_again_at(friday, zone=SHANGHAI, at=saturday_morning + timedelta(minutes=1))
    assert after == datetime(2026, 3, 13, 22, tzinfo=SHANGHAI)


def test_ntf_03_a_start_that_spring_skips_is_the_first_instant_after_the_gap() -> None:
    early = WorkingHours(EVERY_DAY, ((150, 600),))  # 02:30, which 8 March 2026 does not have
    again = works_again_at(early, zone=NEW_YORK, at=datetime(2026, 3, 8, 6, 30, tzinfo=UTC))
    assert again == datetime(2026, 3, 8, 7, 0, tzinfo=UTC)


def test_ntf_03_an_hour_that_autumn_repeats_begins_the_first_time() -> None:
    early = WorkingHours(EVERY_DAY, ((90, 600),))  # 01:30, twice on 1 November 2026
    again = works_again_at(early, zone=NEW_YORK, at=datetime(2026, 11, 1, 4, 0, tzinfo=UTC))
    assert again == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_ntf_03_a_window_that_spring_swallows_whole_is_no_window() -> None:
    sunday = WorkingHours((7,), ((125, 150),))
    again = works_again_at(sunday, zone=NEW_YORK, at=datetime(2026, 3, 8, 5, 0, tzinfo=UTC))
    assert again == datetime(2026, 3, 15, 6, 5, tzinfo=UTC)


def test_a_zone_that_is_not_known_here_is_none() -> None:
    assert zone_named("Mars/Olympus") is None
    assert zone_named("../etc/passwd") is None
