"""What the gateway's tests share: tokens as directory makes them, and a gateway on real sockets."""

# ruff: noqa: ARG002, N802 - RPC names, arguments and their meaning are the contract's

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import grpc
import pytest
from gateway import connect, proxy, reference
from gateway.access import Access, DecisionLog, Projection
from gateway.admission import Admission
from gateway.config import HttpSection, LimitsSection, PublicTlsSection
from gateway.connect.docs import Document
from gateway.identity import ApiTokens, Authenticator, Callers, EndedSessions, SigningKeys
from gateway.limits import Limits
from joserfc.jwk import OKPKey
from plexus.authz.v1.authority_pb2 import RecheckRequest, RecheckResponse, Verdict
from plexus.directory.v1 import directory_service_pb2, scim_service_pb2, session_service_pb2
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceServicer,
    add_DirectoryServiceServicer_to_server,
)
from plexus.directory.v1.scim_service_pb2_grpc import (
    ScimServiceServicer,
    add_ScimServiceServicer_to_server,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
    add_SessionServiceServicer_to_server,
)
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.gateway.v1.events_pb2 import DecisionMade
from plexus.messaging.v1 import import_service_pb2
from plexus.messaging.v1.import_service_pb2_grpc import (
    ImportServiceServicer,
    add_ImportServiceServicer_to_server,
)
from plexuskit import telemetry
from plexuskit.clock import Clock, SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.errors import DependencyDown, InvalidArgument, Kind, Refusal
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerVerifier, caller, open_channel, serve
from plexuskit.grpc.budget import remaining
from plexuskit.kafka import KafkaUnavailable
from plexuskit.service import Health, Runtime
from plexuskit.testing.servers.ports import free_port

KeysOf = Callable[[str], CallerSection]


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Issuer:
    """Makes tokens as directory does, and as it never would."""

    clock: Clock
    kid: str = "k1"
    key: OKPKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA", "kid": self.kid})

    def jwks(self) -> str:
        return json.dumps({"keys": [self.key.as_dict(private=False)]})

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": "plexus",
            "aud": "plexus-gateway",
            "sub": "per_ann",
            "tenant": "ten_acme",
            "sid": "ses_ann",
            "roles": ["member"],
            "jti": "jti_1",
            "iat": now,
            "nbf": now,
            "exp": now + 900,
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changed: Any) -> dict[str, Any]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid} | changed
        return {name: value for name, value in header.items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        # By hand: a library would not sign half of what must be refused.
        said = (self.header(**(header or {})), self.claims(**claims))
        signed = ".".join(b64(json.dumps(part).encode()) for part in said)
        return f"{signed}.{b64(self.key.private_key.sign(signed.encode()))}"


class ApiTokenInvalid(Refusal):
    """Nobody holds the token."""

    kind = Kind.UNAUTHENTICATED


class WrongPassword(Refusal):
    """The password is another one."""

    kind = Kind.UNAUTHENTICATED


class PersonNotFound(Refusal):
    """Nobody is called {person_id}."""

    kind = Kind.NOT_FOUND


class TooBusy(Refusal):
    """Try again later."""

    kind = Kind.EXHAUSTED


class Directory(DirectoryServiceServicer, SessionServiceServicer, ScimServiceServicer):
    """An owner that does what the person's id says, and publishes the issuer's keys."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.ended: set[str] = set()
        self.api_tokens: dict[bytes, session_service_pb2.ResolveApiTokenResponse] = {}
        self.seen: dict[str, Any] = {}
        self.asked: scim_service_pb2.ExchangeScimRequest | None = None
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def GetSigningKeys(self, request: Any, context: Any) -> Any:
        return session_service_pb2.GetSigningKeysResponse(jwks_json=self.issuer.jwks())

    async def resolve(self, request: Any) -> Any:
        found = self.api_tokens.get(request.token_hash)
        if found is None:
            raise ApiTokenInvalid
        return found

    async def ResolveApiToken(self, request: Any, context: Any) -> Any:
        return await self.resolve(request)

    async def FindEndedSessions(self, request: Any, context: Any) -> Any:
        ended = self.ended & set(request.session_ids)
        return session_service_pb2.FindEndedSessionsResponse(ended_session_ids=sorted(ended))

    async def SignIn(self, request: Any, context: Any) -> Any:
        self.seen = {"kind": caller().kind, "person": caller().person_id}
        if request.password == "wrong":
            raise WrongPassword
        if request.password == "down":
            raise DependencyDown(dependency="mongo")
        return session_service_pb2.SignInResponse()

    async def ExchangeScim(self, request: Any, context: Any) -> Any:
        match request.path:
            case "/down":
                raise DependencyDown(dependency="mongo")
            case "/broken":
                raise RuntimeError("the password is hunter2")
            case "/busy":
                raise TooBusy(retry_after=timedelta(seconds=3))
        self.asked = request
        if request.method == "DELETE":
            return scim_service_pb2.ExchangeScimResponse(status=204)
        return scim_service_pb2.ExchangeScimResponse(
            status=201,
            headers={"etag": 'W/"1"', "content-type": "application/scim+json"},
            body='{"id": "安"}'.encode(),
        )

    async def GetPerson(self, request: Any, context: Any) -> Any:
        context_ = caller()
        self.seen = {
            "person": context_.person_id,
            "tenant": context_.tenant_id,
            "session": context_.session_id,
            "roles": list(context_.roles),
            "scopes": list(context_.scopes),
            "api_token": context_.api_token_id,
            "guest": context_.guest,
            "second_factor": context_.second_factor,
            "service": context_.service,
            "audience": context_.audience,
            "left": remaining(),
            "traceparent": telemetry.inject(),
            "metadata": [key for key, _ in context.invocation_metadata()],
        }
        await self._behave(request.person_id)
        response = directory_service_pb2.GetPersonResponse()
        response.person.id = request.person_id
        response.person.display_name = "安"
        return response

    async def _behave(self, what: str) -> None:
        match what:
            case "absent":
                raise PersonNotFound(retry_after=timedelta(seconds=3), person_id=what)
            case "invalid":
                raise InvalidArgument(field="person_id", problem="is odd")
            case "broken":
                raise RuntimeError("the password is hunter2")
            case "down":
                raise DependencyDown(dependency="mongo")
            case "slow":
                self.begun.set()
                try:
                    await self.go_on.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise


class Imports(ImportServiceServicer):
    """An owner of a stream both ways: an answer for each request."""

    def __init__(self) -> None:
        self.finished = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.person = ""

    async def ImportMessages(self, request_iterator: Any, context: Any) -> Any:
        self.person = caller().person_id
        try:
            async for request in request_iterator:
                count = len(request.messages)
                yield import_service_pb2.ImportMessagesResponse(imported=count)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        self.finished.set()


@dataclass
class Running:
    """A gateway with its owners: what tests reach and look at."""

    grpc_port: int
    http_port: int

    issuer: Issuer
    directory: Directory
    imports: Imports
    ended: EndedSessions
    channel: grpc.aio.Channel
    http: str
    server_runtime: Runtime
    targets: dict[str, str]

    callers: Callers

    def as_gateway(self) -> tuple[tuple[str, bytes], ...]:
        """Give what the gateway tells directory of a caller of a public method."""
        return ((METADATA_KEY, self.callers.anonymous("directory")),)

    def bearer(self, **claims: Any) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issuer.token(**claims)}"),)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer(SystemClock())


@pytest.fixture
def directory_owner(issuer: Issuer) -> Directory:
    return Directory(issuer)


@asynccontextmanager
async def _owner(name: str, servicers: Any, *, keys_of: KeysOf) -> AsyncIterator[str]:
    runtime = Runtime(service=name)
    try:
        async with serve(
            GrpcSection(port=0, drain_seconds=0.2),
            service=name,
            servicers=servicers,
            verifier=CallerVerifier(keys_of(name), name),
            runtime=runtime,
        ) as port:
            yield f"127.0.0.1:{port}"
    finally:
        await runtime.close()


class Standing:
    """What a gateway knows of who may do what, and where its decisions go."""

    def __init__(self) -> None:
        clock = SystemClock()
        self.projection = Projection()
        self.access = Access(
            self.projection,
            messaging=self._recheck,
            tasks=self._recheck,
            limits=LimitsSection(),
            clock=clock,
        )
        self.decision_log = DecisionLog(cast("Any", self), clock=clock, health=Health())
        self.records: list[Envelope] = []
        self.kafka_down = False
        # What owners confirm, and what they were asked.
        self.readable: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str]] = []

    async def send_batch(self, records: Sequence[tuple[str, str, bytes, Any]]) -> None:
        """Take decisions as Kafka does."""
        if self.kafka_down:
            raise KafkaUnavailable(doing="send")
        self.records += [Envelope.FromString(value) for _, _, value, _ in records]

    @property
    def decisions(self) -> list[DecisionMade]:
        return [DecisionMade.FromString(record.fact) for record in self.records]

    async def _recheck(self, request: RecheckRequest) -> RecheckResponse:
        self.asked += [(request.person_id, f"{ref.kind}:{ref.id}") for ref in request.refs]
        return RecheckResponse(
            verdicts=[
                Verdict(readable=(request.person_id, f"{ref.kind}:{ref.id}") in self.readable)
                for ref in request.refs
            ]
        )


@pytest.fixture
async def standing() -> AsyncIterator[Standing]:
    """What the gateway under test knows; nothing, so that tokens alone say who may do what."""
    known = Standing()
    sending = asyncio.create_task(known.decision_log.run())
    yield known
    sending.cancel()


@pytest.fixture
def limits_section() -> LimitsSection:
    """The limits of the gateway; a test that is about them has its own."""
    return LimitsSection(enabled=False)


@pytest.fixture
def http_section() -> HttpSection:
    """What the HTTP port listens on."""
    return HttpSection(port=0, max_body_bytes=64 * 1024)


@pytest.fixture(scope="session")
def reference_documents() -> Mapping[str, Document]:
    """The API reference, which is the same for all gateways."""
    return reference.documents(
        now=SystemClock().now(), url="https://plexus.example.com/", max_body_bytes=4 << 20
    )


@pytest.fixture
def public_tls() -> PublicTlsSection | None:
    """The certificate of the gateway's ports: none, unless a test is about it."""
    return None


@pytest.fixture
async def running(
    issuer: Issuer,
    directory_owner: Directory,
    caller_keys_of: KeysOf,
    limits_section: LimitsSection,
    http_section: HttpSection,
    public_tls: PublicTlsSection | None,
    standing: "Standing",
    reference_documents: Mapping[str, Document],
) -> AsyncIterator[Running]:
    """A gateway without client streams, before two owners; the other owners are not there."""
    limits = Limits(limits_section, clock=SystemClock())
    directory, imports = directory_owner, Imports()
    clock, runtime = SystemClock(), Runtime(service="gateway")
    signer = CallerSigner(caller_keys_of("gateway"))
    ended = EndedSessions(clock=clock)

    async def get_signing_keys(_: Any) -> Any:
        return session_service_pb2.GetSigningKeysResponse(jwks_json=issuer.jwks())

    admission = Admission(
        authenticator=Authenticator(
            SigningKeys(get_signing_keys, clock=clock),
            ended,
            api_tokens=ApiTokens(directory.resolve, ended, clock=clock),
            clock=clock,
        ),
        callers=Callers(signer, clock=clock),
        ended=ended,
        access=standing.access,
        decision_log=standing.decision_log,
    )
    people = [
        (add_DirectoryServiceServicer_to_server, directory),
        (add_ScimServiceServicer_to_server, directory),
        (add_SessionServiceServicer_to_server, directory),
    ]
    async with AsyncExitStack() as stack:
        nobody = f"127.0.0.1:{free_port()}"
        targets = dict.fromkeys(
            ("directory", "messaging", "tasks", "notify", "search", "audit"), nobody
        )
        targets["directory"] = await stack.enter_async_context(
            _owner("directory", people, keys_of=caller_keys_of)
        )
        targets["messaging"] = await stack.enter_async_context(
            _owner(
                "messaging",
                [(add_ImportServiceServicer_to_server, imports)],
                keys_of=caller_keys_of,
            )
        )
        owners = await stack.enter_async_context(proxy.owners(targets, max_message_bytes=8 << 20))
        calls = proxy.Calls(admission, limits=limits, clock=clock)
        forwarding = proxy.Forwarding(admission, owners, limits=limits)
        connections = connect.Connections(
            limits.strangers,
            maximum=http_section.max_address_connections,
            allowance=limits_section.company_allowance,
        )
        handlers = proxy.Handlers(calls)
        endpoints = connect.Endpoints(calls, known=connections.done)
        stack.callback(endpoints.close)
        handlers.forward(forwarding)
        endpoints.forward(forwarding)
        stack.push_async_callback(runtime.close)
        grpc_port = await stack.enter_async_context(
            proxy.serve(
                GrpcSection(port=0, drain_seconds=1),
                handlers=handlers,
                runtime=runtime,
                tls=public_tls,
            )
        )
        http_port = await stack.enter_async_context(
            connect.serve(
                http_section,
                site=connect.Site(
                    endpoints.application(
                        max_body_bytes=http_section.max_body_bytes,
                        unfinished=connect.Unfinished(
                            limits.strangers,
                            max_bytes=http_section.max_unfinished_bytes,
                            max_of_network=http_section.max_address_bodies,
                            allowance=limits_section.company_allowance,
                        ),
                    ),
                    feed=connect.ScimSite(
                        calls,
                        forwarding,
                        max_body_bytes=64 * 1024,
                        public_url="",
                        known=connections.done,
                    ),
                    reference=connect.DocsSite(reference_documents, limits=limits),
                    origins=["https://plexus.example.com"],
                    is_serving=lambda: not runtime.stopping.is_set(),
                ),
                runtime=runtime,
                drain_seconds=1,
                tls=public_tls,
                connections=connections if limits_section.enabled else None,
            )
        )
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{grpc_port}"))
        yield Running(
            grpc_port=grpc_port,
            http_port=http_port,
            issuer=issuer,
            directory=directory,
            imports=imports,
            ended=ended,
            channel=channel,
            http=f"http://127.0.0.1:{http_port}",
            server_runtime=runtime,
            targets=targets,
            callers=admission.callers,
        )
