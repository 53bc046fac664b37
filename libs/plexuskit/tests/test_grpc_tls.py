"""Certificates between services: identity of callers and of servers (GW-1)."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus_local.certificates import CertificateAuthority
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, TlsSection
from plexuskit.errors import DependencyDown
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    UnusableCertificates,
    channel,
    open_channel,
    refused,
    serve,
)
from plexuskit.grpc.certificates import watched_certificates
from plexuskit.runtime import Runtime
from structlog.testing import capture_logs

KeysOf = Callable[[str], CallerSection]


class Authority(authority_pb2_grpc.AuthorityServicer):
    """Answers every question, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def Recheck(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        self.asked += 1
        return authority_pb2.RecheckResponse()


class Secured:
    """The service `messaging` with a certificate, and callers of all sorts."""

    def __init__(self, folder: Path, keys_of: KeysOf, runtime: Runtime) -> None:
        self.folder = folder
        self.keys_of = keys_of
        self.runtime = runtime
        self.ca = CertificateAuthority()
        self.own = self.ca.install(folder, "messaging")
        self.authority = Authority()
        self.stack = AsyncExitStack()
        self.port = 0

    async def start(self) -> None:
        self.port = await self.serve("messaging", self.own)

    async def serve(self, service: str, tls: TlsSection) -> int:
        return await self.stack.enter_async_context(
            serve(
                GrpcSection(port=0, drain_seconds=0.2),
                service=service,
                servicers=[
                    (authority_pb2_grpc.add_AuthorityServicer_to_server, self.authority),
                ],
                verifier=CallerVerifier(self.keys_of(service), service),
                runtime=self.runtime,
                tls=tls,
            )
        )

    def context(self, signer: str) -> tuple[tuple[str, bytes], ...]:
        tokens = CallerTokens(
            CallerSigner(self.keys_of(signer)),
            CallerContext(kind=CallerContext.KIND_SERVICE),
            clock=SystemClock(),
        )
        return ((METADATA_KEY, tokens.for_audience("messaging")),)

    async def ask(
        self,
        tls: TlsSection | None,
        *,
        service: str = "search",
        signer: str = "search",
        audience: str = "messaging",
        port: int = 0,
    ) -> None:
        target = f"127.0.0.1:{port or self.port}"
        opened = open_channel(
            target, tls=tls, service=service if tls else "", audience=audience if tls else ""
        )
        async with opened:
            stub: Any = authority_pb2_grpc.AuthorityStub(opened)
            await stub.Recheck(
                authority_pb2.RecheckRequest(), metadata=self.context(signer), timeout=5
            )


@pytest.fixture
async def secured(
    tmp_path: Path, caller_keys_of: KeysOf, runtime: Runtime
) -> AsyncIterator[Secured]:
    secured = Secured(tmp_path, caller_keys_of, runtime)
    async with secured.stack:
        await secured.start()
        yield secured


async def error_of(call: Awaitable[None]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_gw_01_a_caller_with_its_own_certificate_is_served(secured: Secured) -> None:
    await secured.ask(secured.ca.install(secured.folder, "search"))
    await secured.ask(
        secured.ca.install(secured.folder, "gateway"), service="gateway", signer="gateway"
    )
    assert secured.authority.asked == 2


async def test_gw_01_a_context_that_another_service_signed_is_refused(secured: Secured) -> None:
    search = secured.ca.install(secured.folder, "search")
    with capture_logs() as lines:
        error = await error_of(secured.ask(search, signer="notify"))

    refusal = refused(error)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert (refusal.reason, refusal.metadata["problem"]) == ("CALLER_CONTEXT_INVALID", "peer")
    (line,) = [line for line in lines if line["event"] == "caller.refused"]
    assert (line["peer"], line["signer"], line["log_level"]) == ("search", "notify", "warning")
    assert secured.authority.asked == 0


async def test_gw_01_a_service_that_does_not_call_this_one_is_refused_by_name(
    secured: Secured,
) -> None:
    tasks = secured.ca.install(secured.folder, "tasks")
    with capture_logs() as lines:
        error = await error_of(secured.ask(tasks, service="tasks", signer="tasks"))

    refusal = refused(error)
    assert (error.code(), refusal.reason) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "CALLER_NOT_ALLOWED",
    )
    assert refusal.metadata == {"peer": "tasks"}
    assert [line["peer"] for line in lines if line["event"] == "caller.refused"] == ["tasks"]
    assert secured.authority.asked == 0


async def test_gw_01_our_own_certificate_being_refused_is_no_fault_of_the_request(
    secured: Secured,
) -> None:
    tls = secured.ca.install(secured.folder, "tasks")
    async with channel(
        f"127.0.0.1:{secured.port}",
        audience="messaging",
        signer=CallerSigner(secured.keys_of("tasks")),
        service="tasks",
        tls=tls,
    ) as opened:
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)
        with pytest.raises(DependencyDown):
            await stub.Recheck(authority_pb2.RecheckRequest())


def test_gw_01_a_service_does_not_start_with_anothers_certificate(secured: Secured) -> None:
    tls = secured.ca.install(secured.folder, "search")
    with pytest.raises(UnusableCertificates, match=r"names .*search.* not .*tasks"):
        open_channel("127.0.0.1:1", tls=tls, service="tasks", audience="messaging")


async def test_gw_01_a_client_speaks_to_the_service_that_it_means_and_to_no_other(
    secured: Secured,
) -> None:
    search = secured.ca.install(secured.folder, "search")
    port = await secured.serve("tasks", secured.ca.install(secured.folder, "tasks"))

    error = await error_of(secured.ask(search, port=port))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "Hostname Verification" in (error.details() or "")


@pytest.mark.parametrize("case", ["no certificate", "another CA", "expired", "plain text"])
async def test_gw_01_who_cannot_prove_a_name_is_not_connected(
    secured: Secured, case: str, capfd: pytest.CaptureFixture[str]
) -> None:
    said = {
        "no certificate": "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "another CA": "CERTIFICATE_VERIFY_FAILED",
        "expired": "certificate has expired",
        "plain text": "WRONG_VERSION_NUMBER|HTTP_REQUEST",
    }[case]

    error = await error_of(
        secured.ask(unproven(secured, case)) if case != "no certificate" else bare(secured)
    )

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert secured.authority.asked == 0
    sys.stderr.flush()
    # gRPC itself writes this line to the server's log: the handshake comes before any of our code.
    assert re.search(said, capfd.readouterr().err)


def unproven(secured: Secured, case: str) -> TlsSection | None:
    """Return the certificate of a peer with a false identity."""
    if case == "plain text":
        return None
    if case == "expired":
        past = datetime.now(UTC) - timedelta(minutes=1)
        return secured.ca.install(secured.folder, "search", until=past)
    stranger = CertificateAuthority("Another CA").install(secured.folder / "stranger", "search")
    # It trusts ours, so that only the server can refuse.
    stranger.ca_file.write_bytes(secured.ca.pem)
    return stranger


async def bare(secured: Secured) -> None:
    """Call over TLS without a certificate of one's own."""
    async with grpc.aio.secure_channel(
        f"127.0.0.1:{secured.port}",
        grpc.ssl_channel_credentials(secured.ca.pem),
        options=[("grpc.ssl_target_name_override", "messaging.plexus.internal")],
    ) as opened:
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)
        await stub.Recheck(
            authority_pb2.RecheckRequest(), metadata=secured.context("search"), timeout=5
        )


async def test_gw_01_several_addresses_of_one_service_have_one_name(secured: Secured) -> None:
    port = await secured.serve("messaging", secured.own)
    search = secured.ca.install(secured.folder, "search")
    target = f"ipv4:127.0.0.1:{port},127.0.0.1:{secured.port}"
    async with open_channel(target, tls=search, service="search", audience="messaging") as opened:
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)
        for _ in range(4):
            await stub.Recheck(
                authority_pb2.RecheckRequest(), metadata=secured.context("search"), timeout=5
            )


async def test_gw_01_new_certificates_and_a_new_ca_are_taken_over_without_a_restart(
    secured: Secured,
) -> None:
    search = secured.ca.install(secured.folder, "search")
    async with open_channel(
        f"127.0.0.1:{secured.port}", tls=search, service="search", audience="messaging"
    ) as opened:
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)

        async def ask() -> bool:
            await stub.Recheck(
                authority_pb2.RecheckRequest(), metadata=secured.context("search"), timeout=5
            )
            return True

        await ask()
        ended, failed = asyncio.Event(), []

        async def traffic() -> None:
            while not ended.is_set():
                try:
                    await ask()
                except grpc.aio.AioRpcError as error:
                    failed.append(error)

        running = asyncio.create_task(traffic())
        before = secured.authority.asked
        fresh = CertificateAuthority("The next CA")
        # Both trust both until both have the new one: no call is ever refused.
        both = secured.ca.pem + fresh.pem
        for folder in ("messaging", "search"):
            (secured.folder / folder / "ca.crt").write_bytes(both)
        await eventually(lambda: secured.authority.asked > before + 10, within=30)
        for service in ("messaging", "search"):
            tls = fresh.install(secured.folder, service)
            tls.ca_file.write_bytes(both)
        newcomer = fresh.install(secured.folder / "new", "gateway")
        await secured.ask(newcomer, service="gateway", signer="gateway")
        before = secured.authority.asked
        await eventually(lambda: secured.authority.asked > before + 10, within=30)
        ended.set()
        await running
        assert failed == []

        # No process trusts the old one any more.
        for folder in ("messaging", "search"):
            (secured.folder / folder / "ca.crt").write_bytes(fresh.pem)
        old = secured.ca.install(secured.folder / "old", "search")
        old.ca_file.write_bytes(both)
        assert (await error_of(secured.ask(old))).code() is grpc.StatusCode.UNAVAILABLE
        await eventually(ask, within=30)


def test_files_that_do_not_belong_together_are_not_taken_over(tmp_path: Path) -> None:
    ca = CertificateAuthority()
    tls = ca.install(tmp_path, "tasks")
    files = watched_certificates(tls, service="tasks")
    held = files.look()

    other = ca.issue("tasks")
    for path, content in (
        (tls.key_file, other.key),
        (tls.key_file, b"no key"),
        (tls.ca_file, b"no certificate"),
    ):
        path.write_bytes(content)
        with capture_logs() as lines:
            assert files.look() is held
        assert [line["event"] for line in lines] == ["file.not_reloaded"]

    tls.key_file.write_bytes(other.key)
    tls.cert_file.write_bytes(other.cert)
    tls.ca_file.write_bytes(ca.pem)
    assert files.look().cert == other.cert


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])
async def test_plain_text_that_leaves_the_machine_is_warned_of(
    host: str, caller_keys_of: KeysOf, runtime: Runtime, *, warned: bool
) -> None:
    with capture_logs() as lines:
        async with serve(
            GrpcSection(host=host, port=0, drain_seconds=0.1),
            service="tasks",
            servicers=[(authority_pb2_grpc.add_AuthorityServicer_to_server, Authority())],
            verifier=CallerVerifier(caller_keys_of("tasks"), "tasks"),
            runtime=runtime,
        ):
            assert any(line["event"] == "port.plain_text" for line in lines) == warned
