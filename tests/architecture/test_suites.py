"""Size of conftest files: a suite keeps its other shared code in separate files."""

from pathlib import Path

from .pages import ROOT

MAX_LINES = 250
FOLDERS = ("tests", "services", "libs", "clients", "deploy", "bench")


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
    assert too_long(paths) == set()
