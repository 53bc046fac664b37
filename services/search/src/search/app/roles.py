"""The roles of the process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

import grpc
import structlog
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.search.v1.search_service_pb2_grpc import add_SearchServiceServicer_to_server
from plexus_access.owner import deciding
from plexuskit.clock import SystemClock
from plexuskit.errors import DependencyDown
from plexuskit.grpc import CallerVerifier, DerivedKey, peers, serve
from plexuskit.kafka import owners_of
from plexuskit.service import Role, Runtime

from search import consumers
from search.api import SearchApi
from search.app.owners import AuthorityOwner
from search.config import Settings
from search.domain.paging import KEY_BYTES, PageTokens
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.queries import Access, Freshness
from search.store import Store, connect

SERVICE: Final = "search"
_PAGE_TOKENS: Final = "search.page-token"

log = structlog.get_logger()


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve SearchService."""
    async with (
        _store(settings, runtime) as store,
        _access(settings, runtime) as access,
        deciding(settings, service=SERVICE, runtime=runtime) as decisions,
    ):
        freshness = Freshness(
            store,
            clock=runtime.clock,
            threshold=timedelta(seconds=settings.query.lag_threshold_seconds),
        )
        key = DerivedKey(settings.caller.keys_file, purpose=_PAGE_TOKENS, size=KEY_BYTES)
        servicer = SearchApi(
            store,
            access=access,
            decisions=decisions,
            freshness=freshness,
            tokens=PageTokens(key.current),
            clock=runtime.clock,
        )
        async with serve(
            settings.grpc,
            service=SERVICE,
            servicers=[(add_SearchServiceServicer_to_server, servicer)],
            verifier=CallerVerifier(settings.caller, SERVICE, clock=runtime.clock),
            runtime=runtime,
            tls=settings.tls,
            health=runtime.health,
            authorise=decisions.authorise,
        ):
            yield


@asynccontextmanager
async def indexer(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Index facts."""
    async with (
        _store(settings, runtime) as store,
        _channels(settings, runtime) as channels,
        consumers.consuming(
            store,
            settings.kafka,
            runtime,
            owners=owners_of({name: AuthorityStub(each) for name, each in channels.items()}),
        ),
    ):
        yield


async def provision(settings: Settings) -> None:
    """Create missing indexes and aliases.

    Raises:
        IndexUnreachable: OpenSearch does not answer.
    """
    async with connect(settings.opensearch) as client:
        await Store(client, settings.opensearch).provision()
    log.info("search.provisioned", prefix=settings.opensearch.index_prefix)


async def rebuild(settings: Settings, type_: DocumentType, *, shards: int, restart: bool) -> None:
    """Copy the index of a type into a new one with this version's mapping, and use that.

    Raises:
        IndexUnreachable: OpenSearch does not answer, or there is no index yet.
        RebuildUnderWay, RebuildIncomplete: see `search.store.rebuilding`.
    """
    async with connect(settings.opensearch) as client:
        store = Store(client, settings.opensearch)
        await store.rebuild(type_, shards=shards, restart=restart, now=SystemClock().now())


@asynccontextmanager
async def _store(settings: Settings, runtime: Runtime) -> AsyncIterator[Store]:
    """Open the index; while it is down the role runs and reports it, and provisions it later."""
    async with connect(settings.opensearch) as client:
        store = Store(client, settings.opensearch)
        provisioned = False

        async def ready() -> None:
            nonlocal provisioned
            if not provisioned:
                await store.provision()
                provisioned = True
            await store.ping()

        try:
            await ready()
        except DependencyDown as down:
            log.warning("search.index_unreachable", cause=str(down))
        runtime.health.probe("opensearch", ready)
        yield store


@asynccontextmanager
async def _access(settings: Settings, runtime: Runtime) -> AsyncIterator[Access]:
    timeout_seconds = settings.query.owner_timeout_seconds
    async with _channels(settings, runtime) as channels:
        owners = {
            type_: AuthorityOwner(channels[type_.owner], timeout_seconds=timeout_seconds)
            for type_ in KINDS
        }
        yield Access(owners, readers_cached=settings.query.readers_cached)


def _channels(
    settings: Settings, runtime: Runtime
) -> AbstractAsyncContextManager[Mapping[str, grpc.aio.Channel]]:
    """Open a channel to each owner, by its name."""
    names = dict.fromkeys(type_.owner for type_ in KINDS)
    return peers(*names, settings=settings, service=SERVICE, clock=runtime.clock)


ROLES: Final[Mapping[str, Role]] = {"api": api, "indexer": indexer}
