"""What the three native servers have in common: prepare, run, wait until they answer, settle."""

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
    `settle` may block for long, while `spawn` is quick and belongs in a thread that lives on (see
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
        """Fetch programs, write configuration and format storage where that is still to do."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the program and its arguments; valid once prepared."""

    @abstractmethod
    def answers(self) -> bool:
        """Ask it once, for about a second at most, whether it serves."""

    def settle(self) -> None:  # noqa: B027 - most servers are ready once they answer
        """Do what has to be done once it answers; done twice it changes nothing."""

    def released(self) -> None:  # noqa: B027 - most servers hold nothing
        """Let go of what was reserved for it, after its end."""

    def spawn(self) -> Child:
        """Run the command now."""
        self.child = Child(self.command(), log=self.log)
        return self.child

    def start(self) -> Self:
        """Bring it up and return when it serves.

        Raises:
            ServerNotStarted: When it ends or does not answer in time, with the end of its log.
            ToolMissing: When a program it needs is absent.
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
        """End it; a server that is not running stays so."""
        if self.child is not None:
            self.child.stop(within=20)
            self.child = None
        self.released()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def await_answer(self, child: Child) -> None:
        """Return once it answers.

        Raises:
            ServerNotStarted: When it ends or does not answer in time.
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
