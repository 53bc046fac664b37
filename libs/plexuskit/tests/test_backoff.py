"""Pauses grow, end at a bound, and are spread."""

from hypothesis import given
from hypothesis import strategies as st
from plexuskit.backoff import pause


@given(st.integers(0, 10_000))
def test_a_pause_doubles_up_to_its_bound_and_is_spread(failures):
    whole = min(0.2 * 2 ** min(failures, 10), 5.0)
    assert 0.7 * whole <= pause(failures, (0.2, 5.0)) <= 1.3 * whole


def test_two_who_failed_together_come_back_apart():
    assert len({pause(3, (0.5, 30.0)) for _ in range(20)}) > 1
