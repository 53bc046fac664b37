"""What the directory's tests stand on: a real database, cheap hashes, a real gRPC server."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from directory import operations
from directory.api import (
    AccessApi,
    AuthorityApi,
    DirectoryApi,
    ScimApi,
    SessionApi,
    SignInMeans,
)
from directory.config import BootstrapSection, OpenIdSection, PasskeysSection, PasswordsSection
from directory.domain.access import ADMIN, Actor
from directory.domain.bindings import Binding
from directory.domain.people import Changes, Draft, Person
from directory.domain.requests import Request
from directory.domain.roles import Role
from directory.domain.scim.guard import Bounds
from directory.domain.scim.rules import FeedRules
from directory.domain.sessions import Tokens
from directory.domain.sign_in_attempts import Origin
from directory.domain.tenants import Tenant
from directory.operations.admitting import Admitted
from directory.operations.hashing import Hashing, hashing
from directory.operations.openid import OpenIdClient, openid_client
from directory.operations.passkeys import Passkeys
from directory.operations.tokens import TokenIssuer
from directory.store import Sealing, Store, load_or_create, load_or_create_sealing
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub, add_AuthorityServicer_to_server
from plexus.authz.v1.caller_pb2 import CallerContext
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
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerVerifier, open_channel, serve
from plexuskit.mongo import Database
from plexuskit.service import Runtime
from plexuskit.testing import FrozenClock
from plexuskit.testing.databases import database_fixtures

from .access_support import HR, department
from .scopes_support import Scoped, bind_person

SECRET = "bootstrap secret of the tests"
PASSWORD = "correct horse"
HERE = "192.0.2.7/32"
CHEAP = PasswordsSection(time_cost=1, memory_kib=1_024, parallelism=1)
FEED_RULES = FeedRules(
    department_template="{organization}/{division}/{department}",
    department_separator="/",
    reactivates=True,
    bounds=Bounds(percent=10, at_least=5),
)
MINUTE = timedelta(seconds=60)


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
def sealing(tmp_path: Path, clock: FrozenClock) -> Sealing:
    return load_or_create_sealing(tmp_path / "secrets.json", now=clock.now())


@pytest.fixture
def passkeys() -> Passkeys:
    return Passkeys(PasskeysSection(rp_id="plexus.example", origins=("https://plexus.example",)))


@pytest.fixture
async def openid(clock: FrozenClock) -> AsyncIterator[OpenIdClient]:
    async with openid_client(OpenIdSection(private_addresses=True), clock=clock) as client:
        yield client


@dataclass(frozen=True, kw_only=True)
class Company:
    """A tenant with its administrator, and the shortest way to do things in it."""

    tenant: Tenant
    admin: Person
    actor: Actor
    store: Store
    hashes: Hashing
    issuer: TokenIssuer
    sealing: Sealing
    passkeys: Passkeys
    openid: OpenIdClient
    clock: FrozenClock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def hire(
        self, handle: str, *, password: str = "", request: Request | None = None, **fields: object
    ) -> Person:
        draft = Draft(handle=handle, display_name=handle.title(), **fields)  # type: ignore[arg-type]
        return await operations.create_person(
            self.store,
            self.hashes,
            actor=self.actor,
            draft=draft,
            password=password,
            request=request,
            now=self.now,
        )

    async def enter(
        self, handle: str, password: str = PASSWORD, *, network: str = HERE, device_key: str = ""
    ) -> Admitted:
        return await operations.sign_in(
            self.store,
            self.hashes,
            self.issuer,
            passkeys=self.passkeys,
            sealing=self.sealing,
            handle=handle,
            password=password,
            device="test",
            origin=Origin(network=network, device_key=device_key),
            now=self.now,
        )

    async def sign_in(self, handle: str, password: str = PASSWORD) -> Tokens:
        admitted = await self.enter(handle, password)
        assert admitted.tokens is not None
        return admitted.tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        return await operations.refresh_session(
            self.store, self.issuer, refresh_token=refresh_token, now=self.now
        )

    async def create_role(
        self, name: str = "HR", permissions: Sequence[str] = HR, **rest: object
    ) -> Role:
        asked = {"description": "", "masks": (), "request": None, **rest}
        return await operations.create_role(
            self.store,
            actor=self.actor,
            name=name,
            permissions=permissions,
            now=self.now,
            **asked,  # type: ignore[arg-type]
        )

    async def bind(self, role_id: str, subject: str, scope: str = "", **rest: object) -> Binding:
        asked = {"expires_at": None, "request": None, **rest}
        return await operations.bind_role(
            self.store,
            actor=self.actor,
            role_id=role_id,
            subject=subject,
            scope=scope,
            now=self.now,
            **asked,  # type: ignore[arg-type]
        )

    async def department(self, name: str, parent_id: str = "", external_id: str = "") -> str:
        """Make a department; out: its id."""
        made = await operations.create_department(
            self.store,
            actor=self.actor,
            name=name,
            parent_id=parent_id,
            external_id=external_id,
            request=None,
            now=self.now,
        )
        return made.id

    async def change(self, person: Person, **changes: object) -> Person:
        return await operations.update_person(
            self.store,
            actor=self.actor,
            person_id=person.id,
            changes=Changes(**changes),  # type: ignore[arg-type]
            expected_version=0,
            request=None,
            now=self.now,
        )

    async def dismiss(self, person: Person) -> Person:
        return await operations.deactivate_person(
            self.store, actor=self.actor, person_id=person.id, request=None, now=self.now
        )

    async def load(self, person: Person) -> Person:
        return await self.store.people.get(person.id, tenant_id=self.tenant.id)

    def acting_as(self, person: Person, *, session_id: str = "ses_of_test") -> Actor:
        return Actor(
            tenant_id=person.tenant_id,
            person_id=person.id,
            session_id=session_id,  # type: ignore[arg-type]
            roles=frozenset(person.roles),
        )


@pytest.fixture
async def company(
    store: Store,
    hashes: Hashing,
    issuer: TokenIssuer,
    sealing: Sealing,
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


@dataclass(frozen=True, kw_only=True)
class Served:
    """The directory behind a real gRPC server, and callers that the gateway or a service signed."""

    directory: DirectoryServiceStub
    sessions: SessionServiceStub
    scim: ScimServiceStub
    authority: AuthorityStub
    access: AccessServiceStub
    clock: FrozenClock
    gateway: CallerSigner
    search: CallerSigner
    secret: str = field(default=SECRET, repr=False)

    def person(
        self,
        person_id: str,
        tenant_id: str,
        *roles: str,
        session_id: str = "ses_x",
        scopes: Sequence[str] = (),
    ) -> dict:
        return self._signed(
            self.gateway,
            CallerContext(
                kind=CallerContext.KIND_PERSON,
                tenant_id=tenant_id,
                person_id=person_id,
                session_id=session_id,
                roles=roles,
                scopes=scopes,
            ),
        )

    @property
    def anonymous(self) -> dict:
        return self._signed(self.gateway, CallerContext(kind=CallerContext.KIND_ANONYMOUS))

    @property
    def service(self) -> dict:
        return self._signed(self.search, CallerContext(kind=CallerContext.KIND_SERVICE))

    def _signed(self, signer: CallerSigner, context: CallerContext) -> dict:
        issued = int(self.clock.now().timestamp() * 1000)
        context.service = signer.service
        context.audience = "directory"
        context.issued_at_ms = issued
        context.expires_at_ms = issued + int(MINUTE.total_seconds() * 1000)
        return {"metadata": ((METADATA_KEY, signer.sign(context)),)}


@pytest.fixture
async def served(
    store: Store,
    hashes: Hashing,
    issuer: TokenIssuer,
    sealing: Sealing,
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
                means=SignInMeans(
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
