"""Time per group of tests and per part of `make test`, against its budget.

A group is a suite's folder. A part is one command of `make test`; each adds its time to the file
named by PLEXUS_TEST_TIMES. `python -m plexus_testkit.times NAME COMMAND…` does so for a command
that is not pytest.
"""

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter

FILE = "PLEXUS_TEST_TIMES"
BUDGET_SECONDS = 20 * 60.0
SIDE_BY_SIDE, ONE_AT_A_TIME = "tests side by side", "tests one at a time"
# Folders whose suites are folders themselves.
_NESTED = ("tests/integration/",)


def group_of(path: str) -> str:
    """Return the group of a test file: `libs/access`, `tests/web`, `tests/integration/fuzz`."""
    folders = path.split("/")[:-1]
    return "/".join(folders[: 3 if path.startswith(_NESTED) else 2]) or "."


def clock(seconds: float) -> str:
    """Return minutes and seconds: `19:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def note(file: Path, name: str, seconds: float) -> list[tuple[str, float]]:
    """Add a part to the file of a run; return all parts up to now."""
    with file.open("a", encoding="utf-8") as parts:
        parts.write(f"{name}\t{seconds:.1f}\n")
    lines = [line.partition("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    return [(part, float(spent)) for part, _, spent in lines]


class Times:
    """Adds up the durations of setup, call and teardown by group and by worker."""

    def __init__(self, *, file: Path, part: str) -> None:
        self._file, self._part = file, part
        self._began = time.monotonic()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._tests: Counter[str] = Counter()
        self._workers: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a report, of this process or of a worker."""
        group = group_of(report.nodeid.partition("::")[0])
        self._seconds[group] += report.duration
        self._tests[group] += report.when == "call"
        node = getattr(report, "node", None)
        if node is not None:
            self._workers[node.gateway.id] += report.duration

    def pytest_terminal_summary(self, terminalreporter: TerminalReporter) -> None:
        """Print the groups, and all parts of `make test` up to now."""
        lasted = time.monotonic() - self._began
        terminalreporter.section("time per group")
        for group, seconds in sorted(self._seconds.items(), key=lambda each: -each[1]):
            terminalreporter.line(f"{seconds:8.1f} s {self._tests[group]:6} tests  {group}")
        for worker, seconds in sorted(self._workers.items()):
            terminalreporter.line(f"{seconds:8.1f} s of {lasted:.1f} s busy: {worker}")
        parts = note(self._file, self._part, lasted)
        total = sum(seconds for _, seconds in parts)
        for name, seconds in parts:
            terminalreporter.line(f"{clock(seconds):>8}  {name}")
        terminalreporter.line(f"{clock(total):>8}  of {clock(BUDGET_SECONDS)}")
        if total > BUDGET_SECONDS:
            over = clock(total - BUDGET_SECONDS)
            terminalreporter.line(
                f"warning: {over} over the budget of `make test`; move what is long to `make"
                " test-long`",
                yellow=True,
            )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Listen in the process that `make test` starts; workers send their reports there."""
    # Not for the workers, nor for a run of pytest that a test starts.
    file = os.environ.pop(FILE, None)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if file is None or terminal is None:
        return
    part = SIDE_BY_SIDE if getattr(config.option, "numprocesses", None) else ONE_AT_A_TIME
    config.pluginmanager.register(Times(file=Path(file), part=part), "plexus-times")


def main(name: str, *command: str) -> int:
    """Run a command as a part of the run; return its exit code."""
    file = Path(os.environ[FILE])
    began = time.monotonic()
    code = subprocess.run(command, check=False).returncode  # noqa: S603 - of the Makefile
    note(file, name, time.monotonic() - began)
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
