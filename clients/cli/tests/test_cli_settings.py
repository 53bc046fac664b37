"""Working hours in the notation of the command line."""

import pytest
from plexus.directory.v1.people_pb2 import WorkingHours
from plexus_cli.options import BadParameter
from plexus_cli.working_hours import hours_of, shown_hours

CURRENT = WorkingHours(
    weekdays=[1, 2], windows=[WorkingHours.Window(start_minute=540, end_minute=720)]
)


def test_days_and_time_spans_replace_what_they_name() -> None:
    hours = hours_of("mon-wed,fri", ["9:00-12:00", "13:30-18:00"], CURRENT)
    assert list(hours.weekdays) == [1, 2, 3, 5]
    assert [(each.start_minute, each.end_minute) for each in hours.windows] == [
        (540, 720),
        (810, 1080),
    ]
    assert shown_hours(hours) == "mon,tue,wed,fri 9:00-12:00 13:30-18:00"
    assert shown_hours(hours_of("", ["8:00-16:00"], CURRENT)) == "mon,tue 8:00-16:00"
    assert shown_hours(hours_of("sat", [], CURRENT)) == "sat 9:00-12:00"


@pytest.mark.parametrize(
    ("days", "windows"), [("mon-someday", []), ("", ["9-12"]), ("", ["morning"])], ids=str
)
def test_what_is_no_working_hours_is_wrong_usage(days: str, windows: list[str]) -> None:
    with pytest.raises(BadParameter):
        hours_of(days, windows, CURRENT)
