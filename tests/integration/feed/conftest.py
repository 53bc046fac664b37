"""A gateway before a directory, both on real sockets in this process, and a feed outside."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from wsgiref.headers import Headers

import pytest
from directory import operations
from directory.api import ScimApi, SessionApi
from directory.config import BootstrapSection, PasswordsSection
from directory.domain.scim.guard import Bounds
from directory.domain.scim.rules import FeedRules
from directory.operations.hashing import hashing
from directory.operations.tokens import TokenIssuer
from directory.store import Store, load_or_create
from gateway import connect, proxy
from gateway.admission import Admission
from gateway.config import HttpSection, LimitsSection
from gateway.identity import ApiTokens, Authenticator, Callers, EndedSessions, SigningKeys
from gateway.limits import Limits
from plexus.directory.v1.scim_service_pb2_grpc import add_ScimServiceServicer_to_server
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceStub,
    add_SessionServiceServicer_to_server,
)
from plexuskit.clock import SystemClock
from plexuskit.config import GrpcSection
from plexuskit.grpc import CallerSigner, CallerVerifier, channel, serve
from plexuskit.service import Runtime
from plexuskit.testing.servers.ports import free_port
from scim2_client import BaseSyncSCIMClient
from scim2_client.engines.inprocess import InProcessResponse

MOST_BODY = 64 * 1024
SECRET = "bootstrap secret of the tests"
PASSWORD = "correct horse"


class HttpClient(BaseSyncSCIMClient):
    """The tester's client on a plain HTTP connection; each instance belongs to one thread."""

    def __init__(self, base_url: str, token: str, **options: Any) -> None:
        super().__init__(**options)
        self._base = urlsplit(base_url)
        self._token = token

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not urlsplit(endpoint).scheme

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Any = None,
    ) -> InProcessResponse:
        body = content if json is None else dumped(json)
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        named = {"authorization": f"Bearer {self._token}"} | dict(headers or {})
        if body is not None:
            named.setdefault("Content-Type", "application/scim+json")
        connection = HTTPConnection(self._base.netloc, timeout=30)
        try:
            path = f"{self._base.path}/{url.lstrip('/')}{query}"
            connection.request(method, path, body=body, headers=named)
            response = connection.getresponse()
            return InProcessResponse(
                status_code=response.status,
                headers=Headers(list(response.getheaders())),
                content=response.read(),
            )
        finally:
            connection.close()


def dumped(body: Any) -> bytes:
    return json.dumps(body).encode()


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where the feed speaks to, and with which tokens."""

    base_url: str
    token: str
    store: Store

    def client(self, **options: Any) -> HttpClient:
        return HttpClient(self.base_url, self.token, **options)


@pytest.fixture
async def site(db, caller_keys_of, tmp_path) -> AsyncIterator[Site]:
    clock = SystemClock()
    store = Store(db)
    await store.provision()
    cheap = PasswordsSection(time_cost=1, memory_kib=1_024, parallelism=1)
    issuer = TokenIssuer(load_or_create(tmp_path / "signing.json", now=clock.now()))
    async with AsyncExitStack() as stack:
        hashes = await stack.enter_async_context(hashing(cheap))
        await operations.init_tenant(
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
        tokens, _ = await operations.sign_in(
            store, hashes, issuer, handle="root", password=PASSWORD, device="feed", now=clock.now()
        )
        rules = FeedRules(
            department_template="{department}",
            department_separator="/",
            reactivates=True,
            bounds=Bounds(percent=10, at_least=10_000),
        )
        sessions = SessionApi(
            store, hashing=hashes, issuer=issuer, bootstrap=BootstrapSection(), clock=clock
        )
        scim = ScimApi(store, hashing=hashes, rules=rules, clock=clock)
        owner = Runtime(service="directory")
        stack.push_async_callback(owner.close)
        directory_port = await stack.enter_async_context(
            serve(
                GrpcSection(port=0, drain_seconds=0.2),
                service="directory",
                servicers=[
                    (add_ScimServiceServicer_to_server, scim),
                    (add_SessionServiceServicer_to_server, sessions),
                ],
                verifier=CallerVerifier(caller_keys_of("directory"), "directory", clock=clock),
                runtime=owner,
            )
        )
        http_port = await _gateway(
            stack, directory=f"127.0.0.1:{directory_port}", keys=caller_keys_of("gateway")
        )
        yield Site(
            base_url=f"http://127.0.0.1:{http_port}/scim/v2",
            token=tokens.access_token,
            store=store,
        )


async def _gateway(stack: AsyncExitStack, *, directory: str, keys: Any) -> int:
    clock, runtime = SystemClock(), Runtime(service="gateway")
    stack.push_async_callback(runtime.close)
    signer = CallerSigner(keys)
    to_directory = await stack.enter_async_context(
        channel(directory, audience="directory", signer=signer, service="gateway", clock=clock)
    )
    api = SessionServiceStub(to_directory)
    signing = SigningKeys(api.GetSigningKeys, clock=clock)
    ended = EndedSessions(clock=clock)
    admission = Admission(
        authenticator=Authenticator(
            signing,
            ended,
            api_tokens=ApiTokens(api.ResolveApiToken, ended, clock=clock),
            clock=clock,
        ),
        callers=Callers(signer, clock=clock),
        ended=ended,
    )
    peers = dict.fromkeys(("messaging", "tasks", "notify", "search"), f"127.0.0.1:{free_port()}")
    owners = await stack.enter_async_context(
        proxy.owners(peers | {"directory": directory}, max_message_bytes=8 << 20)
    )
    limits = Limits(LimitsSection(), clock=clock)
    calls = proxy.Calls(admission, limits=limits, clock=clock)
    forwarding = proxy.Forwarding(admission, owners, limits=limits)
    endpoints = connect.Endpoints(calls)
    return await stack.enter_async_context(
        connect.serve(
            HttpSection(port=0),
            site=connect.Site(
                endpoints.application(max_body_bytes=MOST_BODY),
                feed=connect.ScimSite(calls, forwarding, max_body_bytes=MOST_BODY, public_url=""),
                origins=[],
                is_serving=lambda: True,
            ),
            runtime=runtime,
            drain_seconds=1,
        )
    )
