"""A gRPC server whose every method has a caller, a deadline, named errors, a trace and a metric."""

import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection
from plexus.calls import CALLERS

from plexuskit.config import GrpcSection, TlsSection
from plexuskit.grpc.caller import GATEWAY, CallerVerifier
from plexuskit.grpc.certificates import server_credentials, watched_certificates
from plexuskit.grpc.handlers import Registry
from plexuskit.grpc.interceptors import Authorise, ServiceFrame
from plexuskit.grpc.options import server_options
from plexuskit.health import Health
from plexuskit.runtime import Runtime

AddToServer = Callable[[Any, Any], None]

CHECK = "grpc"

log = structlog.get_logger()


@asynccontextmanager
async def serve(
    section: GrpcSection,
    *,
    service: str,
    servicers: Sequence[tuple[AddToServer, Any]],
    verifier: CallerVerifier,
    runtime: Runtime,
    tls: TlsSection | None = None,
    health: Health | None = None,
    authorise: Authorise | None = None,
) -> AsyncIterator[int]:
    """Serve until the context exits, then finish running calls for at most `section.drain_seconds`.

    Methods that a servicer leaves to its generated base answer UNIMPLEMENTED. When the process
    drains, the health service reports NOT_SERVING first; streams that outlive the drain are
    cancelled.

    Args:
        section: address and bounds of the server.
        service: name of this service; its errors have the domain `plexus.<service>`.
        servicers: pairs of a generated `add_…_to_server` and the servicer.
        verifier: verifies the caller context.
        runtime: runtime of the process.
        tls: this service's certificate; with it every caller needs its own certificate, and calls
            in its own name (GW-1). None listens in plain text. Either way only the services of
            `proto/calls.yaml` may call, identified by the key that signed the context (GW-12).
        health: gets the check `grpc`; the process's own unless given.
        authorise: authorises every request on the service's own replica of roles and policies.

    Yields:
        The port that it listens on.

    Raises:
        UnusableCertificates: the certificate is not this service's, or cannot be read.
        UndeclaredMethod: a method has no `(plexus.authz.v1.requires)` option (GW-1).
        TypeError: a method is served by a function that is not asynchronous.
        RuntimeError: the port is taken.
    """
    frame = ServiceFrame(
        service=service,
        verifier=verifier,
        callers=CALLERS.get(service, frozenset({GATEWAY})),
        certified=tls is not None,
        clock=runtime.clock,
        authorise=authorise,
    )
    server = grpc.aio.server(
        options=server_options(max_message_bytes=section.max_message_bytes),
        compression=grpc.Compression.NoCompression,
    )
    registry = Registry(frame.wrapped)
    for add_to_server, servicer in servicers:
        add_to_server(servicer, registry)
    for name, handlers in registry.services.items():
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))

    credentials = None
    if tls is not None:
        credentials = server_credentials(watched_certificates(tls, service=service))
    async with running(
        server,
        section,
        services=sorted(registry.services),
        runtime=runtime,
        credentials=credentials,
        health=health,
    ) as port:
        yield port


@asynccontextmanager
async def running(
    server: grpc.aio.Server,
    section: GrpcSection,
    *,
    services: Sequence[str],
    runtime: Runtime,
    credentials: grpc.ServerCredentials | None,
    health: Health | None = None,
) -> AsyncIterator[int]:
    """Run a server that has its methods, with health and reflection beside them; see `serve`.

    Args:
        server: not started yet.
        section: where to listen and within which bounds.
        services: full names of the services that have a method here.
        runtime: the process that it is part of.
        credentials: of the port; None listens in plain text.
        health: gets the check `grpc`; the process's own unless given.

    Yields:
        The port that it listens on.

    Raises RuntimeError when the port is taken.
    """
    status = await _add_health(server, names=services)
    if section.reflection:
        names = [*services, grpc_health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    port = listen(server, section, credentials=credentials)
    checks = health or runtime.health

    async def drain() -> None:
        checks.set(CHECK, ok=False, detail="draining")
        await status.enter_graceful_shutdown()
        await server.stop(section.drain_seconds)

    await server.start()
    runtime.on_drain(drain)
    checks.set(CHECK, ok=True)
    log.info("grpc.serving", port=port, tls=credentials is not None, services=services)
    try:
        yield port
    finally:
        await drain()
        log.info("grpc.stopped", port=port)


def listen(
    server: grpc.aio.Server, section: GrpcSection, *, credentials: grpc.ServerCredentials | None
) -> int:
    """Open the port of a server, and return it; in plain text without credentials.

    Plain text that leaves the machine is worth a warning. Raises RuntimeError for a taken port.
    """
    address = f"{_bracketed(section.host)}:{section.port}"
    if credentials is not None:
        return server.add_secure_port(address, credentials)
    warn_of_plain_text(section.host, name=CHECK)
    return server.add_insecure_port(address)


def warn_of_plain_text(host: str, *, name: str) -> None:
    """Log that a port reachable by others is served without TLS; log nothing on loopback."""
    if not is_loopback(host):
        log.warning(
            "port.plain_text",
            port=name,
            host=host,
            remedy="Configure certificates, or make sure that no other machine reaches the port.",
        )


def is_loopback(host: str) -> bool:
    """Return whether a listening host is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def _add_health(
    server: grpc.aio.Server, *, names: Sequence[str]
) -> grpc_health.aio.HealthServicer:
    """Add grpc.health.v1, which asks for no caller: probes and load balancers have none."""
    status = grpc_health.aio.HealthServicer()
    for name in names:
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    add_HealthServicer_to_server(status, server)
    return status


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
