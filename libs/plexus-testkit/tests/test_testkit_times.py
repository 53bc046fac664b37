"""The time per group of tests, and the parts of `make test` against its budget."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from plexus_testkit.times import BUDGET_SECONDS, clock, group_of

MODULE = """
def test_one():
    pass

def test_two():
    pass
"""


@pytest.mark.parametrize(
    ("path", "group"),
    [
        ("libs/plexuskit/tests/test_relay.py", "libs/plexuskit"),
        ("services/messaging/tests/log/domain/test_chain.py", "services/messaging"),
        ("tests/web/test_typing.py", "tests/web"),
        ("tests/integration/fuzz/test_requests.py", "tests/integration/fuzz"),
        ("test_example.py", "."),
    ],
)
def test_a_group_is_the_folder_of_a_suite(path: str, group: str) -> None:
    assert group_of(path) == group


def run(folder: Path, *arguments: str, earlier: float) -> subprocess.CompletedProcess[str]:
    """Run two tests as the last part of a run whose earlier parts took some seconds."""
    suite = folder / "libs" / "example"
    suite.mkdir(parents=True)
    (suite / "test_example.py").write_text(MODULE)
    (folder / "times").write_text(f"checks\t{earlier}\n")
    # This test may run in a worker itself; the run that it starts has nothing to do with that one.
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    env["PLEXUS_TEST_TIMES"] = str(folder / "times")
    plugin = ("-c", os.devnull, "-p", "plexus_testkit.times", "-p", "no:cacheprovider")
    command = (sys.executable, "-m", "pytest", "--rootdir", ".", *plugin, *arguments, "libs")
    return subprocess.run(  # noqa: S603 - pytest itself, on the file above
        command, cwd=folder, capture_output=True, text=True, timeout=60, check=False, env=env
    )


def test_groups_and_parts_are_printed_before_the_closing_line(tmp_path: Path) -> None:
    ran = run(tmp_path, earlier=90)

    assert ran.returncode == 0, ran.stdout
    lines = ran.stdout.splitlines()
    assert "2 passed" in lines[-1]
    assert any(line.endswith(" s      2 tests  libs/example") for line in lines)
    assert "    1:30  checks" in lines
    assert any(line.endswith("  tests one at a time") for line in lines)
    assert any(line.endswith("  of 20:00") for line in lines)
    assert "warning" not in ran.stdout


def test_a_run_over_its_budget_is_warned_about_and_does_not_fail(tmp_path: Path) -> None:
    ran = run(tmp_path, "-n", "1", earlier=BUDGET_SECONDS + 60)

    assert ran.returncode == 0, ran.stdout
    assert "over the budget of `make test`" in ran.stdout
    assert "busy: gw0" in ran.stdout
    assert "tests side by side" in ran.stdout


def test_a_command_is_a_part_and_keeps_its_exit_code(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "plexus_testkit.times", "checks")
    env = os.environ | {"PLEXUS_TEST_TIMES": str(tmp_path / "times")}

    ran = subprocess.run(  # noqa: S603 - our own module
        (*command, sys.executable, "-c", "raise SystemExit(3)"), env=env, check=False, timeout=60
    )

    assert ran.returncode == 3
    name, seconds = (tmp_path / "times").read_text().split("\t")
    assert (name, 0 <= float(seconds) < 60) == ("checks", True)


def test_seconds_are_shown_as_minutes() -> None:
    assert [clock(seconds) for seconds in (0.4, 59.9, 60, 1145)] == [
        "0:00",
        "0:59",
        "1:00",
        "19:05",
    ]
