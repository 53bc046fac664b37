"""Commands that start and stop the supervisor: up, down, clean."""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence

from plexus_local import show
from plexus_local.follow import follow
from plexus_local.layout import Layout, read_json
from plexus_local.servers import process_started
from plexus_local.servers.home import locked
from plexus_local.supervisor import is_running, stop_orphans

MAX_STOP = 150.0
POLL = 0.1
SUPERVISE = (sys.executable, "-m", "plexus_local", "supervise")


def up(layout: Layout, *, supervise: Sequence[str] = SUPERVISE) -> int:
    """Start everything in the background; return 0 once it is ready, 1 when it failed.

    If a run exists already, wait until it is ready and print its addresses.
    """
    layout.make()
    with locked(layout.run / "up.lock"):
        pid = _supervisor(layout)
        if pid is not None:
            show.line("Plexus runs already.")
        else:
            show.line("Starting Plexus …")
            pid = _detach(supervise, layout)
    return follow(layout, pid=pid)


def down(layout: Layout, *, within: float = MAX_STOP) -> int:
    """Stop everything in order and keep its data; after `within` seconds, kill the rest."""
    pid = _supervisor(layout)
    if pid is None:
        orphans = stop_orphans(layout)
        if orphans:
            show.line(f"Stopped what a killed run had left: {', '.join(orphans)}.")
        show.line("Plexus is not running.")
        return 0

    show.line("Stopping Plexus …")
    _signal(pid, signal.SIGTERM)
    if not _ended(layout, within=within):
        show.line("It did not stop in time and is killed.")
        _signal(pid, signal.SIGKILL)
        _ended(layout, within=10)
    stop_orphans(layout)  # a killed supervisor, now or just before, stopped no process
    show.line("Stopped. Data is kept in " + str(layout.data))
    return 0


def clean(layout: Layout, *, tools: bool = False) -> int:
    """Stop everything and remove its data, logs, keys, secrets and mails.

    Downloaded tools stay unless `tools` is set: they take minutes to download again.
    """
    down(layout)
    kept = () if tools else ("tools",)
    for entry in sorted(layout.root.iterdir()) if layout.root.is_dir() else ():
        if entry.name in kept:
            continue
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        show.line(f"Removed {entry}")
    return 0


def _detach(command: Sequence[str], layout: Layout) -> int:
    """Run the supervisor in a session of its own, so that it survives this terminal."""
    log = str(layout.log("supervisor"))
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawn(
        command[0],
        list(command),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _supervisor(layout: Layout) -> int | None:
    """Return the pid of the supervisor that holds the lock; None if there is none.

    A new one writes its pid shortly after it has acquired the lock, and the lock of a killed one is
    free only when its last thread has ended.
    """
    deadline = time.monotonic() + 10
    while is_running(layout):
        noted = read_json(layout.pid_file)
        if noted and process_started(noted["pid"]) == noted["started"]:
            return int(noted["pid"])
        if time.monotonic() > deadline:
            raise RuntimeError(f"{layout.lock} is held, but {layout.pid_file} does not say by whom")
        time.sleep(POLL)
    return None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended by itself
        os.kill(pid, number)


def _ended(layout: Layout, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while is_running(layout):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True
