"""A service of small roles, run as a child process by test_service.py; never imported."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from plexuskit.config import ServiceSettings
from plexuskit.errors import DependencyDown
from plexuskit.service import Runtime, main
from plexuskit.telemetry import span

log = structlog.get_logger()


class Settings(ServiceSettings, env_prefix="SAMPLE_"):
    backend: Path = Path("/nonexistent")


@asynccontextmanager
async def worker(_: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Answers each line after a second, and completes started work."""
    in_flight: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        log.info("work.begun")
        await asyncio.sleep(1)
        writer.write(b"done " + line)
        await writer.drain()
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(answer(reader, writer))
        in_flight.add(task)
        task.add_done_callback(in_flight.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)

    async def drain() -> None:
        server.close()
        await asyncio.gather(*in_flight)
        log.info("work.drained")

    runtime.on_drain(drain)
    log.info("worker.listening", port=server.sockets[0].getsockname()[1])
    yield
    log.info("worker.left")


@asynccontextmanager
async def probing(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Needs a backend: a file that is there or not."""

    async def ping() -> None:
        if not settings.backend.exists():
            raise DependencyDown(dependency="backend")

    async def optional() -> None:
        raise RuntimeError("mongodb://person:hunter2@db/x is away")

    runtime.health.probe("backend", ping, every=0.05, remedy="Start the backend.")
    runtime.health.probe("extra", optional, every=0.05, required=False)
    yield


@asynccontextmanager
async def quiet(_: Settings, __: Runtime) -> AsyncIterator[None]:
    with span("quiet.start"):
        yield
    log.info("quiet.left")


@asynccontextmanager
async def hanging(_: Settings, __: Runtime) -> AsyncIterator[None]:
    """Never ends by itself, but can be cancelled."""
    yield
    await asyncio.Event().wait()


@asynccontextmanager
async def stubborn(_: Settings, __: Runtime) -> AsyncIterator[None]:
    """Never ends and cannot be cancelled."""
    yield
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.info("stubborn.stays")


@asynccontextmanager
async def blocking(_: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Blocks the loop for ever, as a call without a time limit does."""

    async def block() -> None:
        log.info("loop.blocking")
        time.sleep(600)  # noqa: ASYNC251 - the test is about blocking the loop

    runtime.spawn("block", block())
    yield


@asynccontextmanager
async def broken(_: Settings, __: Runtime) -> AsyncIterator[None]:
    await asyncio.sleep(0)
    raise ValueError("the index has another shape")
    yield


@asynccontextmanager
async def refused(_: Settings, __: Runtime) -> AsyncIterator[None]:
    await asyncio.sleep(0)
    raise DependencyDown(dependency="backend")
    yield


@asynccontextmanager
async def starting(_: Settings, __: Runtime) -> AsyncIterator[None]:
    """Takes for ever to start."""
    log.info("starting.waits")
    await asyncio.Event().wait()
    yield


@asynccontextmanager
async def dying(_: Settings, runtime: Runtime) -> AsyncIterator[None]:
    async def die() -> None:
        await asyncio.sleep(0.1)
        raise KeyError("lost")

    runtime.spawn("heartbeat", die())
    yield
    log.info("dying.left")


@asynccontextmanager
async def grouped(_: Settings, __: Runtime) -> AsyncIterator[None]:
    """Has a task group, which cancels the role's own task when a member dies."""

    async def die() -> None:
        await asyncio.sleep(0.1)
        raise KeyError("lost")

    async with asyncio.TaskGroup() as group:
        group.create_task(die())
        yield


@asynccontextmanager
async def finished(_: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """A job: does its work and ends the process itself."""
    runtime.stop()
    yield


ROLES = (
    worker,
    probing,
    quiet,
    hanging,
    stubborn,
    blocking,
    broken,
    refused,
    starting,
    dying,
    grouped,
    finished,
)

if __name__ == "__main__":
    main(
        service="sample",
        settings_type=Settings,
        roles={role.__name__: role for role in ROLES},
    )
    sys.exit("main never returns")
