"""Allowed calls between services, decided by the key that signed the caller context (GW-12).

No connection here has a certificate: only the signer is checked against `proto/calls.yaml`.
"""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.authz.v1.caller_pb2 import CallerContext, SignedCaller
from plexus.calls import CALLERS
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection
from plexuskit.grpc import (
    METADATA_KEY,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    open_channel,
    refused,
    serve,
)
from plexuskit.grpc.keys import CallerKeys
from plexuskit.runtime import Runtime
from structlog.testing import capture_logs

SERVICES = sorted(CALLERS)
ALL = sorted({*SERVICES, *(caller for callers in CALLERS.values() for caller in callers)})
KeysOf = Callable[[str], CallerSection]


class Authority(authority_pb2_grpc.AuthorityServicer):
    """Counts the questions that reach it."""

    def __init__(self) -> None:
        self.asked = 0

    async def Recheck(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the contract
        self.asked += 1
        return authority_pb2.RecheckResponse()


async def ask(
    service: str, token: bytes, *, keys_of: KeysOf, runtime: Runtime
) -> tuple[int, grpc.aio.AioRpcError | None]:
    """Call a service in plain text with one token; return the number of calls, and the error."""
    authority = Authority()
    async with (
        serve(
            GrpcSection(port=0, drain_seconds=0.2),
            service=service,
            servicers=[(authority_pb2_grpc.add_AuthorityServicer_to_server, authority)],
            verifier=CallerVerifier(keys_of(service), service),
            runtime=runtime,
        ) as port,
        open_channel(f"127.0.0.1:{port}") as opened,
    ):
        stub: Any = authority_pb2_grpc.AuthorityStub(opened)
        request = authority_pb2.RecheckRequest()
        try:
            await stub.Recheck(request, metadata=((METADATA_KEY, token),), timeout=5)
        except grpc.aio.AioRpcError as error:
            return authority.asked, error
    return authority.asked, None


def forged(section: CallerSection, *, audience: str) -> bytes:
    """Sign a person's context with a service's own key, as a service that was taken over could."""
    now = int(SystemClock().now().timestamp() * 1000)
    key_id, key = CallerKeys.read(section.keys_file).private_key()
    context = CallerContext(
        kind=CallerContext.KIND_PERSON,
        service=key_id,
        audience=audience,
        tenant_id="ten_1",
        person_id="per_1",
        session_id="ses_1",
        roles=["admin"],
        issued_at_ms=now,
        expires_at_ms=now + 30_000,
    ).SerializeToString()
    return SignedCaller(
        context=context, signature=key.sign(context), key_id=key_id
    ).SerializeToString()


@pytest.mark.rule("GW-12")
@pytest.mark.parametrize("signer", ALL)
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_called_in_their_own_name_by_its_listed_callers_alone(
    service: str, signer: str, caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    context = CallerContext(kind=CallerContext.KIND_SERVICE)
    tokens = CallerTokens(CallerSigner(caller_keys_of(signer)), context, clock=SystemClock())

    with capture_logs() as lines:
        asked, error = await ask(
            service, tokens.for_audience(service), keys_of=caller_keys_of, runtime=runtime
        )

    if signer in CALLERS[service]:
        assert (asked, error) == (1, None)
        return
    assert asked == 0
    assert error is not None
    refusal = refused(error)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert (refusal.reason, refusal.metadata) == ("CALLER_NOT_ALLOWED", {"peer": signer})
    assert [line["signer"] for line in lines if line["event"] == "caller.refused"] == [signer]


@pytest.mark.rule("GW-12")
@pytest.mark.parametrize("signer", [name for name in ALL if name != "gateway"])
@pytest.mark.parametrize("service", SERVICES)
async def test_the_context_of_a_person_is_signed_by_the_gateway_alone(
    service: str, signer: str, caller_keys_of: KeysOf, runtime: Runtime
) -> None:
    token = forged(caller_keys_of(signer), audience=service)

    asked, error = await ask(service, token, keys_of=caller_keys_of, runtime=runtime)

    assert asked == 0
    assert error is not None
    refusal = refused(error)
    assert (refusal.reason, refusal.metadata["problem"]) == ("CALLER_CONTEXT_INVALID", "kind")
