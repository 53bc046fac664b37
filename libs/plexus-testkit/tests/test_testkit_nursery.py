"""Processes that are forked from a fork server."""

import asyncio
import os
import sys

from plexus_testkit.wait import eventually

# Forks a program that sleeps, prints its process id, and waits to be killed.
USER = """
import sys, time
from pathlib import Path
from plexus_testkit.nursery import Forked

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "sleeper.py").write_text("import time; print('up', flush=True); time.sleep(600)")
    env = {"PYTHONPATH": str(folder)}
    child = Forked([sys.executable, "-m", "sleeper"], log=folder / "log", env=env)
    print(child.pid, flush=True)
    time.sleep(600)
"""


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_process_dies_with_whoever_had_it_forked(tmp_path) -> None:
    script = tmp_path / "user.py"
    script.write_text(USER)
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    user = await asyncio.create_subprocess_exec(
        sys.executable, script, tmp_path, stdout=asyncio.subprocess.PIPE, env=env
    )
    pid = int(await user.stdout.readline())
    await eventually(lambda: "up" in (tmp_path / "log").read_text())
    assert lives(pid)

    user.kill()
    await user.wait()

    await eventually(lambda: not lives(pid))
