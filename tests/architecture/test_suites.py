"""Fixtures stay readable: what a suite shares beside them has files of its own."""

from pathlib import Path

from .pages import ROOT

MAX_LINES = 250
FOLDERS = ("tests", "services", "libs", "clients", "deploy", "bench")
# Longer ones are to be split; a file that was is off the list.
LONGER = {"services/notify/tests/conftest.py"}


def too_long(paths: list[Path]) -> set[str]:
    """Return the files with more than MAX_LINES lines, by their paths from the root."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in paths
        if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }


def test_fixtures_of_a_suite_are_read_at_once() -> None:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("conftest.py")]
    assert len(paths) >= 15
    assert too_long(paths) == LONGER
