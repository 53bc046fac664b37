"""How the directory is put together: one async context manager per role."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2_grpc import add_AuthorityServicer_to_server
from plexus.directory.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from plexus.directory.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from plexus.directory.v1.scim_service_pb2_grpc import add_ScimServiceServicer_to_server
from plexus.directory.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown
from plexuskit.grpc import CallerVerifier, serve
from plexuskit.mongo import connect
from plexuskit.relay import OUTBOX, relay
from plexuskit.service import Role, Runtime

from directory.api import AccessApi, AuthorityApi, DirectoryApi, ScimApi, SessionApi
from directory.config import ScimSection, Settings
from directory.domain.scim.guard import Bounds
from directory.domain.scim.rules import FeedRules
from directory.operations.hashing import hashing
from directory.operations.leaving import EXPIRED_AT_ONCE, expire_guests
from directory.operations.tokens import TokenIssuer
from directory.operations.upkeep import keep_up
from directory.store import Store, load_or_create, rotate

SERVICE: Final = "directory"

log = structlog.get_logger()


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve DirectoryService, SessionService, AccessService and Authority."""
    async with connect(settings.mongo) as db, hashing(settings.passwords) as hashes:
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", db.ping)
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)

        keys = load_or_create(settings.tokens.keys_file, now=runtime.clock.now())
        sessions = SessionApi(
            store,
            hashing=hashes,
            issuer=TokenIssuer(keys),
            bootstrap=settings.bootstrap,
            clock=runtime.clock,
        )
        directory = DirectoryApi(store, hashing=hashes, clock=runtime.clock)
        scim = ScimApi(store, hashing=hashes, rules=_feed_rules(settings.scim), clock=runtime.clock)
        async with serve(
            settings.grpc,
            service=SERVICE,
            servicers=[
                (add_DirectoryServiceServicer_to_server, directory),
                (add_ScimServiceServicer_to_server, scim),
                (add_SessionServiceServicer_to_server, sessions),
                (add_AccessServiceServicer_to_server, AccessApi(store, clock=runtime.clock)),
                (add_AuthorityServicer_to_server, AuthorityApi(store, clock=runtime.clock)),
            ],
            verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
            runtime=runtime,
            health=runtime.health,
        ):
            yield


@asynccontextmanager
async def relay_facts(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Publish the outbox to Kafka, and tell of what time has ended."""
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        async with (
            relay(
                db,
                settings.kafka,
                sources=[OUTBOX],
                name=SERVICE,
                runtime=runtime,
                lease=timedelta(seconds=settings.relay.lease_seconds),
            ),
            runtime.background("upkeep", keep_up(store, clock=runtime.clock)),
        ):
            yield


@asynccontextmanager
async def upkeep(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Deactivate guests whose time is over; any number of processes may (GW-5)."""
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        async with runtime.background("guests", keep_expiring(store, settings, runtime)):
            yield


async def keep_expiring(store: Store, settings: Settings, runtime: Runtime) -> None:
    """Look for guests whose time is over for ever; at once again while more may wait."""
    while True:
        looked_at = 0
        try:
            looked_at = await expire_guests(store, now=runtime.clock.now())
        except DependencyDown as down:
            log.warning("guests.postponed", reason=str(down))
        if looked_at < EXPIRED_AT_ONCE:
            await asyncio.sleep(settings.upkeep.every_seconds)


def _feed_rules(section: ScimSection) -> FeedRules:
    return FeedRules(
        department_template=section.department_path,
        department_separator=section.department_separator,
        reactivates=section.reactivates,
        bounds=Bounds(
            percent=section.most_deactivated_percent, at_least=section.always_deactivated
        ),
    )


async def provision(settings: Settings) -> None:
    """Create what is missing of collections and indexes, and the signing keys."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
    load_or_create(settings.tokens.keys_file, now=SystemClock().now())


def rotate_signing_keys(settings: Settings) -> None:
    """Add a signing key; it signs from the next start of each process on."""
    rotate(settings.tokens.keys_file, now=SystemClock().now())


ROLES: Final[Mapping[str, Role]] = {"api": api, "relay": relay_facts, "upkeep": upkeep}
