import os
import signal
import subprocess
import sys
import time

import pytest
from plexuskit import fault
from plexuskit.fault import Fault, armed, bound, parse, unarmed

PASSES_THREE_TIMES = """
from plexuskit import fault
for passing in range(1, 4):
    print("before", passing, flush=True)
    fault.point("send.after_insert")
    fault.point("send.before_insert")
print("done", flush=True)
"""


def run(specification: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if name != fault.VARIABLE}
    if specification:
        env[fault.VARIABLE] = specification
    return subprocess.run(  # noqa: S603 - this interpreter, with a script of this file
        [sys.executable, "-c", PASSES_THREE_TIMES],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env=env,
    )


def test_a_process_dies_by_sigkill_at_exactly_the_passing_that_was_named():
    ended = run("send.after_insert:kill@2")

    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["before", "1", "before", "2"]
    assert "killed at send.after_insert, passing 2" in ended.stderr


def test_a_process_without_the_variable_passes_every_point():
    ended = run("")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("done\n")


def test_a_fault_at_another_point_or_a_later_passing_harms_nothing():
    ended = run("relay.after_publish:kill@1,send.after_insert:kill@4")

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_process_refuses_to_start_with_a_fault_that_it_cannot_read():
    ended = run("send.after_insert:explode@1")

    assert ended.returncode == 1
    assert "send.after_insert:explode@1" in ended.stderr


@pytest.mark.alone
def test_a_pause_stops_the_process_for_its_seconds_and_once():
    point = armed(parse("relay.after_publish:pause@2:0.2"))
    began = time.monotonic()
    point("relay.after_publish")
    assert time.monotonic() - began < 0.1

    point("relay.after_publish")
    paused = time.monotonic() - began
    point("relay.after_publish")

    assert paused >= 0.2
    assert time.monotonic() - began - paused < 0.1


def test_several_faults_are_separated_by_commas():
    assert parse("a.b:kill@1, c.d_e:pause@12:2.5") == (
        Fault("a.b", 1, None),
        Fault("c.d_e", 12, 2.5),
    )


@pytest.mark.parametrize(
    "text",
    ["a.b", "a.b:kill", "a.b:kill@0", "a.b:kill@1:2", "a.b:pause@1", "a.b:pause@1:x", "a:kill@1,"],
)
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(ValueError, match="PLEXUS_FAULT"):
        parse(text)


def test_a_point_is_an_empty_function_unless_the_variable_is_set():
    assert bound("") is unarmed
    if fault.VARIABLE not in os.environ:
        assert fault.point is unarmed
