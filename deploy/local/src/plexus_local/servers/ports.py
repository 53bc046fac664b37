"""Free ports on loopback."""

import contextlib
import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import IO

# OpenSearch Runner accepts a base below about 9300 and listens on base + 1.
RUNNER_BASES = range(9200, 9290, 2)


def free_ports(count: int) -> list[int]:
    """Return `count` different unused ports, chosen by the system."""
    with contextlib.ExitStack() as held:
        chosen = []
        for _ in range(count):
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            chosen.append(int(probe.getsockname()[1]))
        return chosen


def free_port() -> int:
    """Return an unused port, chosen by the system."""
    return free_ports(1)[0]


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of loopback now."""
    with socket.socket() as probe:
        # As servers do, so that lingering connections of a stopped server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int, *, within: float = 1) -> bool:
    """Return whether a server accepts connections on `port` of loopback."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=within):
            return True
    except OSError:
        return False


class RunnerBase:
    """A base port for OpenSearch Runner, reserved on this machine until released."""

    def __init__(self, base: int, lock: IO[str]) -> None:
        self.base = base
        self._lock = lock

    def release(self) -> None:
        """Release it; the end of this process releases the lock as well."""
        self._lock.close()

    @classmethod
    def reserve(cls, preferred: int = 0) -> "RunnerBase | None":
        """Reserve `preferred` if it is free, else the first free base; None if there is none."""
        folder = Path(tempfile.gettempdir()) / f"plexus-ports-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        wanted = [preferred] if preferred in RUNNER_BASES else []
        for base in [*wanted, *RUNNER_BASES]:
            lock = (folder / f"{base}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            if is_free(base) and is_free(base + 1):
                return cls(base, lock)
            lock.close()
        return None
