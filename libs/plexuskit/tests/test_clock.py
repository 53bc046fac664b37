from datetime import UTC, datetime, timedelta

import pytest
from plexuskit.clock import SystemClock, to_milliseconds


def test_now_is_aware_utc_and_cut_to_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLEXUS_CLOCK_OFFSET", raising=False)
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert now.utcoffset() == timedelta()
    assert now.microsecond % 1000 == 0
    assert timedelta(milliseconds=-1) < now - before < timedelta(seconds=5)


def test_milliseconds_are_cut_and_not_rounded() -> None:
    at = datetime(2026, 3, 2, 1, 0, 0, 999_999, tzinfo=UTC)

    assert to_milliseconds(at) == datetime(2026, 3, 2, 1, 0, 0, 999_000, tzinfo=UTC)


@pytest.mark.parametrize("offset", ["3600", "-7200.5"])
def test_the_offset_moves_now_and_not_monotonic(
    offset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLEXUS_CLOCK_OFFSET", raising=False)
    true_clock = SystemClock()
    monkeypatch.setenv("PLEXUS_CLOCK_OFFSET", offset)
    moved_clock = SystemClock()

    moved = (moved_clock.now() - true_clock.now()).total_seconds()

    assert moved == pytest.approx(float(offset), abs=2)
    assert moved_clock.monotonic() - true_clock.monotonic() == pytest.approx(0, abs=2)


def test_the_offset_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXUS_CLOCK_OFFSET", "86400")
    clock = SystemClock()
    monkeypatch.setenv("PLEXUS_CLOCK_OFFSET", "0")

    assert clock.now() - datetime.now(UTC) > timedelta(hours=23)


@pytest.mark.parametrize("offset", ["soon", "nan", "inf"])
def test_an_offset_that_is_no_number_is_refused(
    offset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEXUS_CLOCK_OFFSET", offset)

    with pytest.raises(ValueError, match="PLEXUS_CLOCK_OFFSET"):
        SystemClock()
