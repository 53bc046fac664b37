"""Output of log files: their last lines, and new ones."""

import time
from collections.abc import Sequence
from pathlib import Path

from plexus_local import show
from plexus_local.layout import Layout
from plexus_local.servers.errors import tail

POLL = 0.3


def logs(layout: Layout, *, names: Sequence[str], lines: int, following: bool) -> int:
    """Print the last `lines` lines of each log with its name; return 1 for an unknown log."""
    there = {path.stem: path for path in sorted(layout.logs.glob("*.log"))}
    unknown = [name for name in names if name not in there]
    if unknown:
        show.line(f"No log of {', '.join(unknown)}. There are: {', '.join(there) or 'none yet'}.")
        return 1

    chosen = {name: there[name] for name in names or there}
    read = {path: path.stat().st_size for path in chosen.values()}
    for name, path in chosen.items():
        for text in tail(path, lines=lines).splitlines():
            show.line(f"{name:<16} {text}")
    while following:
        try:
            time.sleep(POLL)
        except KeyboardInterrupt:
            return 0
        for name, path in chosen.items():
            read[path] = _print_new(name, path, read[path])
    return 0


def _print_new(name: str, path: Path, position: int) -> int:
    """Print the complete lines after a position and return the position after them."""
    if not path.is_file():
        return 0
    position = 0 if path.stat().st_size < position else position  # it has been rotated
    with path.open("rb") as stream:
        stream.seek(position)
        added = stream.read()
    whole = added[: added.rfind(b"\n") + 1]
    for text in whole.decode(errors="replace").splitlines():
        show.line(f"{name:<16} {text}")
    return position + len(whole)
