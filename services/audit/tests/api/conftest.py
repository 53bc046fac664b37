import dataclasses
from collections.abc import AsyncIterator, Callable
from itertools import product
from typing import Any

import pytest
from audit import app, events
from audit.config import LedgerSection, PeersSection, Settings
from audit.operations import remember
from audit.store import Store
from plexus.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_local.servers.ports import free_port
from plexus_testkit.companies import Company
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection, MongoSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens, open_channel
from plexuskit.mongo import Database
from plexuskit.service import Runtime

AUDITORS = ("ann", "bob", "eve")
MEMBERS = ("bo", "cy", "dee")


@dataclasses.dataclass(frozen=True)
class Person:
    """Calls the service as one signed-in person: `await ann.VerifyAudit(request)`."""

    stub: Any
    metadata: tuple[tuple[str, bytes], ...]

    def __getattr__(self, method: str) -> Callable[[Any], Any]:
        call = getattr(self.stub, method)
        return lambda request: call(request, metadata=self.metadata, timeout=10)


@pytest.fixture
def auditors() -> Company:
    """Return auditors of two tenants and members of one, as in directory's facts."""
    found = Company()
    for tenant, name in product(("ten_a", "ten_b"), AUDITORS):
        found.person(tenant, f"per_{name}", roles=["auditor"])
    for name in MEMBERS:
        found.person("ten_a", f"per_{name}")
    return found


@pytest.fixture
async def directory(auditors: Company) -> AsyncIterator[str]:
    async with auditors.directory() as address:
        yield address


@pytest.fixture
def settings(
    db: Database,
    mongo_url: str,
    directory: str,
    caller_keys_of: Callable[[str], CallerSection],
) -> Settings:
    nobody = f"127.0.0.1:{free_port()}"
    return Settings(
        mongo=MongoSection(url=mongo_url, database=db.name),
        kafka=KafkaSection(),
        grpc=GrpcSection(port=free_port(), drain_seconds=1),
        caller=caller_keys_of("audit"),
        peers=PeersSection(directory=directory, messaging=nobody, tasks=nobody),
        ledger=LedgerSection(max_verified=4, export_frame_bytes=1024),
    )


@pytest.fixture
async def target(settings: Settings, runtime: Runtime) -> AsyncIterator[str]:
    async with app.api(settings, runtime):
        yield f"127.0.0.1:{settings.grpc.port}"


@pytest.fixture
def token(caller_keys_of: Callable[[str], CallerSection]) -> Callable[..., Any]:
    """The metadata of a request that the gateway passes on for a person."""

    def made(name: str, *, tenant: str = "ten_a", **more: Any) -> tuple[tuple[str, bytes], ...]:
        context = CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id=tenant,
            person_id=f"per_{name}",
            session_id=f"ses_{name}",
            **more,
        )
        signer = CallerSigner(caller_keys_of("gateway"))
        signed = CallerTokens(signer, context, clock=SystemClock()).for_audience("audit")
        return ((METADATA_KEY, signed),)

    return made


@pytest.fixture
async def signed_in(target: str, token: Callable[..., Any]) -> AsyncIterator[Callable[..., Person]]:
    """Return a person whom the gateway has admitted."""
    async with open_channel(target) as opened:
        stub = AuditServiceStub(opened)

        def entered(name: str, **more: Any) -> Person:
            return Person(stub=stub, metadata=token(name, **more))

        yield entered


@pytest.fixture
def tell(store: Store) -> Callable[..., Any]:
    """Insert facts into the history."""

    async def insert(*envelopes: Envelope) -> None:
        found = [events.parse_fact(each) for each in envelopes]
        await remember(store, states=[state for each in found if each for state in each.states])

    return insert


@pytest.fixture
async def told_auditors(tell: Callable[..., Any], facts: Any, store: Store) -> None:
    """Ann administers one tenant, Eve another, as the history has it."""
    eve = facts.person("per_eve", roles=["admin"])
    eve.tenant_id = "ten_b"
    await tell(facts.person("per_ann", roles=["admin"]), eve)
    await store.history.begin(facts.at(0))
