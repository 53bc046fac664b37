from datetime import UTC, datetime, timedelta

import pytest
from search.domain.lag import ALIVE, Progress, Standing, dead_letters, is_behind, lag_seconds

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
THRESHOLD = timedelta(seconds=10)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def progress(
    *, written: float = 1, lag: float = 0, instance: str = "a", letters: int = 0
) -> Progress:
    return Progress(
        group="search.messages",
        instance=instance,
        written_at=ago(written),
        lag_seconds=lag,
        dead_letters=letters,
    )


def behind(*written: Progress) -> bool:
    return is_behind(written, groups=["search.messages"], threshold=THRESHOLD, now=NOW)


def lag(*written: Progress) -> float:
    return lag_seconds(written, groups=["search.messages"], now=NOW)


def test_src_04_nothing_waiting_is_no_lag_however_old_the_last_event_is() -> None:
    assert Standing(caught_up_at=ago(900), reached=ago(999)).lag_seconds(waiting=0, now=NOW) == 0


@pytest.mark.parametrize(
    ("caught_up", "reached", "expected"), [(2, 999, 2), (60, 3, 3), (60, 50, 50)]
)
def test_src_04_what_waits_came_after_the_last_batch_and_after_the_last_silence(
    caught_up: float, reached: float, expected: float
) -> None:
    standing = Standing(caught_up_at=ago(caught_up), reached=ago(reached))

    assert standing.lag_seconds(waiting=7, now=NOW) == expected


def test_src_04_the_indexer_that_is_most_behind_counts() -> None:
    assert lag(progress(lag=1), progress(lag=8, instance="b")) == 8


def test_src_04_an_indexer_that_ended_while_another_goes_on_does_not_count() -> None:
    gone = progress(written=ALIVE.total_seconds() + 1, lag=50, instance="b")

    assert lag(progress(lag=1), gone) == 1
    assert not behind(progress(), progress(written=ALIVE.total_seconds(), instance="b"))


def test_src_04_a_group_without_a_living_indexer_is_behind() -> None:
    assert lag(progress(written=64)) == 60
    assert behind(progress(written=64))


def test_src_04_a_group_that_nobody_told_of_may_be_behind() -> None:
    assert behind()
    assert lag() == 0


def test_src_04_the_threshold_itself_is_not_behind() -> None:
    assert not behind(progress(lag=10))
    assert behind(progress(lag=10.1))


def test_dead_letters_are_counted_once_per_group_by_the_last_word() -> None:
    old = progress(written=5, letters=9, instance="b")

    assert dead_letters([old, progress(letters=2)]) == 2
