import dataclasses
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from notify import app
from notify.config import DeliverySection, PeersSection, Settings, SmtpSection
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.authority_pb2_grpc import AuthorityServicer, add_AuthorityServicer_to_server
from plexus.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from plexus_local.servers.ports import free_port
from plexus_testkit.companies import Company, context_of
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection, MongoSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    open_channel,
    serve,
)
from plexuskit.mongo import Database
from plexuskit.service import Runtime


@dataclasses.dataclass(frozen=True)
class Caller:
    """Calls NotifyService as one signed-in person: `await bo.ListNotifications(request)`."""

    stub: Any
    metadata: tuple[tuple[str, bytes], ...]

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        call = getattr(self.stub, method)
        return lambda request: call(
            request, metadata=self.metadata, timeout=10, wait_for_ready=True
        )


class Authority(AuthorityServicer):
    """The contract as owners serve it; ids in `hidden` are not readable, snapshots are empty."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        self.asked: list[Any] = []
        # Directory's snapshot of roles.
        self.company = Company()
        self.company.auditor("ten_a")

    async def Recheck(self, request: Any, _: Any) -> Any:  # noqa: N802 - the contract's name
        self.asked += request.refs
        return authority_pb2.RecheckResponse(
            verdicts=[
                authority_pb2.Verdict(readable=ref.id not in self.hidden, version=1)
                for ref in request.refs
            ]
        )

    async def Snapshot(self, _: Any, __: Any) -> AsyncIterator[Any]:  # noqa: N802 - the contract's name
        yield authority_pb2.SnapshotResponse(facts=self.company.facts)


@pytest.fixture
async def peers(
    caller_keys_of: Callable[[str], CallerSection], runtime: Runtime
) -> AsyncIterator[tuple[Authority, PeersSection]]:
    """The owners as real gRPC servers, each for its own audience."""
    authority = Authority()
    ports = {name: free_port() for name in ("directory", "messaging", "tasks")}

    def owner(name: str) -> Any:
        return serve(
            GrpcSection(port=ports[name], drain_seconds=1),
            service=name,
            servicers=[(add_AuthorityServicer_to_server, authority)],
            verifier=CallerVerifier(caller_keys_of(name), name),
            runtime=runtime,
            health=runtime.health,
        )

    async with owner("directory"), owner("messaging"), owner("tasks"):
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        yield authority, PeersSection(**addresses)


@pytest.fixture
async def directory() -> AsyncIterator[str]:
    """Yield a directory without people: the permissions of members come from the gateway."""
    async with Company().directory() as address:
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
        kafka=KafkaSection(url="127.0.0.1:1"),
        grpc=GrpcSection(port=free_port(), drain_seconds=1),
        caller=caller_keys_of("notify"),
        peers=PeersSection(directory=directory, messaging="127.0.0.1:1", tasks="127.0.0.1:1"),
        smtp=SmtpSection(url="smtp://127.0.0.1:1", sender="plexus@example.com"),
        delivery=DeliverySection(poll_seconds=0.1),
    )


@pytest.fixture
async def target(settings: Settings, runtime: Runtime) -> AsyncIterator[str]:
    async with app.api(settings, runtime):
        yield f"127.0.0.1:{settings.grpc.port}"


@pytest.fixture
def caller_at(caller_keys_of: Callable[[str], CallerSection]) -> Callable[..., Caller]:
    """Return a function that makes a caller admitted by the gateway, for a stub."""

    def entered(stub: Any, name: str, *, tenant: str = "ten_a") -> Caller:
        context = context_of(name, tenant_id=tenant)
        signer = CallerSigner(caller_keys_of("gateway"))
        token = CallerTokens(signer, context, clock=SystemClock()).for_audience("notify")
        return Caller(stub=stub, metadata=((METADATA_KEY, token),))

    return entered


@pytest.fixture
async def client(target: str) -> AsyncIterator[Any]:
    """Yield a client without a caller context."""
    async with open_channel(target) as opened:
        yield NotifyServiceStub(opened)


@pytest.fixture
def signed_in(client: Any, caller_at: Callable[..., Caller]) -> Callable[..., Caller]:
    return lambda name, **fields: caller_at(client, name, **fields)
