"""One process of Plexus in a test: start, stop, kill, pause, readiness."""

import asyncio
import contextlib
import http.client
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from plexus_local.servers import Child

from plexus_testkit.wait import eventually

# All of Plexus starts at once, maybe on two processors that others use too; a process that has
# ended is not waited for.
READY_WITHIN = 180.0


class Running(Protocol):
    """A started program; its pid is also the id of its process group."""

    pid: int

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        ...

    def stop(self, *, within: float) -> int:
        """Ask it to end, kill it after `within` seconds, and return the exit code."""
        ...


class Launch(Protocol):
    """Starts a program: `Child`, or `plexus_testkit.nursery.Forked`, which is faster."""

    def __call__(self, command: Sequence[str], /, *, log: Path, env: Mapping[str, str]) -> Running:
        """Start it with this environment; its output goes to the log."""
        ...


class Proc:
    """One process of Plexus: can be started, stopped, killed, paused; its log is kept."""

    def __init__(
        self,
        name: str,
        command: list[str],
        env: dict[str, str],
        log: Path,
        *,
        ops: int,
        launch: Launch = Child,
    ) -> None:
        self.name = name
        self._command, self._env, self._log, self._ops = command, env, log, ops
        self._launch = launch
        self._child: Running | None = None

    def start(self, **extra: str) -> None:
        """Start it, with extra environment."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self._child = self._launch(self._command, log=self._log, env={**self._env, **extra})

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started.pid

    @property
    def _started(self) -> Running:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    @property
    def running(self) -> bool:
        """True while the process runs."""
        return self._child is not None and self._child.exit_code is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill it as a power cut would, and see it gone."""
        self.signal(signal.SIGKILL)
        self._started.stop(within=5)

    def stop(self) -> int:
        """Stop it as an operator would; gives its exit code."""
        return self._started.stop(within=25)

    def pause(self) -> None:
        """Freeze it, like a machine that swaps or moves; `resume` continues it."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused process."""
        self.signal(signal.SIGCONT)

    async def end(self) -> int:
        """Stop it without blocking the loop that its clients run on; gives its exit code."""
        return await asyncio.to_thread(self.stop)

    async def begin(self, *, within: float = READY_WITHIN, **extra: str) -> None:
        """Start it, with extra environment, and wait until it is ready, without blocking the loop.

        Raises:
            AssertionError: with the end of its log.
        """
        # Here and not in a thread: a child is tied to the thread that starts it.
        self.start(**extra)
        await self.serves(within=within)

    async def serves(self, *, within: float = READY_WITHIN) -> None:
        """Wait until it is ready, without blocking the loop.

        Raises:
            AssertionError: It has ended, or timed out; with its readiness and the end of its log.
        """
        try:
            await until(lambda: not self.running or self.ready(), within=within)
        except AssertionError as late:
            raise AssertionError(await asyncio.to_thread(self._not_ready)) from late
        if not self.running:
            raise AssertionError(f"{self.name} has ended:\n{self.tail()}")

    def _not_ready(self) -> str:
        """Return its readiness and the end of its log, for a person."""
        try:
            _, readiness = self.get("/readyz")
        except (OSError, http.client.HTTPException) as problem:
            readiness = f"no answer ({problem!r})"
        return f"{self.name} is not ready: {readiness}\n{self.tail()}"

    async def died(self, *, within: float) -> None:
        """Wait until it has ended by itself: a fault point has killed it."""
        await eventually(lambda: not self.running, within=within)

    def ready(self) -> bool:
        """Ask it once whether it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ops, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        """Read one of its operational pages (`/livez`, `/readyz`, `/metrics`)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ops, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait_ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until it is ready.

        Raises:
            AssertionError: with the end of its log.
        """
        deadline = time.monotonic() + within
        while not self.ready():
            if not self.running or time.monotonic() > deadline:
                raise AssertionError(self._not_ready())
            time.sleep(0.05)

    def tail(self, characters: int = 3000) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-characters:]

    def log_text(self) -> str:
        """Return its whole log."""
        return self._log.read_text(errors="replace")


async def until(ask: Callable[[], bool], *, within: float) -> None:
    """Ask in a thread, because asking may take seconds, until the answer is yes."""

    async def asked() -> bool:
        return await asyncio.to_thread(ask)

    _: bool = await eventually(asked, within=within)
