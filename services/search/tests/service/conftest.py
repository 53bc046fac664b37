"""The api role of the service with real, small owners behind it."""

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from plexus.authz.v1 import authority_pb2 as authz
from plexus.authz.v1.authority_pb2_grpc import AuthorityServicer, add_AuthorityServicer_to_server
from plexus.search.v1.search_service_pb2_grpc import SearchServiceStub
from plexus.topics import SEARCH_MESSAGES, SEARCH_PEOPLE, SEARCH_TASKS
from plexus_local.servers.ports import free_port
from plexus_testkit.companies import Company, context_of
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    open_channel,
    serve,
)
from plexuskit.service import Runtime
from search import app
from search.config import OpensearchSection, PeersSection, Settings
from search.domain.lag import Progress
from search.store import Store

OWNERS = ("directory", "messaging", "tasks")
GROUPS = (SEARCH_MESSAGES, SEARCH_TASKS, SEARCH_PEOPLE)


class Authority(AuthorityServicer):
    """Minimal owner: containers per person, and objects that it hides nevertheless.

    Attributes:
        containers: containers that each person may read.
        hidden: ids that a recheck denies.
        answers: number of answers with containers, and of "unchanged" answers.
    """

    def __init__(self) -> None:
        self.containers: dict[tuple[str, str], list[authz.Container]] = {}
        self.hidden: set[str] = set()
        # Directory's snapshot of roles and policies, loaded at the start of a process.
        self.company = Company()
        self.answers: Counter[str] = Counter()
        self.rechecked: list[authz.ObjectRef] = []

    def allow(self, person: str, *containers: authz.Container, tenant: str) -> None:
        self.containers[tenant, person] = list(containers)

    async def ReadableContainers(self, request: Any, _: Any) -> Any:  # noqa: N802 - the contract's
        containers = self.containers.get((request.tenant_id, request.person_id), [])
        response = authz.ReadableContainersResponse(containers=containers)
        version = f"v{hash(response.SerializeToString(deterministic=True))}"
        if version == request.known_version:
            self.answers["unchanged"] += 1
            return authz.ReadableContainersResponse(version=version, unchanged=True)
        self.answers["told"] += 1
        response.version = version
        return response

    async def Snapshot(self, _: Any, __: Any) -> AsyncIterator[Any]:  # noqa: N802 - the contract's
        yield authz.SnapshotResponse(facts=self.company.facts)

    async def Recheck(self, request: Any, _: Any) -> Any:  # noqa: N802 - the contract's
        self.rechecked.extend(request.refs)
        return authz.RecheckResponse(
            verdicts=[authz.Verdict(readable=ref.id not in self.hidden) for ref in request.refs]
        )


@dataclasses.dataclass
class Owner:
    """An owner that can be stopped and started again at its address."""

    authority: Authority
    port: int
    stop: Callable[[], Any]


@pytest.fixture
async def owners(
    caller_keys_of: Callable[[str], CallerSection], tenant: str
) -> AsyncIterator[dict[str, Owner]]:
    """Directory, messaging and tasks as far as search asks them."""

    @asynccontextmanager
    async def serving(name: str, authority: Authority, port: int) -> AsyncIterator[None]:
        runtime = Runtime(service=name)
        async with serve(
            GrpcSection(port=port, drain_seconds=0.1),
            service=name,
            servicers=[(add_AuthorityServicer_to_server, authority)],
            verifier=CallerVerifier(caller_keys_of(name), name),
            runtime=runtime,
        ):
            yield
        await runtime.close()

    async with AsyncExitStack() as stack:
        started = {}
        for name in OWNERS:
            authority, port, own = Authority(), free_port(), AsyncExitStack()
            await own.enter_async_context(serving(name, authority, port))
            stack.push_async_callback(own.aclose)
            started[name] = Owner(authority=authority, port=port, stop=own.aclose)
        started["directory"].authority.company.auditor(tenant)
        yield started


@pytest.fixture
def settings(
    store: Store,
    owners: dict[str, Owner],
    caller_keys_of: Callable[[str], CallerSection],
) -> Settings:
    return Settings(
        opensearch=store.section,
        grpc=GrpcSection(port=free_port(), drain_seconds=1),
        caller=caller_keys_of("search"),
        peers=PeersSection(**{name: f"127.0.0.1:{owner.port}" for name, owner in owners.items()}),
    )


@pytest.fixture
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[Any]:
    """A stub of the running service."""
    async with (
        app.api(settings, runtime),
        open_channel(f"127.0.0.1:{settings.grpc.port}") as channel,
    ):
        yield SearchServiceStub(channel)


@pytest.fixture
def signed_in(caller_keys_of: Callable[[str], CallerSection], tenant: str) -> Callable[..., Any]:
    """The metadata of a request that the gateway passes on for a person."""

    def metadata(person: str, **more: Any) -> tuple[tuple[str, bytes], ...]:
        context = context_of(person, tenant_id=tenant, **more)
        tokens = CallerTokens(CallerSigner(caller_keys_of("gateway")), context, clock=SystemClock())
        return ((METADATA_KEY, tokens.for_audience("search")),)

    return metadata


@pytest.fixture
def heartbeat(store: Store) -> Callable[..., Any]:
    """Write the progress of an indexer in every group: `await heartbeat(lag_seconds=3)`."""

    async def written(*, lag_seconds: float = 0, dead_letters: int = 0) -> None:
        for group in GROUPS:
            progress = Progress(
                group=group.group,
                instance="idx_test",
                written_at=datetime.now(UTC),
                lag_seconds=lag_seconds,
                dead_letters=dead_letters,
            )
            await store.write_progress(progress)
        await store.refresh()

    return written


@pytest.fixture
def elsewhere() -> OpensearchSection:
    """An address where nothing listens."""
    return OpensearchSection(url=f"http://127.0.0.1:{free_port()}")
