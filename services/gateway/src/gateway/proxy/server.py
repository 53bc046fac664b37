"""The gateway's gRPC server: open to clients, so it asks for tokens and not for caller contexts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
import structlog
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection
from plexuskit.config import GrpcSection
from plexuskit.grpc.certificates import server_credentials, watched_pair
from plexuskit.grpc.options import server_options
from plexuskit.grpc.server import listen
from plexuskit.service import Runtime

from gateway.config import PublicTlsSection
from gateway.proxy.handlers import Handlers

CHECK: Final = "grpc"
HANDSHAKE_MS: Final = 10_000
IDLE_MS: Final = 120_000
"""How long a connection without any call stays open; clients connect again by themselves."""

log = structlog.get_logger()


@asynccontextmanager
async def serve(
    section: GrpcSection,
    *,
    handlers: Handlers,
    runtime: Runtime,
    tls: PublicTlsSection | None = None,
    max_connections: int = 20_000,
) -> AsyncIterator[int]:
    """Serve until the context is left, then finish what runs for at most `section.drain_seconds`.

    When the process drains, the health service says NOT_SERVING first; streams that outlive the
    drain are cancelled.

    Args:
        section: where to listen and within which bounds.
        handlers: the methods.
        runtime: the process that it is part of.
        tls: the port's certificate; None listens in plain text.
        max_connections: of all clients; one more waits until another one ends.

    Yields:
        The port that it listens on.

    Raises RuntimeError when the port is taken, UnusableCertificates.
    """
    server = grpc.aio.server(
        options=[
            *server_options(max_message_bytes=section.max_message_bytes),
            # All that gRPC bounds of strangers: it knows no number by address.
            ("grpc.max_allowed_incoming_connections", max_connections),
            ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
            ("grpc.max_connection_idle_ms", IDLE_MS),
        ],
        compression=grpc.Compression.NoCompression,
    )
    server.add_generic_rpc_handlers((handlers,))
    # Probes and load balancers ask for health, and have no token.
    status = grpc_health.aio.HealthServicer()
    for name in handlers.services:
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    add_HealthServicer_to_server(status, server)
    if section.reflection:
        names = [*handlers.services, grpc_health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    credentials = None
    if tls is not None:
        credentials = server_credentials(watched_pair(tls.cert_file, tls.key_file))
    port = listen(server, section, credentials=credentials)

    async def drain() -> None:
        runtime.health.set(CHECK, ok=False, detail="draining")
        await status.enter_graceful_shutdown()
        await server.stop(section.drain_seconds)

    await server.start()
    runtime.on_drain(drain)
    runtime.health.set(CHECK, ok=True)
    log.info("grpc.serving", port=port, tls=tls is not None, services=handlers.services)
    try:
        yield port
    finally:
        await drain()
        log.info("grpc.stopped", port=port)
