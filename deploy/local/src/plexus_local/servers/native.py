"""Common base of the three local servers: prepare, run, wait until they respond, settle."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from plexus_local.servers.child import Child
from plexus_local.servers.errors import ServerNotStarted


class NativeServer(ABC):
    """A server run as a child process, with its data under `data` and its output in `log`.

    The parts of `start` are public, because a supervisor runs them one by one: `prepare` and
    `settle` may block for long, while `spawn` is quick and must run in a long-lived thread (see
    `Child`).
    """

    name: str
    url: str
    start_seconds: float = 60

    def __init__(self, *, data: Path, log: Path) -> None:
        self.data = data
        self.log = log
        self.child: Child | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Download programs, write configuration and format storage if necessary."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the program and its arguments; valid once prepared."""

    @abstractmethod
    def answers(self) -> bool:
        """Check once, for about a second at most, whether it serves."""

    def settle(self) -> None:  # noqa: B027 - most servers are ready once they answer
        """Finish the start once it responds; idempotent."""

    def released(self) -> None:  # noqa: B027 - most servers hold nothing
        """Release its reservations after its end."""

    def spawn(self) -> Child:
        """Run the command now."""
        self.child = Child(self.command(), log=self.log)
        return self.child

    def start(self) -> Self:
        """Start it and return when it serves.

        Raises:
            ServerNotStarted: It ends or does not respond in time; with the end of its log.
            ToolMissing: A required program is missing.
        """
        try:
            self.prepare()
            child = self.spawn()
            self.await_answer(child)
            self.settle()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop it; do nothing if it is not running."""
        if self.child is not None:
            self.child.stop(within=20)
            self.child = None
        self.released()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def await_answer(self, child: Child) -> None:
        """Wait until it responds.

        Raises:
            ServerNotStarted: It ends or does not respond in time.
        """
        deadline = time.monotonic() + self.start_seconds
        while not self.answers():
            if child.exit_code is not None:
                reason = f"it ended with code {child.exit_code}"
                raise ServerNotStarted(name=self.name, reason=reason, log=self.log)
            if time.monotonic() > deadline:
                reason = f"it did not answer within {self.start_seconds:.0f} s"
                raise ServerNotStarted(name=self.name, reason=reason, log=self.log)
            time.sleep(0.1)


def start_together(servers: Sequence[NativeServer]) -> None:
    """Start servers at the same time and return when all of them serve.

    Call it from a long-lived thread (see `Child`).

    Raises:
        ServerNotStarted: One ends or does not respond in time; all are stopped again.
        ToolMissing: A required program is missing.
    """
    try:
        for server in servers:
            server.prepare()
        children = [server.spawn() for server in servers]
        for server, child in zip(servers, children, strict=True):
            server.await_answer(child)
            server.settle()
    except BaseException:
        for server in reversed(servers):
            server.stop()
        raise
