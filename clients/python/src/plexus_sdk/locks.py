"""Locks between processes by file locks, on Linux and macOS."""

import sys
from typing import IO

from plexus_sdk.errors import Refused

if sys.platform == "win32":

    def wait_for(_: IO[str]) -> None:
        """Refuse: this platform has no such locks."""
        raise Refused("Files need locks of Linux or macOS; use an API token and memory here.")

    def is_taken(_: IO[str]) -> bool:
        """Refuse: this platform has no such locks."""
        raise Refused("Files need locks of Linux or macOS; use an API token and memory here.")

else:
    import fcntl

    def wait_for(handle: IO[str]) -> None:
        """Wait for the lock; the kernel releases it when its holder ends, however it ends."""
        fcntl.flock(handle, fcntl.LOCK_EX)

    def is_taken(handle: IO[str]) -> bool:
        """Acquire the lock if it is free; return whether it was acquired."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
