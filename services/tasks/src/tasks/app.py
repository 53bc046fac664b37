"""Wiring of the service: one async context manager per role."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub, add_AuthorityServicer_to_server
from plexus.tasks.v1.tasks_service_pb2_grpc import add_TasksServiceServicer_to_server
from plexus_access.owner import deciding
from plexuskit.errors import DependencyDown
from plexuskit.grpc import CallerVerifier, peers, serve
from plexuskit.mongo import Database, connect
from plexuskit.relay import OUTBOX, relay
from plexuskit.service import Role, Runtime

from tasks import operations
from tasks.api import AuthorityApi, TasksApi
from tasks.config import Settings
from tasks.consumers import following_people
from tasks.store import Store

SERVICE: Final = "tasks"

log = structlog.get_logger()


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve TasksService and Authority."""
    async with (
        _store(settings, runtime) as (_, store),
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
        serve(
            settings.grpc,
            service=SERVICE,
            servicers=[
                (
                    add_TasksServiceServicer_to_server,
                    TasksApi(store, decisions=decisions, clock=runtime.clock),
                ),
                (add_AuthorityServicer_to_server, AuthorityApi(store)),
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
async def relay_facts(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Publish the outbox to Kafka."""
    async with (
        _store(settings, runtime) as (db, _),
        relay(
            db,
            settings.kafka,
            sources=[OUTBOX],
            name=SERVICE,
            runtime=runtime,
            lease=timedelta(seconds=settings.relay.lease_seconds),
        ),
    ):
        yield


@asynccontextmanager
async def scheduler(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Announce tasks that become overdue (TSK-3)."""
    async with (
        _store(settings, runtime) as (db, store),
        peers("directory", settings=settings, service=SERVICE, clock=runtime.clock) as owners,
        following_people(
            store,
            AuthorityStub(owners["directory"]),
            probe=lambda: db.probe(SERVICE),
            kafka=settings.kafka,
            runtime=runtime,
        ),
        runtime.kept("overdue", lambda: watch_overdue(store, settings, runtime)),
    ):
        yield


async def watch_overdue(store: Store, settings: Settings, runtime: Runtime) -> None:
    """Announce overdue tasks until cancelled; continue at once after a full batch."""
    section = settings.scheduler
    while True:
        looked_at = 0
        try:
            looked_at = await operations.announce_overdue(
                store, limit=section.batch, now=runtime.clock.now()
            )
        except DependencyDown as down:
            # The stored state lists what is still to be announced, so a later round is soon enough.
            log.warning("overdue.postponed", reason=str(down))
        if looked_at < section.batch:
            await asyncio.sleep(section.poll_seconds)


async def provision(settings: Settings) -> None:
    """Create missing collections and indexes; topics come from the catalogue."""
    async with connect(settings.mongo) as db:
        await Store(db, zone=settings.calendar.zone).provision()
    log.info("tasks.provisioned", database=settings.mongo.database)


@asynccontextmanager
async def _store(settings: Settings, runtime: Runtime) -> AsyncIterator[tuple[Database, Store]]:
    async with connect(settings.mongo) as db:
        store = Store(db, zone=settings.calendar.zone)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)
        yield db, store


ROLES: Final[Mapping[str, Role]] = {"api": api, "relay": relay_facts, "scheduler": scheduler}
