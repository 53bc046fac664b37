"""Supervision of one process: start, wait until ready, restart when it dies, stop."""

import asyncio
import time
from pathlib import Path

import structlog
from plexuskit.backoff import doubled

from plexus_local.journal import Journal, Status
from plexus_local.plan import Process
from plexus_local.servers import Child
from plexus_local.servers.errors import tail

log = structlog.get_logger()

WRONG_SETTINGS = 2  # exit code of a process with invalid settings, for which a retry is useless
SHORTEST_PAUSE = 0.5
MAX_PAUSE = 10.0
STEADY_SECONDS = 60.0  # uptime after which the pause is reset to the shortest one
POLL = 0.1
LARGEST_LOG = 50 * 1024 * 1024


class StartFailed(Exception):  # noqa: N818 - names the fact, like a refusal
    """A process did not become ready; the text ends with the last lines of its log."""

    def __init__(self, process: Process, reason: str) -> None:
        shown = tail(process.log)
        super().__init__(f"{process.name} {reason}\n--- end of {process.log} ---\n{shown}")


class Keeper:
    """Runs one process of the plan until it is stopped."""

    def __init__(self, process: Process, *, journal: Journal) -> None:
        self.process = process
        self._journal = journal
        self._child: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self._restarts = 0
        self._deaths = 0
        self._trouble = ""

    async def start(self) -> None:
        """Prepare and start it, and return when it is ready; it is supervised from then on.

        Raises:
            StartFailed: It is not ready in time, or its settings are invalid.
            Exception: Raised by its preparation.
        """
        self._note(Status.PREPARING)
        await asyncio.to_thread(self.process.prepare)

        limit = self.process.start_seconds
        deadline = time.monotonic() + limit
        child = self._spawn(Status.STARTING)
        while not await self._ready(child):
            code = child.exit_code
            if code == WRONG_SETTINGS:
                self._fail(f"cannot use its settings (exit code {code})")
            if time.monotonic() >= deadline:
                self._fail(f"was not ready within {limit:.0f} s{self._trouble}")
            if code is None:
                await asyncio.sleep(POLL)
            else:
                child = await self._again(code)
        self._watch = asyncio.create_task(self._keep(child), name=f"keep {self.process.name}")

    async def stop(self) -> None:
        """Stop it and its supervision."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._child is not None:
            code = await asyncio.to_thread(self._child.stop, within=self.process.stop_seconds)
            log.info("process.stopped", process=self.process.name, code=code)
            self._note(Status.STOPPED, pid=None)

    async def _keep(self, child: Child) -> None:
        """Restart it whenever it has ended."""
        steady_from = time.monotonic() + STEADY_SECONDS
        ready = True
        while True:
            await asyncio.sleep(POLL)
            code = child.exit_code
            if code is None:
                if not ready and await self._ready(child):
                    ready, steady_from = True, time.monotonic() + STEADY_SECONDS
                continue
            if ready and time.monotonic() >= steady_from:
                self._deaths = 0
            ready = False
            try:
                child = await self._again(code)
            except OSError as problem:  # no memory or disk space: a retry may succeed
                name, reason = self.process.name, str(problem)
                log.warning("process.not_started", process=name, reason=reason)

    async def _again(self, code: int) -> Child:
        """Clean up after its death, pause, and restart it."""
        name, pause = self.process.name, doubled(self._deaths, (SHORTEST_PAUSE, MAX_PAUSE))
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, within=0)
        log.warning("process.died", process=name, code=code, restart_in_seconds=pause)
        self._restarts += 1
        self._note(Status.RESTARTING, pid=None, restarts=self._restarts, last_code=code)
        await asyncio.sleep(pause)
        self._deaths += 1
        return self._spawn(Status.RESTARTING)

    def _spawn(self, status: Status) -> Child:
        """Run the command from this thread, the main one: a child dies with its thread."""
        _rotate(self.process.log)
        child = Child(self.process.command(), log=self.process.log, env=self.process.env)
        self._child = child
        self._note(status, pid=child.pid, started=child.started)
        log.info("process.started", process=self.process.name, pid=child.pid)
        return child

    async def _ready(self, child: Child) -> bool:
        """Check whether it is ready, and settle it if it is."""
        if child.exit_code is not None or not await asyncio.to_thread(self.process.ready):
            return False
        try:
            await asyncio.to_thread(self.process.settle)
        except Exception as problem:  # noqa: BLE001 - it may have died meanwhile, or settle later
            self._trouble = f"; {problem}"
            log.warning("process.not_settled", process=self.process.name, reason=str(problem))
            return False
        log.info("process.ready", process=self.process.name, pid=child.pid)
        self._note(Status.READY)
        return True

    def _fail(self, reason: str) -> None:
        self._note(Status.FAILED)
        raise StartFailed(self.process, reason)

    def _note(self, status: Status, **changes: object) -> None:
        self._journal.part(self.process.name, status=status, **changes)


def _rotate(path: Path) -> None:
    """Rename a large log, replacing the previously renamed one."""
    if path.is_file() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
