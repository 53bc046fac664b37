"""The gateway's gRPC server: open to clients, so it asks for tokens and not for caller contexts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc
from plexuskit.config import GrpcSection
from plexuskit.grpc.certificates import server_credentials, watched_pair
from plexuskit.grpc.options import server_options
from plexuskit.grpc.server import running
from plexuskit.service import Runtime

from gateway.config import PublicTlsSection
from gateway.proxy.handlers import Handlers

HANDSHAKE_MS: Final = 10_000
IDLE_MS: Final = 120_000
"""Time that a connection without any call stays open; clients reconnect by themselves."""


@asynccontextmanager
async def serve(
    section: GrpcSection,
    *,
    handlers: Handlers,
    runtime: Runtime,
    tls: PublicTlsSection | None = None,
    max_connections: int = 20_000,
) -> AsyncIterator[int]:
    """Serve until the context exits, then finish running calls for at most `section.drain_seconds`.

    When the process drains, the health service reports NOT_SERVING first; streams that outlive the
    drain are cancelled.

    Args:
        section: address and bounds of the server.
        handlers: the methods.
        runtime: runtime of the process.
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
    credentials = None
    if tls is not None:
        credentials = server_credentials(watched_pair(tls.cert_file, tls.key_file))
    async with running(
        server,
        section,
        services=handlers.services,
        runtime=runtime,
        credentials=credentials,
    ) as port:
        yield port
