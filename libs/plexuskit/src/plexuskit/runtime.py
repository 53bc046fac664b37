"""State that a process shares with its roles: time, health, background tasks, stop signal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

from plexuskit.backoff import pause
from plexuskit.clock import Clock, SystemClock
from plexuskit.errors import Refusal
from plexuskit.health import Health, describe

log = structlog.get_logger()

_BACK_OFF = (0.5, 30.0)
_EPISODE_SECONDS = 60.0

# Inherited by everything a role starts, so its tasks end with it.
_role: ContextVar[str] = ContextVar("plexus_role", default="")


class Runtime:
    """The frame that a role works in; one per process, or one per test.

    Attributes:
        service: the service's name.
        clock: the process's time.
        health: the process's checks.
        stopping: set once, when the process begins to stop for any reason.
        exit_code: exit code of the process.
        doing: current activity, for the line that explains a hard exit.
    """

    def __init__(
        self, *, service: str, clock: Clock | None = None, health: Health | None = None
    ) -> None:
        self.service = service
        self.clock = clock or SystemClock()
        self.health = health or Health(clock=self.clock)
        self.stopping = asyncio.Event()
        self.exit_code = 0
        self.doing = "starting"
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._callbacks: list[Callable[[], Awaitable[None]]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._leaving = False

    def spawn(self, name: str, coro: Coroutine[Any, Any, None]) -> None:
        """Run a background task until it returns or its role has been left, then cancel it.

        If it dies of an exception the process logs it and stops with exit code 1. Its resources may
        be closed while its role is being left; a failure from then on is only logged. Use
        `background` for a task that must end before its resources close.
        """
        self._start(name, coro)

    @asynccontextmanager
    async def background(self, name: str, coro: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
        """Run a background task for the length of the block; it dies as one of `spawn` does."""
        task = self._start(name, coro)
        try:
            yield
        finally:
            await self._cancel([task])

    @asynccontextmanager
    async def kept(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> AsyncIterator[None]:
        """Run background work for the length of the block, again after anything unexpected.

        A failure is logged with its trace once per episode, shown by the check `task.<name>` (not
        required, so it is listed as degraded) and followed by a pause that doubles up to 30 s. An
        episode ends when the work has run for a minute. Only `InvariantBroken` ends the process.

        Args:
            name: of the task.
            work: makes the work anew for each run; returns when there is nothing left to do.
        """
        async with self.background(name, self._keep(name, work)):
            yield

    def on_drain(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Run a callback at a stop, before the roles are left; the last one added first.

        A callback accepts no new work and returns when the work in flight is done.
        """
        self._callbacks.append(callback)

    def stop(self, *, code: int = 0) -> None:
        """Begin the stop; the highest code given becomes the exit code."""
        self.exit_code = max(self.exit_code, code)
        self.stopping.set()

    def restart(self) -> None:
        """Begin the stop with exit code 1, so that the supervisor starts the process again."""
        self.stop(code=1)

    @contextmanager
    def entering(self, role: str) -> Iterator[None]:
        """Mark the tasks spawned inside as the role's."""
        token = _role.set(role)
        try:
            yield
        finally:
            _role.reset(token)

    async def drain(self, *, share: Callable[[], float]) -> None:
        """Run the drain callbacks, each for `share()` seconds at most, and forget them.

        One that fails or is cut off is logged, makes the exit code 1 and does not keep the
        others from running.
        """
        while self._callbacks:
            callback = self._callbacks.pop()
            name = getattr(callback, "__qualname__", repr(callback))
            self.doing = f"draining: {name}"
            with self.blamed("drain", callback=name):
                await bounded(callback(), within=share())

    def leave(self) -> None:
        """Record that roles are being left from now on."""
        self._leaving = True

    async def end_tasks(self, role: str) -> None:
        """Cancel the tasks of a role and wait for them."""
        await self._cancel([task for task, owner in self._tasks.items() if owner == role])

    async def close(self) -> None:
        """Cancel everything that still runs and end the probes."""
        self._leaving = True
        await self._cancel(list(self._tasks))
        await self.health.close()

    @contextmanager
    def blamed(self, step: str, **details: str) -> Iterator[None]:
        """Log the exception of a stop's step in one line, make the exit code 1, and continue."""
        try:
            yield
        except CutOffError as cut:
            self._log_failure(f"{step}.cut_off", None, after_seconds=round(cut.after, 3), **details)
        except Exception as error:  # noqa: BLE001 - the rest of the stop must still happen
            self._log_failure(f"{step}.failed", error, **details)

    def _log_failure(self, event: str, error: BaseException | None, **details: Any) -> None:
        if error is not None:
            details["error"] = describe(error)
        # A refusal explains itself; where it was raised adds nothing.
        log.error(event, **details, exc_info=None if isinstance(error, Refusal) else error)
        self.exit_code = max(self.exit_code, 1)

    async def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        check, failures = f"task.{name}", 0
        while True:
            running = asyncio.create_task(work(), name=name)
            try:
                if failures and await _lasts(running, seconds=_EPISODE_SECONDS):
                    failures = 0
                    self.health.set(check, ok=True, required=False)
                await running
            except InvariantBroken:
                raise
            except Exception as error:
                # Within an episode the first trace is enough.
                log.error(  # noqa: TRY400 - not each time
                    "task.failed",
                    task=name,
                    error=describe(error),
                    exc_info=None if failures else error,
                )
                self.health.set(
                    check,
                    ok=False,
                    detail=describe(error),
                    required=False,
                    remedy=f"It is tried again by itself; see `task.failed` of {name} in the log.",
                )
                await asyncio.sleep(pause(failures, _BACK_OFF))
                failures += 1
            else:
                return
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    def _start(self, name: str, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coro, name=name)
        self._tasks[task] = _role.get()
        task.add_done_callback(self._finished)
        return task

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        self._ending.update(tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        role = self._tasks.pop(task)
        asked = task in self._ending
        self._ending.discard(task)

        error: BaseException | None
        if task.cancelled():
            if asked:
                return
            error = asyncio.CancelledError("cancelled from inside")
        else:
            error = task.exception()
        if error is None:
            return

        if self._leaving:
            log.warning("task.failed_at_leaving", task=task.get_name(), error=describe(error))
            return
        self._log_failure("task.died", error, task=task.get_name(), role=role)
        self.stop(code=1)


class InvariantBroken(Exception):  # noqa: N818 - named after the fact, like every refusal
    """A violated invariant, because of which this process may not continue.

    Each service lists its invariants in its README.
    """


class CutOffError(Exception):
    """Something did not end in its time; `after` is that time in seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"not done after {after:g} s")
        self.after = after


async def _lasts(task: asyncio.Task[None], *, seconds: float) -> bool:
    """Return whether a task still runs after this many seconds."""
    done, _ = await asyncio.wait({task}, timeout=seconds)
    return not done


async def bounded(work: Awaitable[object], *, within: float) -> None:
    """Wait for an awaitable for a number of seconds at most, then cancel it.

    Raises:
        CutOffError: it was cancelled; a TimeoutError of its own passes through.
    """
    limit = asyncio.timeout(within)
    try:
        async with limit:
            await work
    except TimeoutError as error:
        if limit.expired():
            raise CutOffError(within) from error
        raise
