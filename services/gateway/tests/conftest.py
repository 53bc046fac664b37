"""Fixtures of the gateway's tests: tokens like directory's, and a gateway on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gateway import connect, proxy, reference, web
from gateway.admission import Admission
from gateway.config import HttpSection, LimitsSection, PublicTlsSection
from gateway.connect.docs import Document
from gateway.identity import ApiTokens, Authenticator, Callers, EndedSessions, SigningKeys
from gateway.limits import Limits
from plexus.directory.v1 import session_service_pb2
from plexus.directory.v1.directory_service_pb2_grpc import (
    add_DirectoryServiceServicer_to_server,
)
from plexus.directory.v1.scim_service_pb2_grpc import (
    add_ScimServiceServicer_to_server,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    add_SessionServiceServicer_to_server,
)
from plexus.messaging.v1.import_service_pb2_grpc import (
    add_ImportServiceServicer_to_server,
)
from plexus_local.servers.ports import free_port
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import CallerSigner, CallerVerifier, open_channel, serve
from plexuskit.service import Runtime

from .access_support import Standing
from .owners_support import (
    Directory,
    Imports,
    Issuer,
)
from .running_support import Running

KeysOf = Callable[[str], CallerSection]


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


@pytest.fixture
async def standing() -> AsyncIterator[Standing]:
    """Return the projection of the gateway under test; empty, so that tokens alone decide."""
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
    """Return the settings of the HTTP port."""
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
def web_folder() -> Path | None:
    """The build of the web client: none, unless a test is about it."""
    return None


@pytest.fixture
async def running(
    issuer: Issuer,
    directory_owner: Directory,
    caller_keys_of: KeysOf,
    limits_section: LimitsSection,
    http_section: HttpSection,
    public_tls: PublicTlsSection | None,
    web_folder: Path | None,
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
        application = endpoints.application(
            max_body_bytes=http_section.max_body_bytes,
            unfinished=connect.Unfinished(
                limits.strangers,
                max_bytes=http_section.max_unfinished_bytes,
                max_of_network=http_section.max_address_bodies,
                allowance=limits_section.company_allowance,
            ),
        )
        http_port = await stack.enter_async_context(
            connect.serve(
                http_section,
                site=connect.Site(
                    application,
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
                    pages=web.Pages(web.Files(web_folder)) if web_folder else None,
                    sessions=web.Sessions(application, clock=clock) if web_folder else None,
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
