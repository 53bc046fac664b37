"""The supervisor: starts in order, restarts, stops in reverse, and cleans up."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from plexus_local import commands
from plexus_local.journal import Phase, Status, recorded
from plexus_local.layout import write_whole
from plexus_local.servers import process_started

Until = Callable[..., Any]


def test_starts_stage_after_stage_and_stops_in_reverse(local_run: Any) -> None:
    local_run.plan(
        {"processes": {"server": []}},
        {"jobs": {"topics": []}, "processes": {"service": []}},
        {"processes": {"gateway": []}},
    )

    assert local_run.up() == 0
    assert local_run.events() == ["server start", "topics done", "service start", "gateway start"]

    assert local_run.down() == 0
    assert local_run.events()[4:] == ["gateway stop", "service stop", "server stop"]
    assert recorded(local_run.layout)["phase"] == Phase.STOPPED
    assert not local_run.layout.pid_file.exists()


def test_a_second_up_joins_the_first(local_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    local_run.plan({"processes": {"service": []}})
    assert local_run.up() == 0
    first = local_run.supervisor()

    assert local_run.up() == 0

    assert local_run.supervisor() == first
    assert local_run.events() == ["service start"]
    assert "runs already" in capsys.readouterr().out


def test_says_where_it_is_and_what_to_do_next(
    local_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    local_run.plan({"processes": {"service": []}})

    local_run.up()

    said = capsys.readouterr().out
    assert "http://127.0.0.1:8080" in said
    assert "make down" in said


def test_restarts_what_dies(local_run: Any, until: Until) -> None:
    local_run.plan({"processes": {"service": [], "other": []}})
    local_run.up()
    before, other = local_run.part("service")["pid"], local_run.part("other")["pid"]

    os.kill(before, signal.SIGKILL)

    until(
        lambda: (
            local_run.part("service")["status"] == Status.READY
            and local_run.part("service")["pid"] not in {before, None}
        )
    )
    assert local_run.part("service")["restarts"] == 1
    assert local_run.part("other")["pid"] == other
    assert "process.died" in local_run.log()


def test_a_pid_file_of_a_dead_supervisor_is_no_obstacle(local_run: Any) -> None:
    local_run.plan({"processes": {"service": []}})
    local_run.layout.make()
    write_whole(local_run.layout.pid_file, '{"pid": 1, "started": "long ago"}')
    write_whole(local_run.layout.state, "half a st")

    assert local_run.up() == 0
    assert local_run.supervisor() != 1


def test_what_a_killed_supervisor_left_is_stopped_before_the_next_start(
    local_run: Any, until: Until
) -> None:
    local_run.plan({"processes": {"free": ["untied"], "tied": []}})
    local_run.up()
    free, tied = local_run.part("free"), local_run.part("tied")

    os.kill(local_run.supervisor(), signal.SIGKILL)
    until(lambda: process_started(tied["pid"]) is None)
    assert process_started(free["pid"]) == free["started"]

    assert local_run.up() == 0
    assert process_started(free["pid"]) != free["started"]
    assert local_run.events().index("free stop") < len(local_run.events()) - 2
    assert local_run.part("free")["pid"] != free["pid"]


def test_down_stops_what_a_killed_supervisor_left(
    local_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    local_run.plan({"processes": {"free": ["untied"]}})
    local_run.up()
    free = local_run.part("free")
    os.kill(local_run.supervisor(), signal.SIGKILL)

    assert local_run.down() == 0

    assert process_started(free["pid"]) != free["started"]
    assert "free" in capsys.readouterr().out


def test_a_process_that_does_not_end_is_killed(local_run: Any) -> None:
    local_run.plan({"processes": {"stubborn": ["stubborn"]}})
    local_run.up()
    pid = local_run.part("stubborn")["pid"]

    assert local_run.down() == 0

    assert process_started(pid) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["exit=2"], "cannot use its settings"), (["unready"], "was not ready within 2 s")],
)
def test_a_start_that_fails_says_why_and_leaves_nothing_running(
    local_run: Any, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    local_run.plan({"processes": {"server": []}}, {"processes": {"broken": words}})

    assert local_run.up() == 1

    said = capsys.readouterr().out
    assert reason in said
    assert "broken" in said
    assert local_run.events()[-1] == "server stop"
    assert recorded(local_run.layout)["phase"] == Phase.FAILED


def test_a_failed_start_shows_the_end_of_the_log(
    local_run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    local_run.plan({"processes": {"broken": ["exit=2"]}})

    local_run.up()

    assert "broken says goodbye" in capsys.readouterr().out


def test_a_failed_job_ends_the_start(local_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    local_run.plan({"jobs": {"topics": ["fail"]}, "processes": {"service": []}})

    assert local_run.up() == 1

    assert "the job says why" in capsys.readouterr().out
    assert local_run.events() == ["topics done"]


@pytest.mark.alone
def test_down_does_not_wait_for_a_long_preparation(local_run: Any, until: Until) -> None:
    local_run.plan({"processes": {"server": []}}, {"jobs": {"slow": ["slow"]}, "processes": {}})
    local_run.layout.make()
    pid = commands._detach(local_run.command, local_run.layout)
    until(lambda: (local_run.folder / "events").exists() and "slow done" in local_run.events())
    started = time.monotonic()

    assert local_run.down() == 0

    assert time.monotonic() - started < 10
    assert process_started(pid) is None


def test_clean_removes_all_but_the_tools(local_run: Any) -> None:
    local_run.plan({"processes": {"service": []}})
    local_run.up()
    tools = local_run.layout.root / "tools"
    tools.mkdir()

    assert commands.clean(local_run.layout) == 0

    assert list(local_run.layout.root.iterdir()) == [tools]
