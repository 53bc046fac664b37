"""How the service is put together: one async context manager per role."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import structlog
from plexus.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from plexuskit.grpc import CallerVerifier, serve
from plexuskit.mongo import connect
from plexuskit.service import Role, Runtime

from audit.api import AuditApi
from audit.config import Settings
from audit.consumers import consuming
from audit.operations import Recorder
from audit.store import Store

SERVICE: Final = "audit"

log = structlog.get_logger()


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve AuditService; needs no Kafka."""
    async with (
        _store(settings, runtime) as store,
        serve(
            settings.grpc,
            service=SERVICE,
            servicers=[
                (
                    add_AuditServiceServicer_to_server,
                    AuditApi(store, section=settings.ledger),
                ),
            ],
            verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
            runtime=runtime,
            health=runtime.health,
        ),
    ):
        yield


@asynccontextmanager
async def recorder(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Write down what happens and what is decided."""
    async with (
        _store(settings, runtime) as store,
        consuming(
            store,
            recorder=Recorder(store, clock=runtime.clock),
            kafka=settings.kafka,
            runtime=runtime,
        ),
    ):
        yield


async def provision(settings: Settings) -> None:
    """Create what is missing of collections and indexes."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
    log.info("audit.provisioned", database=settings.mongo.database)


@asynccontextmanager
async def _store(settings: Settings, runtime: Runtime) -> AsyncIterator[Store]:
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", db.ping)
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        yield store


ROLES: Final[Mapping[str, Role]] = {"api": api, "recorder": recorder}
