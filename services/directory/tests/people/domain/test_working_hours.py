import pytest
from directory.people.domain.working_hours import DEFAULT, Window, WorkingHours, check
from plexuskit.errors import InvalidArgument

MORNING, AFTERNOON, NIGHT = Window(540, 720), Window(810, 1080), Window(1320, 360)


def test_ntf_03_who_sets_nothing_works_on_weekdays_with_a_lunch_break() -> None:
    assert check([5, 1, 2, 3, 4, 1], [MORNING, AFTERNOON]) == DEFAULT


@pytest.mark.parametrize(
    ("weekdays", "windows"),
    [
        ([1, 7], [NIGHT]),
        ([1], [Window(0, 1440)]),
        ([1, 2, 3, 4, 5, 6, 7], [Window(480, 480)]),
        ([1, 2], [Window(300, 600), Window(1320, 300)]),
    ],
)
def test_ntf_03_windows_may_meet_and_cross_midnight(
    weekdays: list[int], windows: list[Window]
) -> None:
    assert check(weekdays, windows) == WorkingHours(tuple(weekdays), tuple(windows))


@pytest.mark.parametrize(
    ("weekdays", "windows", "field"),
    [
        ([], [MORNING], "working_hours.weekdays"),
        ([0], [MORNING], "working_hours.weekdays"),
        ([8], [MORNING], "working_hours.weekdays"),
        ([1], [], "working_hours.windows"),
        ([1], [Window(n * 10, n * 10 + 5) for n in range(9)], "working_hours.windows"),
        ([1], [Window(-1, 10)], "working_hours.windows"),
        ([1], [Window(0, 1441)], "working_hours.windows"),
        ([1], [Window(0, 0)], "working_hours.windows"),
        ([1], [AFTERNOON, MORNING], "working_hours.windows"),
        ([1], [Window(540, 811), AFTERNOON], "working_hours.windows"),
        ([1, 2], [Window(300, 600), Window(1320, 301)], "working_hours.windows"),
        ([7, 1], [Window(300, 600), Window(1320, 301)], "working_hours.windows"),
    ],
)
def test_ntf_03_hours_that_cannot_be_are_refused_by_their_field(
    weekdays: list[int], windows: list[Window], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check(weekdays, windows)
    assert refused.value.metadata["field"] == field


def test_ntf_03_a_night_that_ends_on_a_day_off_may_be_long() -> None:
    check([1, 3], [Window(300, 600), Window(1320, 301)])
