"""Wiring of directory: one async context manager per role."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from plexus.authz.v1.authority_pb2_grpc import add_AuthorityServicer_to_server
from plexus.directory.v1.access_service_pb2_grpc import add_AccessServiceServicer_to_server
from plexus.directory.v1.directory_service_pb2_grpc import add_DirectoryServiceServicer_to_server
from plexus.directory.v1.scim_service_pb2_grpc import add_ScimServiceServicer_to_server
from plexus.directory.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from plexuskit.clock import Clock, SystemClock
from plexuskit.errors import Refusal
from plexuskit.grpc import CallerVerifier, serve
from plexuskit.mongo import connect
from plexuskit.relay import OUTBOX, relay
from plexuskit.service import Role, Runtime

from directory.access.api import AccessApi
from directory.access.operations import end_expired_bindings
from directory.accounts.operations.failed_sign_ins import state_failed_sign_ins
from directory.accounts.operations.hashing import hashing
from directory.accounts.operations.sessions import end_earlier_sessions
from directory.accounts.operations.signing_keys import KeyRing
from directory.accounts.store import load_or_create, load_or_create_sealing, rotate
from directory.config import ScimSection, Settings
from directory.people.api.authority import AuthorityApi
from directory.people.api.directory import DirectoryApi
from directory.people.operations.people import EXPIRED_AT_ONCE, expire_guests
from directory.scim.api import ScimApi
from directory.scim.domain.guard import Bounds, FeedRules
from directory.scim.store import Store as ScimStore
from directory.sign_in.api.session_base import SignInDeps
from directory.sign_in.api.sessions import SessionApi
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.openid import openid_client
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.store import Store as SignInStore

SERVICE: Final = "directory"

log = structlog.get_logger()


class Store(SignInStore, ScimStore):
    """The whole database: the collections of every subject.

    Sign-in comes first, so that people are made with the records of the feed that follow them.
    """


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve DirectoryService, SessionService, AccessService and Authority."""
    async with (
        connect(settings.mongo) as db,
        hashing(settings.passwords) as hashes,
        openid_client(settings.openid, clock=runtime.clock) as openid,
    ):
        store = Store(db)
        await store.provision()
        runtime.health.probe("mongo", partial(db.alive, restart=runtime.restart))
        runtime.health.probe("mongo_parameters", db.check_parameters, every=30)

        keys = KeyRing(settings.tokens.keys_file, clock=runtime.clock)
        means = SignInDeps(
            hashing=hashes,
            issuer=TokenIssuer(keys),
            sealing=load_or_create_sealing(settings.secrets_file, now=runtime.clock.now()),
            passkeys=Passkeys(settings.passkeys),
            openid=openid,
            bootstrap=settings.bootstrap,
        )
        directory = DirectoryApi(store, hashing=hashes, clock=runtime.clock)
        scim = ScimApi(store, hashing=hashes, rules=_feed_rules(settings.scim), clock=runtime.clock)
        async with (
            serve(
                settings.grpc,
                service=SERVICE,
                servicers=[
                    (add_DirectoryServiceServicer_to_server, directory),
                    (
                        add_SessionServiceServicer_to_server,
                        SessionApi(store, means=means, clock=runtime.clock),
                    ),
                    (add_ScimServiceServicer_to_server, scim),
                    (add_AccessServiceServicer_to_server, AccessApi(store, clock=runtime.clock)),
                    (add_AuthorityServicer_to_server, AuthorityApi(store, clock=runtime.clock)),
                ],
                verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
                runtime=runtime,
                tls=settings.tls,
                health=runtime.health,
            ),
        ):
            yield


@asynccontextmanager
async def relay_facts(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Publish the outbox to Kafka."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
        async with relay(
            db,
            settings.kafka,
            sources=[OUTBOX],
            name=SERVICE,
            runtime=runtime,
            lease=timedelta(seconds=settings.relay.lease_seconds),
        ):
            yield


@asynccontextmanager
async def upkeep(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Expire guests (GW-5) and role bindings; safe to run in any number of processes."""
    every = timedelta(seconds=settings.upkeep.every_seconds)
    async with connect(settings.mongo) as db:
        store = Store(db)
        await store.provision()
        async with runtime.kept("upkeep", lambda: keep_up(store, clock=runtime.clock, every=every)):
            yield


async def end_expired_guests(store: Store, *, now: datetime) -> int:
    """Deactivate every guest whose access has expired; out: the number examined."""
    total = 0
    while looked_at := await expire_guests(store, now=now):
        total += looked_at
        if looked_at < EXPIRED_AT_ONCE:
            break
    return total


JOBS: Final[tuple[Callable[..., Awaitable[int]], ...]] = (
    end_expired_guests,
    end_expired_bindings,
    state_failed_sign_ins,
    end_earlier_sessions,
)


async def keep_up(store: Store, *, clock: Clock, every: timedelta) -> None:
    """Deactivate expired guests and remove expired bindings, repeatedly until cancelled.

    Both lose their effect at their time in any case; this publishes it. Failed sign-in attempts
    become facts, and sessions that ended together get theirs. A failed step is retried in the next
    round.
    """
    while True:
        for job in JOBS:
            try:
                await job(store, now=clock.now())
            except Refusal as refusal:
                log.warning("upkeep.postponed", job=job.__name__, reason=str(refusal))
        await asyncio.sleep(every.total_seconds())


def _feed_rules(section: ScimSection) -> FeedRules:
    return FeedRules(
        department_template=section.department_path,
        department_separator=section.department_separator,
        reactivates=section.reactivates,
        bounds=Bounds(percent=section.max_deactivated_percent, at_least=section.always_deactivated),
    )


async def provision(settings: Settings) -> None:
    """Create missing collections and indexes, and the files of keys."""
    async with connect(settings.mongo) as db:
        await Store(db).provision()
    load_or_create(settings.tokens.keys_file, now=SystemClock().now())
    load_or_create_sealing(settings.secrets_file, now=SystemClock().now())


def rotate_signing_keys(settings: Settings) -> None:
    """Add a signing key; running processes publish it at once and sign with it 10 minutes later."""
    rotate(settings.tokens.keys_file, now=SystemClock().now())


ROLES: Final[Mapping[str, Role]] = {"api": api, "relay": relay_facts, "upkeep": upkeep}
