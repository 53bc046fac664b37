"""Times as people type them become instants, whatever clock changes are near."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import typer
from plexus_cli import moments

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)  # twelve o'clock in Shanghai


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-03-03T09:00+08:00", "2026-03-03T01:00"),
        ("2026-03-03T01:00Z", "2026-03-03T01:00"),
        ("2026-03-03T09:00", "2026-03-03T01:00"),
        ("2026-03-03 9:00", "2026-03-03T01:00"),
        ("18:00", "2026-03-02T10:00"),
        ("9:30", "2026-03-03T01:30"),
        ("12:00", "2026-03-03T04:00"),
        ("today 18:00", "2026-03-02T10:00"),
        ("Tomorrow 9:00", "2026-03-03T01:00"),
    ],
)
def test_what_is_typed_is_meant_in_the_persons_zone(typed: str, meant: str) -> None:
    at = moments.parse(typed, zone=SHANGHAI, now=NOON)
    assert at == datetime.fromisoformat(f"{meant}+00:00")
    assert at.tzinfo is UTC


@pytest.mark.parametrize("typed", ["", "soon", "25:00", "9", "tomorrow", "yesterday 9:00", "a b c"])
def test_what_is_no_time_is_usage(typed: str) -> None:
    with pytest.raises(typer.BadParameter):
        moments.parse(typed, zone=SHANGHAI, now=NOON)


def test_ntf_03_a_skipped_time_is_the_first_after_it_and_a_repeated_one_the_first() -> None:
    skipped = moments.parse("2026-03-29 2:30", zone=BERLIN, now=NOON)
    assert skipped == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert moments.shown(skipped, zone=BERLIN) == "2026-03-29 03:00 Europe/Berlin"
    repeated = moments.parse("2026-10-25 2:30", zone=BERLIN, now=NOON)
    assert repeated == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_an_unknown_zone_is_told() -> None:
    with pytest.raises(typer.BadParameter, match="no zone"):
        moments.zone_of("Mars/Olympus")
