"""One role of a process, alive in a task of its own from its start to its end."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import structlog

from plexuskit.errors import Refusal
from plexuskit.health import describe
from plexuskit.runtime import Runtime, bounded

log = structlog.get_logger()


class Role(Protocol):
    """Makes the context in which a role works: entered when it serves, left when it is done.

    The settings are the service's own type.
    """

    def __call__(self, settings: Any, runtime: Runtime, /) -> AbstractAsyncContextManager[None]:
        """Return the context; nothing happens before it is entered."""
        ...


class LiveRole:
    """A role in its own task, so that a task group inside it can cancel it and nothing else."""

    def __init__(self, name: str, *, role: Role, settings: Any, runtime: Runtime) -> None:
        self.name = name
        self._role = role
        self._settings = settings
        self._runtime = runtime
        self._entered = asyncio.Event()
        self._started = asyncio.Event()  # entered, or ended without
        self._leaving = asyncio.Event()
        self._aborted = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when the role serves.

        When it cannot start, that is logged in one line and the process stops with exit code 1.
        """
        runtime = self._runtime
        began = runtime.clock.monotonic()
        runtime.doing = f"starting role {self.name}"

        self._task = asyncio.create_task(self._live(), name=f"role {self.name}")
        self._task.add_done_callback(self._ended)
        await self._started.wait()
        if self._entered.is_set():
            seconds = round(runtime.clock.monotonic() - began, 3)
            log.info("role.started", role=self.name, seconds=seconds)

    def abort(self) -> None:
        """Cancel a start that is still under way; a role that serves is not touched."""
        if self._task is not None and not self._entered.is_set():
            self._aborted = True
            self._task.cancel()

    async def leave(self, *, within: float) -> None:
        """Leave the role and end its tasks, in `within` seconds; cut it off after that."""
        if self._task is None:
            return
        self._runtime.doing = f"leaving role {self.name}"
        self._leaving.set()
        if not self._task.done():
            with self._runtime.blamed("leave", role=self.name):
                await bounded(self._task, within=within)
        await self._runtime.end_tasks(self.name)

    async def _live(self) -> None:
        with self._runtime.entering(self.name):
            async with self._role(self._settings, self._runtime):
                self._entered.set()
                self._started.set()
                await self._leaving.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Report an unrequested end."""
        self._started.set()
        error = None if task.cancelled() else task.exception()
        if self._leaving.is_set() or (self._aborted and error is None):
            return  # leaving the role awaits the task and raises its error

        log.error(
            "role.died" if self._entered.is_set() else "role.start_failed",
            role=self.name,
            error=describe(error) if error else "cancelled from inside",
            # A refusal explains itself; where it was raised adds nothing.
            exc_info=None if isinstance(error, Refusal) else error,
        )
        self._runtime.stop(code=1)
