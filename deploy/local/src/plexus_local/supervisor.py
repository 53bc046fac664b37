"""Supervisor process, which starts everything, keeps it running and stops it in order."""

import asyncio
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import structlog

from plexus_local.journal import Journal, Phase, Status, recorded
from plexus_local.keeper import Keeper
from plexus_local.layout import Layout, write_whole
from plexus_local.plan import Job, Plan
from plexus_local.servers import process_started, stop_recorded

log = structlog.get_logger()

FAILED = 1
ALREADY_RUNNING = 4


def supervise(layout: Layout, *, plan: Callable[[], Plan]) -> int:
    """Run a plan until SIGTERM or SIGINT and return the exit code.

    `plan` is called after the remaining processes of a killed predecessor have been stopped, so
    that their ports are free again.
    """
    layout.make()
    with _only_one(layout, within=2) as alone:
        if not alone:
            log.error("supervisor.already_running")
            return ALREADY_RUNNING

        me = {"pid": os.getpid(), "started": process_started(os.getpid())}
        stop_orphans(layout)
        write_whole(layout.pid_file, json.dumps(me))
        journal = Journal(layout, supervisor=me)
        journal.phase(Phase.STARTING)
        run = _Run(journal, plan)
        with asyncio.Runner() as runner:
            try:
                code = runner.run(run.until_stopped())
            finally:
                layout.pid_file.unlink(missing_ok=True)
            if run.interrupted:
                # A download or a job may still block its thread for minutes, and a normal exit
                # waits for threads. Its program dies with this process.
                os._exit(code)
        return code


def stop_orphans(layout: Layout) -> list[str]:
    """Stop processes left by a killed supervisor, last started first; return their names."""
    stopped = []
    for name, part in reversed(recorded(layout).get("parts", {}).items()):
        pid, started = part.get("pid"), part.get("started")
        if pid and started and stop_recorded(pid=pid, started=started):
            log.warning("orphan.stopped", process=name, pid=pid)
            stopped.append(name)
    return stopped


def is_running(layout: Layout) -> bool:
    """Return whether a supervisor is alive: its lock is decisive even if its files are stale."""
    if not layout.lock.exists():
        return False
    with _only_one(layout) as alone:
        return not alone


@contextmanager
def _only_one(layout: Layout, *, within: float = 0) -> Iterator[bool]:
    """Try to hold the supervisor's lock; yield whether that succeeded.

    A supervisor retries for a moment: another command holds the lock briefly to check it.
    """
    deadline = time.monotonic() + within
    with layout.lock.open("a") as stream:
        while not (alone := _locked(stream)) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield alone


def _locked(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Run:
    """One run of a plan."""

    def __init__(self, journal: Journal, plan: Callable[[], Plan]) -> None:
        self._journal = journal
        self._plan = plan
        self._keepers: list[list[Keeper]] = []
        self._failure = ""
        self.interrupted = False

    async def until_stopped(self) -> int:
        """Start the plan, wait for the signal or a failure, stop, and return the exit code."""
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)

        starting = asyncio.create_task(self._start())
        waiting = asyncio.create_task(stopping.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not self._failure:
            await waiting
        self.interrupted = not starting.done()
        for task in (starting, waiting):
            task.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)

        await self._stop()
        return FAILED if self._failure else 0

    async def _start(self) -> None:
        """Start stage after stage; a failure is recorded and ends the run."""
        try:
            plan = await asyncio.to_thread(self._plan)
            self._announce(plan)
            for stage in plan.stages:
                for job in stage.jobs:
                    await self._do(job)
                keepers = [Keeper(process, journal=self._journal) for process in stage.processes]
                self._keepers.append(keepers)
                async with asyncio.TaskGroup() as group:
                    for keeper in keepers:
                        group.create_task(keeper.start())
        except Exception as failure:  # noqa: BLE001 - the operator reads every failure
            self._failure = _text(failure)
            log.error("start.failed", reason=self._failure)  # noqa: TRY400 - the text is enough
        else:
            self._journal.phase(Phase.READY)
            log.info("everything.ready")

    def _announce(self, plan: Plan) -> None:
        parts: dict[str, str] = {}
        for stage in plan.stages:
            parts |= {job.name: "job" for job in stage.jobs}
            parts |= {process.name: "process" for process in stage.processes}
        self._journal.planned(parts, addresses=plan.addresses, notes=list(plan.notes))
        for process in plan.processes:
            self._journal.part(process.name, port=process.port, log=str(process.log))

    async def _do(self, job: Job) -> None:
        self._journal.part(job.name, status=Status.STARTING)
        try:
            await asyncio.to_thread(job.run)
        except BaseException:
            self._journal.part(job.name, status=Status.FAILED)
            raise
        self._journal.part(job.name, status=Status.DONE)

    async def _stop(self) -> None:
        """Stop the stages in reverse, each stage's processes together."""
        self._journal.phase(Phase.STOPPING, failure=self._failure)
        for keepers in reversed(self._keepers):
            await asyncio.gather(*(keeper.stop() for keeper in keepers))
        phase = Phase.FAILED if self._failure else Phase.STOPPED
        self._journal.phase(phase, failure=self._failure)
        log.info("everything.stopped")


def _text(failure: BaseException) -> str:
    """Return the text for an operator: that of each cause of a group, or of the one failure."""
    if isinstance(failure, BaseExceptionGroup):
        return "\n".join(_text(cause) for cause in failure.exceptions)
    return str(failure) or repr(failure)
