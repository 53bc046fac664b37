"""The frame of a process: start the roles, serve until stopped, finish, exit in time."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import FrameType
from typing import Any, NoReturn

import structlog

from plexuskit import ops, telemetry
from plexuskit.clock import SystemClock
from plexuskit.config import ServiceSettings, SettingsT, load
from plexuskit.deadline import Deadline
from plexuskit.health import Health, describe
from plexuskit.loop import Loop, Watchdog
from plexuskit.roles import LiveRole, Role
from plexuskit.runtime import Runtime

__all__ = ["Health", "Role", "Runtime", "main", "run"]

log = structlog.get_logger()

WRONG_USAGE = 2
_START = "start"  # the check that fails until every role serves
_SPANS_SECONDS = 3.0
# Freeing 50,000 objects at once held the loop for 0.2 s: little is collected at a time.
_GC_THRESHOLDS = (10_000, 2, 1_000)


def run(
    *, service: str, settings: ServiceSettings, roles: Mapping[str, Role], selected: Sequence[str]
) -> int:
    """Run the process of a service until it is stopped; return its exit code.

    The selected roles are entered in their order. SIGTERM, SIGINT or the death of a task begins the
    stop: /readyz becomes 503, drain callbacks run, the roles are left in reverse order. Work not
    done `ops.stop_seconds` after that is cut off by a hard exit with code 1.

    Returns:
        0 after a requested stop; 1 after a failure; 2 for unknown roles.
    """
    unknown = [name for name in selected if name not in roles]
    if unknown or not selected:
        sys.stderr.write(f"{service} has the roles {', '.join(roles)}, not {unknown or 'none'}\n")
        return WRONG_USAGE

    process = _Process(service=service, settings=settings, roles=roles, selected=selected)
    try:
        return process.run()
    finally:
        process.let_go()


def main(*, service: str, settings_type: type[SettingsT], roles: Mapping[str, Role]) -> NoReturn:
    """Be `python -m <service> [--role api --role relay]`: every role unless some are named.

    Exits with the code of `run`, or 2 when the arguments or the settings cannot be used.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {service}")
    parser.add_argument(
        "--role",
        action="append",
        choices=list(roles),
        dest="selected",
        help="a part to run in this process, can be given again; all of them by default",
    )
    selected = list(dict.fromkeys(parser.parse_args().selected or roles))

    settings = load(settings_type)
    # Unlike in `run`, the deadline stays armed: the interpreter's own end can hang on a thread.
    sys.exit(_Process(service=service, settings=settings, roles=roles, selected=selected).run())


class _Process:
    """One run of the frame."""

    def __init__(
        self,
        *,
        service: str,
        settings: ServiceSettings,
        roles: Mapping[str, Role],
        selected: Sequence[str],
    ) -> None:
        self._settings = settings
        self.runtime = Runtime(service=service, clock=SystemClock())
        self.deadline = Deadline(
            seconds=settings.ops.stop_seconds, doing=lambda: self.runtime.doing
        )
        self._handlers_before: dict[signal.Signals, Any] = {}
        self._thresholds_before = gc.get_threshold()
        self._live = [
            LiveRole(name, role=roles[name], settings=settings, runtime=self.runtime)
            for name in selected
        ]

    def run(self) -> int:
        telemetry.configure(self._settings.telemetry, service=self.runtime.service)
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(self._serve())
            self.runtime.doing = "closing the loop"
        telemetry.shutdown(within=min(_SPANS_SECONDS, self.deadline.share()))
        return self.runtime.exit_code

    def let_go(self) -> None:
        """Release signals, timer and garbage collection to a Python process that stays alive."""
        self.deadline.disarm()
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
        gc.unfreeze()
        gc.set_threshold(*self._thresholds_before)

    async def _serve(self) -> None:
        runtime, section = self.runtime, self._settings.ops
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_unhandled)
        self._listen_to_signals(loop)
        runtime.health.set(
            _START,
            ok=False,
            detail="roles are starting",
            remedy="Wait for `role.started` in the log.",
        )

        async with AsyncExitStack() as stack:
            try:
                port = await stack.enter_async_context(ops.serve(section, runtime=runtime))
            except OSError as error:
                log.error("ops.cannot_listen", error=describe(error), host=section.host)  # noqa: TRY400 - the address is sufficient
                runtime.stop(code=1)
                return
            log.info("ops.listening", host=section.host, port=port, pid=os.getpid())
            stack.push_async_callback(runtime.close)
            runtime.spawn("loop-lag", Watchdog().run())

            watcher = asyncio.create_task(self._watch_stop(), name="stop")
            await self._start_roles()
            await watcher
            await self._stop_roles()
        log.info("service.stopped", exit_code=runtime.exit_code)

    async def _start_roles(self) -> None:
        for role in self._live:
            if self.runtime.stopping.is_set():
                return
            await role.start()
        if not self.runtime.stopping.is_set():
            spare_garbage_collection()
            self.runtime.doing = "serving"
            self.runtime.health.set(_START, ok=True)
            log.info("service.started", roles=[role.name for role in self._live])

    async def _watch_stop(self) -> None:
        await self.runtime.stopping.wait()
        self.deadline.arm()
        log.info("service.stopping", within_seconds=self._settings.ops.stop_seconds)
        for role in self._live:
            role.abort()

    async def _stop_roles(self) -> None:
        await self.runtime.drain(share=self.deadline.share)
        self.runtime.leave()
        for role in reversed(self._live):
            await role.leave(within=self.deadline.share())
        self.runtime.doing = "ending background tasks"

    def _listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        def begin_stop(number: int, _: FrameType | None) -> None:
            # Armed here and not in the loop, which may be blocked.
            self.deadline.arm()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._signalled, signal.Signals(number).name)

        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers_before[number] = signal.signal(number, begin_stop)

    def _signalled(self, name: str) -> None:
        # A terminal and a parent process may both send it: the second time changes nothing.
        log.info("signal.received", signal=name)
        self.runtime.stop()


def spare_garbage_collection() -> None:
    """Exclude the permanent objects of a started process from later collections.

    Modules, contracts and connections live as long as the process. Objects of a request are nearly
    always freed by reference counting, so surviving objects are scanned less often than by default:
    ten thousand open streams would be, again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def _log_unhandled(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log exceptions that no task or callback has handled, once and in the log's own form."""
    error = context.get("exception")
    log.error("loop.unhandled", message=context["message"], exc_info=error)
