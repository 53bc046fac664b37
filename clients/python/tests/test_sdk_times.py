"""Parsing of times as users type them, also near clock changes."""

from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plexus_sdk.times import NotATime, instant_of, parse, parse_due, shown, zone_of

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)  # Monday, twelve o'clock in Shanghai


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-03T09:00+08:00", "2026-03-03 09:00"),
        ("2026-03-03T01:00Z", "2026-03-03 09:00"),
        ("2026-03-03T09:00", "2026-03-03 09:00"),
        ("2026-03-03 9:00", "2026-03-03 09:00"),
        ("18:00", "2026-03-02 18:00"),
        ("9:30", "2026-03-03 09:30"),
        ("12:00", "2026-03-03 12:00"),
        ("9am", "2026-03-03 09:00"),
        ("12am", "2026-03-03 00:00"),
        ("12:30 pm", "2026-03-02 12:30"),
        ("noon", "2026-03-03 12:00"),
        ("today 18:00", "2026-03-02 18:00"),
        ("Tomorrow 9:00", "2026-03-03 09:00"),
        ("tomorrow at 9am", "2026-03-03 09:00"),
        ("monday 13:00", "2026-03-02 13:00"),
        ("monday 9:00", "2026-03-09 09:00"),
        ("fri 9:00", "2026-03-06 09:00"),
        ("next monday 9:00", "2026-03-09 09:00"),
        ("in 2 hours", "2026-03-02 14:00"),
        ("2h", "2026-03-02 14:00"),
        ("in an hour", "2026-03-02 13:00"),
        ("in 30 minutes", "2026-03-02 12:30"),
        ("in 3 days", "2026-03-05 12:00"),
        ("明天 9:00", "2026-03-03 09:00"),
        ("明天上午9点", "2026-03-03 09:00"),
        ("后天下午3点半", "2026-03-04 15:30"),
        ("今晚8点", "2026-03-02 20:00"),
        ("下周一 9：00", "2026-03-09 09:00"),
        ("下周一九点一刻", "2026-03-09 09:15"),
        ("周五 18:00", "2026-03-06 18:00"),
        ("星期天 10:00", "2026-03-08 10:00"),
        ("3月5日 14:00", "2026-03-05 14:00"),
        ("1月5日 14:00", "2027-01-05 14:00"),
        ("两小时后", "2026-03-02 14:00"),
        ("半小时后", "2026-03-02 12:30"),
        ("3天后", "2026-03-05 12:00"),
        ("一周后", "2026-03-09 12:00"),
    ],
)
def test_a_time_to_come_is_read_in_the_persons_zone(written: str, meant: str) -> None:
    at = parse(written, zone=SHANGHAI, now=NOON)
    assert shown(at, zone=SHANGHAI) == f"{meant} Asia/Shanghai"
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("9:00", "2026-03-02 09:00"),
        ("18:00", "2026-03-01 18:00"),
        ("yesterday 18:00", "2026-03-01 18:00"),
        ("昨天 18:00", "2026-03-01 18:00"),
        ("昨晚8点", "2026-03-01 20:00"),
        ("friday 9am", "2026-02-27 09:00"),
        ("上周五 9:00", "2026-02-27 09:00"),
        ("monday 13:00", "2026-02-23 13:00"),
        ("2 hours ago", "2026-03-02 10:00"),
        ("2h", "2026-03-02 10:00"),
        ("三天前", "2026-02-27 12:00"),
        ("12月5日 14:00", "2025-12-05 14:00"),
        ("now", "2026-03-02 12:00"),
    ],
)
def test_a_past_time_is_read_as_past(written: str, meant: str) -> None:
    at = parse(written, zone=SHANGHAI, now=NOON, past=True)
    assert shown(at, zone=SHANGHAI) == f"{meant} Asia/Shanghai"


@pytest.mark.parametrize(
    ("written", "edge", "meant"),
    [
        ("2026-12-31", "end", "2027-01-01 00:00"),
        ("2026-12-31", "start", "2026-12-31 00:00"),
        ("tomorrow", "end", "2026-03-04 00:00"),
        ("下周五", "end", "2026-03-14 00:00"),
    ],
)
def test_a_day_alone_is_its_start_or_its_end(written: str, edge: str, meant: str) -> None:
    at = parse(written, zone=SHANGHAI, now=NOON, day_is=edge)  # type: ignore[arg-type]
    assert shown(at, zone=SHANGHAI) == f"{meant} Asia/Shanghai"


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "TIME_UNKNOWN"),
        ("soon", "TIME_UNKNOWN"),
        ("25:00", "TIME_UNKNOWN"),
        ("9", "TIME_UNKNOWN"),
        ("2026-02-30 9:00", "TIME_UNKNOWN"),
        ("今晚12点", "TIME_UNKNOWN"),
        ("tomorrow", "TIME_MISSING"),
        ("明天", "TIME_MISSING"),
    ],
)
def test_what_is_no_time_is_refused_with_examples(written: str, reason: str) -> None:
    with pytest.raises(NotATime, match=r"9:00") as caught:
        parse(written, zone=SHANGHAI, now=NOON)
    assert caught.value.reason == reason


def test_a_time_to_come_is_refused_where_a_past_one_is_meant() -> None:
    with pytest.raises(NotATime, match="future") as caught:
        parse("tomorrow 9:00", zone=SHANGHAI, now=NOON, past=True)
    assert caught.value.reason == "TIME_IN_FUTURE"


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("2026-12-04", date(2026, 12, 4)),
        ("tomorrow", date(2026, 3, 3)),
        ("下周五", date(2026, 3, 13)),
        ("friday", date(2026, 3, 6)),
        ("3月5号", date(2026, 3, 5)),
        ("tomorrow 18:00", datetime(2026, 3, 3, 10, tzinfo=UTC)),
        ("2026-11-29T18:00", datetime(2026, 11, 29, 10, tzinfo=UTC)),
        ("2026-11-29T18:00Z", datetime(2026, 11, 29, 18, tzinfo=UTC)),
    ],
)
def test_a_due_day_stays_a_day_and_a_due_clock_is_the_persons(
    written: str, due: date | datetime
) -> None:
    assert parse_due(written, zone=SHANGHAI, now=NOON) == due


def test_ntf_03_a_skipped_time_is_the_first_after_it_and_a_repeated_one_the_first() -> None:
    skipped = parse("2026-03-29 2:30", zone=BERLIN, now=NOON)
    assert skipped == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert shown(skipped, zone=BERLIN) == "2026-03-29 03:00 Europe/Berlin"
    repeated = parse("2026-10-25 2:30", zone=BERLIN, now=NOON)
    assert repeated == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_hours_pass_alike_and_days_are_of_the_calendar_over_a_clock_change() -> None:
    evening = datetime(2026, 3, 28, 17, tzinfo=UTC)  # 18:00 in Berlin; an hour is skipped at 2:00
    assert parse("in 24 hours", zone=BERLIN, now=evening) == evening + timedelta(hours=24)
    assert shown(parse("in 1 day", zone=BERLIN, now=evening), zone=BERLIN).startswith(
        "2026-03-29 18:00"
    )


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(NotATime, match="no zone"):
        zone_of("Mars/Olympus")


ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
            "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia",
        )
    ]
)  # fmt: skip
NOWS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CLOCKS = st.times().map(lambda each: each.replace(second=0, microsecond=0))
IN_A_GAP = (ZoneInfo("America/New_York"), datetime(2026, 3, 8, 5, tzinfo=UTC), time(2, 30))
IN_A_FOLD = (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 4, 4, 12, tzinfo=UTC), time(1, 45))


@given(ZONES, NOWS, CLOCKS)
@example(*IN_A_GAP)
@example(*IN_A_FOLD)
def test_a_clock_alone_is_the_nearest_one_in_the_direction_that_is_meant(
    zone: ZoneInfo, now: datetime, clock: time
) -> None:
    ahead = parse(f"{clock:%H:%M}", zone=zone, now=now)
    behind = parse(f"{clock:%H:%M}", zone=zone, now=now, past=True)
    assert behind <= now < ahead
    # A day has at most 25 hours, plus one skipped time; Samoa skipped a whole day.
    assert ahead - behind <= timedelta(hours=51)
    for at in (ahead, behind):
        there = at.astimezone(zone)
        is_shown = there.time() == clock
        before = (at - timedelta(seconds=1)).astimezone(zone)
        is_after_gap = there.utcoffset() != before.utcoffset()
        assert is_shown or is_after_gap


@given(ZONES, st.dates(date(2000, 1, 1), date(2060, 1, 1)), CLOCKS)
@example(IN_A_GAP[0], date(2026, 3, 8), IN_A_GAP[2])
@example(IN_A_FOLD[0], date(2026, 4, 5), IN_A_FOLD[2])
def test_a_day_and_a_clock_are_that_instant_and_of_two_the_first(
    zone: ZoneInfo, day: date, clock: time
) -> None:
    at = parse(f"{day} {clock:%H:%M}", zone=zone, now=NOON)
    assert at == instant_of(day, clock, zone)
    there = at.astimezone(zone)
    assert there.replace(tzinfo=None) >= datetime.combine(day, clock)
    earlier = datetime.combine(day, clock, tzinfo=zone).replace(fold=0).astimezone(UTC)
    assert at == earlier or there.replace(tzinfo=None) > datetime.combine(day, clock)


@given(NOWS, ZONES, st.integers(0, 500), st.sampled_from(["minutes", "hours"]))
def test_a_distance_is_measured_in_time_that_passes(
    now: datetime, zone: ZoneInfo, number: int, unit: str
) -> None:
    distance = timedelta(**{unit: number})
    assert parse(f"in {number} {unit}", zone=zone, now=now) == now + distance
    assert parse(f"{number} {unit} ago", zone=zone, now=now) == now - distance


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(NotATime):
        assert parse(text, zone=BERLIN, now=NOON).tzinfo is UTC


@given(ZONES, NOWS)
def test_what_is_shown_can_be_read_again(zone: ZoneInfo, now: datetime) -> None:
    at = instant_of(now.date(), now.time().replace(second=0, microsecond=0), zone)
    written = shown(at, zone=zone).removesuffix(f" {zone.key}")
    assert parse(written, zone=zone, now=NOON) == at
