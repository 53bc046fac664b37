"""Root of the checkout, and a lock between its processes."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plexus_local.servers.errors import ToolMissing


def home() -> Path:
    """Return the root of the checkout: PLEXUS_HOME, or the nearest folder above with a uv.lock.

    Raises:
        ToolMissing: Neither exists.
    """
    named = os.environ.get("PLEXUS_HOME")
    if named:
        return Path(named).resolve()

    for start in (Path.cwd(), Path(__file__).resolve()):
        for folder in (start, *start.parents):
            if (folder / "uv.lock").is_file():
                return folder
    raise ToolMissing(
        what="The Plexus checkout was not found: no uv.lock here or above.",
        remedy="run from inside the checkout, or set PLEXUS_HOME to its root",
    )


def tools() -> Path:
    """Return the folder that stores downloaded tools between runs."""
    return home() / ".plexus" / "tools"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path` among processes; it is released if the holder is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
