from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from plexuskit.errors import InvalidArgument
from tasks.domain.dues import due_at, due_on


@pytest.mark.parametrize(
    ("day", "zone", "deadline"),
    [
        ("2026-03-02", "Asia/Shanghai", datetime(2026, 3, 2, 16, tzinfo=UTC)),
        ("2026-03-02", "America/New_York", datetime(2026, 3, 3, 5, tzinfo=UTC)),
        # The clocks go forward at midnight: the day ends at the jump.
        ("2018-11-03", "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        # Half past midnight comes twice on the day after: the first midnight counts.
        ("2026-10-31", "America/Havana", datetime(2026, 11, 1, 4, tzinfo=UTC)),
    ],
)
def test_tsk_03_an_all_day_due_value_ends_with_the_day_in_the_zone(
    day: str, zone: str, deadline: datetime
) -> None:
    assert due_on(day).deadline(zone=ZoneInfo(zone)) == deadline


def test_tsk_03_an_instant_is_due_at_that_instant_in_every_zone() -> None:
    due = due_at(seconds=1_772_413_200, nanos=123_999_999)

    assert due.deadline(zone=ZoneInfo("Asia/Shanghai")) == due.at
    assert due.at == datetime(2026, 3, 2, 1, tzinfo=UTC) + timedelta(milliseconds=123)
    assert due.text == "2026-03-02T01:00:00.123Z"


@pytest.mark.parametrize("text", ["", "20260302", "2026-02-30", "2026-W10-1", "9999-12-31", "x"])
def test_tsk_03_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        due_on(text)

    assert refused.value.metadata["field"] == "due.date"


@pytest.mark.parametrize(("seconds", "nanos"), [(-1, 0), (0, -1), (0, 10**9), (300_000_000_000, 0)])
def test_tsk_03_what_is_no_instant_is_refused(seconds: int, nanos: int) -> None:
    with pytest.raises(InvalidArgument):
        due_at(seconds=seconds, nanos=nanos)
