"""A failure is printed when it happens, in case the run is stopped before its summary."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import os
import pytest

def test_one():
    assert "apples" == "pears"

@pytest.fixture
def broken():
    yield
    raise ValueError("not tidied up")

def test_two(broken):
    pass

def test_three():
    os.kill(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid(), 9)
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["one_process", "a_worker"])
def test_a_failure_is_told_before_the_run_ends(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "test_example.py").write_text(MODULE)
    plugin = ("-p", "plexus_testkit.failures", "-p", "no:cacheprovider")
    # This test may run in a worker itself; the run that it starts has nothing to do with that one.
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    command = (sys.executable, "-m", "pytest", "-c", os.devnull, *plugin, *workers, ".")

    run = subprocess.run(  # noqa: S603 - pytest itself, on the file above
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env=env
    )

    assert run.returncode == -9
    assert "failed at call: test_example.py::test_one" in run.stdout
    assert "'apples' == 'pears'" in run.stdout
    assert "failed at teardown: test_example.py::test_two" in run.stdout
    assert "ValueError: not tidied up" in run.stdout
    assert "short test summary" not in run.stdout
