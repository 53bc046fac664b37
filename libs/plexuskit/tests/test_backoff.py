"""Pauses grow, end at a bound, and are spread."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from plexuskit.backoff import FULL, WITHIN, contended, doubled, jittered, pause


@given(st.integers(0, 10_000))
def test_a_pause_doubles_up_to_its_bound_and_is_spread(failures):
    whole = min(0.2 * 2 ** min(failures, 10), 5.0)
    assert 0.7 * whole <= pause(failures, (0.2, 5.0)) <= 1.3 * whole


def test_two_who_failed_together_come_back_apart():
    assert len({pause(3, (0.5, 30.0)) for _ in range(20)}) > 1


@given(st.integers(0, 10_000))
def test_a_bound_that_is_a_promise_is_never_exceeded(failures):
    assert 0.1 <= pause(failures, (0.2, 5.0), spread=WITHIN) <= 5.0
    assert 0.0 <= jittered(0.05, spread=FULL) <= 0.05


def test_durations_double_exactly():
    lengths = (timedelta(seconds=30), timedelta(minutes=15))
    assert [doubled(failures, lengths).total_seconds() for failures in range(7)] == [
        30,
        60,
        120,
        240,
        480,
        900,
        900,
    ]


@given(st.integers(0, 10_000))
def test_conflicts_wait_between_the_shortest_and_the_doubled_pause(failures):
    assert 0.005 <= contended(failures, (0.005, 0.1)) <= doubled(failures, (0.005, 0.1)) <= 0.1
