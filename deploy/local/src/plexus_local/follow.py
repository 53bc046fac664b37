"""Progress of a start, until it is ready or has failed."""

import time
from typing import Any

from rich.live import Live

from plexus_local import show
from plexus_local.journal import Phase, Status, recorded
from plexus_local.layout import Layout
from plexus_local.servers import process_started
from plexus_local.servers.errors import tail

POLL = 0.1
INTERRUPTED = 130


def follow(layout: Layout, *, pid: int) -> int:
    """Show the start of supervisor `pid`; return 0 when it is ready, 1 when it failed."""
    try:
        content = _watched(layout, pid=pid)
    except KeyboardInterrupt:
        show.line("It goes on starting in the background: `make status`, `make down`.")
        return INTERRUPTED

    if content.get("phase") == Phase.READY:
        show.ready(content)
        return 0
    show.failed(content.get("failure") or tail(layout.log("supervisor")))
    return 1


def _watched(layout: Layout, *, pid: int) -> dict[str, Any]:
    """Return the last state of that supervisor once it is ready or has ended."""
    if not show.CONSOLE.is_terminal:
        return _watched_in_lines(layout, pid=pid)

    started = time.monotonic()
    with Live(console=show.CONSOLE, auto_refresh=False, transient=True) as live:
        while True:
            content, over = _look(layout, pid=pid)
            live.update(show.progress(content, seconds=time.monotonic() - started), refresh=True)
            if over:
                return content
            time.sleep(POLL)


def _watched_in_lines(layout: Layout, *, pid: int) -> dict[str, Any]:
    """Print one line per part that is ready, as suits a log file."""
    said = set()
    while True:
        content, over = _look(layout, pid=pid)
        for name, part in content.get("parts", {}).items():
            if name not in said and part["status"] in {Status.READY, Status.DONE, Status.FAILED}:
                show.line(f"  {name}: {part['status']}")
                said.add(name)
        if over:
            return content
        time.sleep(POLL)


def _look(layout: Layout, *, pid: int) -> tuple[dict[str, Any], bool]:
    """Read the state of that supervisor, not of an earlier one, and whether it is final."""
    alive = process_started(pid) is not None
    content = recorded(layout)
    if content.get("supervisor", {}).get("pid") != pid:
        content = {}
    decided = content.get("phase") in {Phase.READY, Phase.FAILED, Phase.STOPPED}
    return content, decided or not alive
