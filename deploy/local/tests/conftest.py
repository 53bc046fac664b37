"""A local run of tiny programs in place of Plexus, under the real supervisor."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from plexus_local import commands
from plexus_local.layout import Layout, read_json
from plexus_local.servers import process_started

PROGRAM = """\
import ctypes, os, signal, sys, time
from pathlib import Path

name, folder, *words = sys.argv[1:]
folder = Path(folder)

def event(text):
    with (folder / "events").open("a") as stream:
        stream.write(f"{name} {text}\\n")

def end(*_):
    event("stop")
    sys.exit(0)

signal.signal(signal.SIGTERM, signal.SIG_IGN if "stubborn" in words else end)
if "untied" in words:
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
event("start")
for word in words:
    if word.startswith("exit="):
        print(f"{name} says goodbye", flush=True)
        sys.exit(int(word.removeprefix("exit=")))
if "unready" not in words:
    (folder / f"{name}.ready").write_text(str(os.getpid()))
while True:
    time.sleep(0.02)
"""

SUPERVISE = """\
import json, sys, time
from pathlib import Path
from plexus_local.layout import Layout
from plexus_local.plan import Job, JobFailed, Plan, Process, Stage
from plexus_local.supervisor import supervise

folder = Path(sys.argv[1])
layout = Layout(folder / ".plexus")
program = str(folder / "program.py")

def process(name, words):
    ready = folder / f"{name}.ready"
    return Process(
        name=name,
        command=lambda: [sys.executable, "-S", program, name, str(folder), *words],
        prepare=lambda: ready.unlink(missing_ok=True),  # what an earlier run left says nothing
        ready=ready.exists,
        log=layout.log(name),
        start_seconds=2 if "unready" in words else 20,
        stop_seconds=0.5 if "stubborn" in words else 10,
    )

def job(name, words):
    def run():
        with (folder / "events").open("a") as stream:
            stream.write(f"{name} done\\n")
        if "slow" in words:
            time.sleep(120)
        if "fail" in words:
            raise JobFailed("the job says why")
    return Job(name=name, run=run)

def plan():
    stages = [
        Stage(
            jobs=[job(name, words) for name, words in stage.get("jobs", {}).items()],
            processes=[process(name, words) for name, words in stage["processes"].items()],
        )
        for stage in json.loads((folder / "plan.json").read_text())
    ]
    return Plan(stages=stages, addresses={"gateway": "http://127.0.0.1:8080"})

sys.exit(supervise(layout, plan=plan))
"""


@dataclass
class LocalRun:
    """A folder with a plan of tiny programs."""

    folder: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / ".plexus")

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(self.folder / "supervise.py"), str(self.folder)]

    def plan(self, *stages: dict[str, Any]) -> None:
        """Set the stages: `{"processes": {name: [word, …]}, "jobs": {name: [word, …]}}`."""
        (self.folder / "plan.json").write_text(json.dumps(stages))

    def up(self) -> int:
        return commands.up(self.layout, supervise=self.command)

    def down(self) -> int:
        return commands.down(self.layout, within=20)

    def part(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.layout.state)["parts"][name]
        return found

    def supervisor(self) -> int:
        return int(read_json(self.layout.pid_file)["pid"])

    def events(self) -> list[str]:
        return (self.folder / "events").read_text().splitlines()

    def log(self) -> str:
        return self.layout.log("supervisor").read_text()


def until(condition: Callable[[], Any], *, within: float = 15) -> Any:
    """Wait for a condition without an event loop."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return value


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until


@pytest.fixture
def local_run(tmp_path: Path) -> Iterator[LocalRun]:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "supervise.py").write_text(SUPERVISE)
    run = LocalRun(tmp_path)
    yield run
    if run.layout.run.is_dir():
        run.down()
    for part in read_json(run.layout.state).get("parts", {}).values():
        pid, started = part.get("pid"), part.get("started")
        if pid and process_started(pid) == started:
            os.kill(pid, signal.SIGKILL)
            pytest.fail(f"{part} was left running")
