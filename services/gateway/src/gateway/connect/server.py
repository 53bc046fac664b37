"""The HTTP server: uvicorn inside the process's own loop, with the process's own signals."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Final

import structlog
import uvicorn
from plexuskit.grpc.certificates import Certificates, watched_pair
from plexuskit.grpc.server import warn_of_plain_text
from plexuskit.service import Runtime
from plexuskit.watched import ReloadingFile

from gateway.config import HttpSection, PublicTlsSection
from gateway.connect.connections import Connections
from gateway.connect.punctual import PunctualConfig
from gateway.connect.site import MAX_HEADER_BYTES, Site

CHECK: Final = "http"
_KEEP_ALIVE_SECONDS: Final = 75
_BACKLOG: Final = 1024
_LOOK_EVERY: Final = 2.0

log = structlog.get_logger()


class _Server(uvicorn.Server):
    """Leaves signals alone: the process decides when it stops."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


@asynccontextmanager
async def serve(
    section: HttpSection,
    *,
    site: Site,
    runtime: Runtime,
    drain_seconds: float,
    tls: PublicTlsSection | None = None,
    connections: Connections | None = None,
) -> AsyncIterator[int]:
    """Serve HTTP/1.1 until the context exits, then finish running requests.

    Args:
        section: where to listen.
        site: answers the requests.
        runtime: the process that it is part of.
        drain_seconds: maximum duration of running requests at the end; then they are cancelled.
        tls: the port's certificate; None listens in plain text.
        connections: bounds those of unknown callers; None bounds none.

    Yields:
        The port that it listens on.

    Raises OSError when the port is taken, UnusableCertificates.
    """
    # Bound here: uvicorn would end the process when it cannot.
    family = socket.AF_INET6 if ":" in section.host else socket.AF_INET
    listening = socket.create_server((section.host, section.port), family=family, backlog=_BACKLOG)
    port: int = listening.getsockname()[1]
    config = PunctualConfig(
        site,
        request_seconds=section.request_seconds,
        connections=connections,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        limit_concurrency=section.max_connections,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
        ssl_certfile=tls and tls.cert_file,
        ssl_keyfile=tls and tls.key_file,
    )
    server = _Server(config)
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

    async with AsyncExitStack() as stack:
        if tls is None:
            warn_of_plain_text(section.host, name=CHECK)
        else:
            files = watched_pair(tls.cert_file, tls.key_file)
            config.load()
            follow = _follow(files, tls, config.ssl)
            await stack.enter_async_context(runtime.background("http certificate", follow))
        await stack.enter_async_context(runtime.background("http", run()))
        runtime.on_drain(drain)
        runtime.health.set(CHECK, ok=True)
        log.info("http.serving", port=port, tls=tls is not None)
        try:
            yield port
        finally:
            await drain()
            log.info("http.stopped", port=port)


async def _follow(
    files: ReloadingFile[Certificates], tls: PublicTlsSection, context: ssl.SSLContext | None
) -> None:
    """Keep the certificate used by handshakes up to date with the files, until cancelled."""
    known = files.look()
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        found = files.look()
        if found is not known and context is not None:
            known = found
            context.load_cert_chain(tls.cert_file, tls.key_file)
