import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from plexus_local.servers.ports import free_port
from plexus_testkit.companies import Company, context_of
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection, MongoSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens, channel, open_channel
from plexuskit.mongo import Database
from plexuskit.service import Runtime
from tasks import app
from tasks.config import PeersSection, SchedulerSection, Settings


@dataclasses.dataclass(frozen=True)
class Person:
    """Calls TasksService as one signed-in person: `await ann.CreateTask(request)`."""

    stub: Any
    metadata: tuple[tuple[str, bytes], ...]

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        call = getattr(self.stub, method)
        return lambda request: call(request, metadata=self.metadata, timeout=10)


@pytest.fixture
async def directory() -> AsyncIterator[str]:
    """Yield a directory with an auditor: the permissions of members come from the gateway."""
    company = Company()
    company.auditor("ten_a")
    async with company.directory() as address:
        yield address


@pytest.fixture
def settings(
    db: Database,
    mongo_url: str,
    directory: str,
    caller_keys_of: Callable[[str], CallerSection],
) -> Settings:
    return Settings(
        mongo=MongoSection(url=mongo_url, database=db.name),
        kafka=KafkaSection(),
        grpc=GrpcSection(port=free_port(), drain_seconds=1),
        caller=caller_keys_of("tasks"),
        peers=PeersSection(directory=directory),
        scheduler=SchedulerSection(poll_seconds=0.1),
    )


@pytest.fixture
async def target(settings: Settings, runtime: Runtime) -> AsyncIterator[str]:
    async with app.api(settings, runtime):
        yield f"127.0.0.1:{settings.grpc.port}"


@pytest.fixture
async def client(target: str) -> AsyncIterator[Any]:
    """Yield a client without a caller context."""
    async with open_channel(target) as opened:
        yield TasksServiceStub(opened)


@pytest.fixture
def signed_in(client: Any, caller_keys_of: Callable[[str], CallerSection]) -> Callable[..., Person]:
    """Return a function that makes a person admitted by the gateway."""

    def entered(name: str, *, tenant: str = "ten_a") -> Person:
        context = context_of(name, tenant_id=tenant)
        signer = CallerSigner(caller_keys_of("gateway"))
        token = CallerTokens(signer, context, clock=SystemClock()).for_audience("tasks")
        return Person(stub=client, metadata=((METADATA_KEY, token),))

    return entered


@pytest.fixture
async def authority(
    target: str, caller_keys_of: Callable[[str], CallerSection]
) -> AsyncIterator[Any]:
    """The Authority as the service `search` asks it."""
    signer = CallerSigner(caller_keys_of("search"))
    async with channel(target, audience="tasks", signer=signer, service="search") as opened:
        yield AuthorityStub(opened)
