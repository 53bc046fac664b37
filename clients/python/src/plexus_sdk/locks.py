"""Locks between processes by locked files, on Linux and macOS."""

import sys
from typing import IO

from plexus_sdk.errors import Refused

if sys.platform == "win32":

    def wait_for(_: IO[str]) -> None:
        """Refuse: there are no such locks."""
        raise Refused("Files need locks of Linux or macOS; use an API token and memory here.")

    def is_taken(_: IO[str]) -> bool:
        """Refuse: there are no such locks."""
        raise Refused("Files need locks of Linux or macOS; use an API token and memory here.")

else:
    import fcntl

    def wait_for(handle: IO[str]) -> None:
        """Wait for the lock; the kernel releases it when its holder ends, however it ends."""
        fcntl.flock(handle, fcntl.LOCK_EX)

    def is_taken(handle: IO[str]) -> bool:
        """Take the lock if it is free; return whether it was."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
