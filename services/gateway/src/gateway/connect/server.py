"""The HTTP server: uvicorn inside the process's own loop, with the process's own signals."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
import uvicorn
from plexuskit.service import Runtime

from gateway.config import HttpSection
from gateway.connect.site import Site

CHECK: Final = "http"
_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 1024

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """Leaves signals alone: the process decides when it stops."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


@asynccontextmanager
async def serve(
    section: HttpSection, *, site: Site, runtime: Runtime, drain_seconds: float
) -> AsyncIterator[int]:
    """Serve HTTP/1.1 until the context is left, then finish what runs.

    Args:
        section: where to listen.
        site: answers the requests.
        runtime: the process that it is part of.
        drain_seconds: how long running requests may take at the end; then they are cancelled.

    Yields:
        The port that it listens on.

    Raises OSError when the port is taken.
    """
    # Bound here: uvicorn would end the process when it cannot.
    family = socket.AF_INET6 if ":" in section.host else socket.AF_INET
    listening = socket.create_server((section.host, section.port), family=family, backlog=_BACKLOG)
    port: int = listening.getsockname()[1]
    server = _Server(
        uvicorn.Config(
            site,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
    )
    stopped = asyncio.Event()

    async def run() -> None:
        try:
            await server.serve(sockets=[listening])
        finally:
            stopped.set()

    async def drain() -> None:
        runtime.health.set(CHECK, ok=False, detail="draining")
        server.should_exit = True
        await stopped.wait()

    async with runtime.background("http", run()):
        runtime.on_drain(drain)
        runtime.health.set(CHECK, ok=True)
        log.info("http.serving", port=port)
        try:
            yield port
        finally:
            await drain()
            log.info("http.stopped", port=port)
