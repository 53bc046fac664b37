"""Wiring of the service: one async context manager per role."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import structlog
from plexus.audit.v1.access_service_pb2_grpc import add_AccessHistoryServiceServicer_to_server
from plexus.audit.v1.audit_service_pb2_grpc import add_AuditServiceServicer_to_server
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus_access.owner import deciding
from plexuskit.grpc import CallerVerifier, peers, serve
from plexuskit.kafka import owners_of
from plexuskit.mongo import connect
from plexuskit.service import Role, Runtime

from audit.api import AccessHistoryApi, AuditApi
from audit.config import Settings
from audit.consumers import Owners, beginning, consuming
from audit.operations import LedgerWriter
from audit.store import Store

SERVICE: Final = "audit"

log = structlog.get_logger()


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve AuditService and AccessHistoryService."""
    async with (
        _store(settings, runtime) as store,
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
        serve(
            settings.grpc,
            service=SERVICE,
            servicers=[
                (
                    add_AuditServiceServicer_to_server,
                    AuditApi(
                        store,
                        ledger_writer=LedgerWriter(store, clock=runtime.clock),
                        section=settings.ledger,
                        clock=runtime.clock,
                    ),
                ),
                (
                    add_AccessHistoryServiceServicer_to_server,
                    AccessHistoryApi(store, clock=runtime.clock),
                ),
            ],
            verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
            runtime=runtime,
            tls=settings.tls,
            health=runtime.health,
            authorise=decisions.authorise,
        ),
    ):
        yield


@asynccontextmanager
async def recorder(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Record facts and decisions."""
    async with (
        _store(settings, runtime) as store,
        _owners(settings, runtime) as owners,
        beginning(store, owners, runtime=runtime),
        consuming(
            store,
            ledger_writer=LedgerWriter(store, clock=runtime.clock),
            probe=store.probe,
            owners=owners_of(
                {
                    "directory": owners.directory,
                    "messaging": owners.messaging,
                    "tasks": owners.tasks,
                }
            ),
            kafka=settings.kafka,
            runtime=runtime,
        ),
    ):
        yield


async def provision(settings: Settings) -> None:
    """Create missing collections and indexes."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
    log.info("audit.provisioned", database=settings.mongo.database)


@asynccontextmanager
async def _owners(settings: Settings, runtime: Runtime) -> AsyncIterator[Owners]:
    names = type(settings.peers).model_fields
    async with peers(*names, settings=settings, service=SERVICE, clock=runtime.clock) as opened:
        yield Owners(**{name: AuthorityStub(each) for name, each in opened.items()})


@asynccontextmanager
async def _store(settings: Settings, runtime: Runtime) -> AsyncIterator[Store]:
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        yield store


ROLES: Final[Mapping[str, Role]] = {"api": api, "recorder": recorder}
