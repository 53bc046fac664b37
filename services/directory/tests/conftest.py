"""Fixtures of directory's tests: a real database, cheap hashes, a real gRPC server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from directory.access.api import AccessApi
from directory.accounts.operations.hashing import Hashing, hashing
from directory.accounts.store import SecretBox, load_or_create, load_or_create_sealing
from directory.app import Store
from directory.config import BootstrapSection, OpenIdSection, PasskeysSection, PasswordsSection
from directory.people import operations
from directory.people.api.authority import AuthorityApi
from directory.people.api.directory import DirectoryApi
from directory.scim.api import ScimApi
from directory.scim.domain.guard import Bounds, FeedRules
from directory.shared.domain.actors import ADMIN, Actor
from directory.sign_in.api.session_base import SignInDeps
from directory.sign_in.api.sessions import SessionApi
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.openid import OpenIdClient, openid_client
from directory.sign_in.operations.webauthn import Passkeys
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub, add_AuthorityServicer_to_server
from plexus.directory.v1.access_service_pb2_grpc import (
    AccessServiceStub,
    add_AccessServiceServicer_to_server,
)
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceStub,
    add_DirectoryServiceServicer_to_server,
)
from plexus.directory.v1.scim_service_pb2_grpc import (
    ScimServiceStub,
    add_ScimServiceServicer_to_server,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceStub,
    add_SessionServiceServicer_to_server,
)
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_testkit import FrozenClock
from plexus_testkit.databases import database_fixtures
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import CallerSigner, CallerVerifier, open_channel, serve
from plexuskit.mongo import Database
from plexuskit.service import Runtime

from .access_support import department
from .company_support import Company
from .constants_support import PASSWORD, SECRET
from .scopes_support import Scoped, bind_person
from .served_support import Served

CHEAP = PasswordsSection(time_cost=1, memory_kib=1_024, parallelism=1)
FEED_RULES = FeedRules(
    department_template="{organization}/{division}/{department}",
    department_separator="/",
    reactivates=True,
    bounds=Bounds(percent=10, at_least=5),
)


provisioned, db = database_fixtures(lambda db: Store(db).provision())


@pytest.fixture
async def store(db: Database) -> Store:
    return Store(db)


@pytest.fixture
async def hashes() -> AsyncIterator[Hashing]:
    async with hashing(CHEAP) as opened:
        yield opened


@pytest.fixture
def issuer(tmp_path: Path, clock: FrozenClock) -> TokenIssuer:
    return TokenIssuer(load_or_create(tmp_path / "signing.json", now=clock.now()))


@pytest.fixture
def sealing(tmp_path: Path, clock: FrozenClock) -> SecretBox:
    return load_or_create_sealing(tmp_path / "secrets.json", now=clock.now())


@pytest.fixture
def passkeys() -> Passkeys:
    return Passkeys(PasskeysSection(rp_id="plexus.example", origins=("https://plexus.example",)))


@pytest.fixture
async def openid(clock: FrozenClock) -> AsyncIterator[OpenIdClient]:
    async with openid_client(OpenIdSection(private_addresses=True), clock=clock) as client:
        yield client


@pytest.fixture
async def company(
    store: Store,
    hashes: Hashing,
    issuer: TokenIssuer,
    sealing: SecretBox,
    passkeys: Passkeys,
    openid: OpenIdClient,
    clock: FrozenClock,
) -> Company:
    tenant, admin = await operations.init_tenant(
        store,
        hashes,
        name="北方贸易",
        time_zone="Asia/Shanghai",
        admin_handle="root",
        admin_display_name="Root",
        admin_password=PASSWORD,
        bootstrap_given=SECRET,
        bootstrap_secret=SECRET,
        now=clock.now(),
    )
    actor = Actor(
        tenant_id=tenant.id,
        person_id=admin.id,
        session_id="ses_of_admin",  # type: ignore[arg-type]
        roles=frozenset(admin.roles),
    )
    return Company(
        tenant=tenant,
        admin=admin,
        actor=actor,
        store=store,
        hashes=hashes,
        issuer=issuer,
        sealing=sealing,
        passkeys=passkeys,
        openid=openid,
        clock=clock,
    )


@pytest.fixture
async def scoped(company: Company) -> Scoped:
    north, south = await department(company, "north"), await department(company, "south")
    deep = await department(company, "deep", north.id)
    lead = await company.hire("lead", department_ids=[north.id])
    await bind_person(company, ADMIN, lead, f"department:{north.id}")
    part = replace(company, actor=company.acting_as(lead))
    return Scoped(whole=company, part=part, lead=lead, north=north, deep=deep, south=south)


@pytest.fixture
def facts(db: Database) -> Callable[[], Awaitable[list[Envelope]]]:
    """A function that reads every fact of the outbox, in the order of its ids."""

    async def read() -> list[Envelope]:
        outbox = db.collection("outbox", schema_version=1)
        stored = await outbox.find_all({}, sort=[("_id", 1)])
        return [Envelope.FromString(bytes(document["event"])) for document in stored]

    return read


@pytest.fixture
async def served(
    store: Store,
    hashes: Hashing,
    issuer: TokenIssuer,
    sealing: SecretBox,
    passkeys: Passkeys,
    openid: OpenIdClient,
    clock: FrozenClock,
    caller_keys_of: Callable[[str], CallerSection],
    runtime: Runtime,
) -> AsyncIterator[Served]:
    servicers = [
        (
            add_DirectoryServiceServicer_to_server,
            DirectoryApi(store, hashing=hashes, clock=clock),
        ),
        (
            add_SessionServiceServicer_to_server,
            SessionApi(
                store,
                means=SignInDeps(
                    hashing=hashes,
                    issuer=issuer,
                    sealing=sealing,
                    passkeys=passkeys,
                    openid=openid,
                    bootstrap=BootstrapSection(secret=SECRET),
                ),
                clock=clock,
            ),
        ),
        (
            add_ScimServiceServicer_to_server,
            ScimApi(store, hashing=hashes, rules=FEED_RULES, clock=clock),
        ),
        (add_AuthorityServicer_to_server, AuthorityApi(store, clock=clock)),
        (add_AccessServiceServicer_to_server, AccessApi(store, clock=clock)),
    ]
    verifier = CallerVerifier(caller_keys_of("directory"), "directory", clock=clock)
    async with (
        serve(
            GrpcSection(port=0, drain_seconds=1),
            service="directory",
            servicers=servicers,
            verifier=verifier,
            runtime=runtime,
        ) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield Served(
            directory=DirectoryServiceStub(channel),
            sessions=SessionServiceStub(channel),
            scim=ScimServiceStub(channel),
            authority=AuthorityStub(channel),
            access=AccessServiceStub(channel),
            clock=clock,
            gateway=CallerSigner(caller_keys_of("gateway")),
            search=CallerSigner(caller_keys_of("search")),
        )
