"""Repeated calls: selection, number and total wait (GW-6)."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from plexus.directory.v1.session_service_pb2 import SignInRequest, SignOutRequest
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.messaging.v1.messaging_service_pb2 import (
    AdvanceCursorsRequest,
    ExportConversationAnchorsRequest,
    ListConversationsRequest,
    SendMessageRequest,
)
from plexus_sdk import AS_ASKED, THOROUGH, Refused, RetryPolicy, SignedOut, Unreachable, refusal_of
from plexus_sdk.retries import is_read, repeat

READING = ListConversationsRequest()
WRITING = AdvanceCursorsRequest()
SENDING = SendMessageRequest(request_id="r1")
SECOND = timedelta(seconds=1)
EXHAUSTED, DOWN = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE


def error(
    code: grpc.StatusCode,
    reason: str,
    *,
    wait: timedelta | None = None,
    domain: str = "plexus.gateway",
    text: str = "Too much; wait a moment.",
) -> grpc.aio.AioRpcError:
    """Return the exception that a stub raises for a refusal of Plexus."""
    details = [ErrorInfo(reason=reason, domain=domain, metadata={"limit": "person"})]
    if wait is not None:
        delay = Duration()
        delay.FromTimedelta(wait)
        details.append(RetryInfo(retry_delay=delay))
    status = Status(code=code.value[0], message=text)
    for detail in details:
        packed = Packed()
        packed.Pack(detail)
        status.details.append(packed)
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailing, details=text)


def limited(wait: timedelta | None = None) -> Refused:
    return refusal_of(error(EXHAUSTED, "RATE_LIMITED", wait=wait))


def crowded(wait: timedelta | None = None) -> Refused:
    return refusal_of(error(EXHAUSTED, "CROWDED", wait=wait, domain="plexus.messaging"))


def down(wait: timedelta | None = None) -> Refused:
    return refusal_of(error(DOWN, "OWNER_UNREACHABLE", wait=wait))


class Service:
    """Fails a number of times, then answers; records the pauses of its caller."""

    def __init__(self, *failures: Refused) -> None:
        self.failures = list(failures)
        self.calls = 0
        self.slept: list[float] = []

    async def attempt(self) -> str:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def asked(self, request: Any, policy: RetryPolicy = AS_ASKED) -> str:
        return await repeat(self.attempt, request=request, policy=policy, sleep=self.sleep)


@pytest.mark.parametrize("policy", [AS_ASKED, THOROUGH])
async def test_gw_06_a_call_that_was_not_begun_is_made_again_after_the_wait(
    policy: RetryPolicy,
) -> None:
    service = Service(*[limited(timedelta(seconds=2))] * 3)

    assert await service.asked(WRITING, policy) == "answer"

    assert service.calls == 4
    assert all(2 <= seconds <= 2.5 for seconds in service.slept)


@pytest.mark.parametrize("policy", [AS_ASKED, THOROUGH])
@pytest.mark.parametrize("failure", [crowded(SECOND), down(SECOND)])
async def test_gw_06_a_call_that_may_have_begun_is_made_again_under_its_request_id_only(
    failure: Refused, policy: RetryPolicy
) -> None:
    assert await Service(failure).asked(SENDING, policy) == "answer"

    service = Service(failure)
    with pytest.raises(Refused):
        await service.asked(WRITING, policy)
    assert service.calls == 1


@pytest.mark.parametrize("request_", [READING, SENDING])
@pytest.mark.parametrize("failure", [crowded(), down(), crowded(SECOND)])
async def test_gw_06_a_thorough_client_repeats_reads_and_numbered_writes_without_being_asked(
    failure: Refused, request_: Any
) -> None:
    service = Service(*[failure] * 3)
    assert await service.asked(request_, THOROUGH) == "answer"
    assert service.calls == 4


@pytest.mark.parametrize("failure", [limited(), down()])
async def test_gw_06_as_asked_means_that_nothing_is_made_again_without_a_wait(
    failure: Refused,
) -> None:
    service = Service(failure)
    with pytest.raises(Refused):
        await service.asked(SENDING)
    assert (service.calls, service.slept) == (1, [])


@pytest.mark.parametrize("policy", [AS_ASKED, THOROUGH])
@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    ],
)
async def test_gw_06_another_answer_is_final(code: grpc.StatusCode, policy: RetryPolicy) -> None:
    service = Service(refusal_of(error(code, "NO", wait=SECOND)))
    with pytest.raises(Refused):
        await service.asked(SENDING, policy)
    assert service.calls == 1


async def test_gw_06_of_many_who_come_too_early_each_waits_longer_every_time() -> None:
    service = Service(*[limited(timedelta(milliseconds=50))] * 6)

    assert await service.asked(READING) == "answer"

    assert len(service.slept) == 6
    assert all(later > earlier for earlier, later in pairwise(service.slept))
    assert sum(service.slept) > 6


@pytest.mark.parametrize(("wait", "calls"), [(0.1, 8), (8, 3), (1000, 1)])
async def test_gw_06_retries_have_an_end(wait: float, calls: int) -> None:
    service = Service(*[limited(timedelta(seconds=wait))] * 100)
    with pytest.raises(Refused):
        await service.asked(SENDING)

    assert service.calls == calls
    assert sum(service.slept) <= AS_ASKED.max_seconds * 1.25


@pytest.mark.parametrize(
    ("request_", "read"),
    [
        (ListConversationsRequest, True),
        (SendMessageRequest, False),
        (SignOutRequest, False),
        # Needs no token, yet changes state.
        (SignInRequest, False),
        # Each call is recorded in the ledger.
        (ExportConversationAnchorsRequest, False),
        (SubscribeRequest, True),
    ],
)
def test_reads_are_known_from_the_contract(request_: Any, read: bool) -> None:  # noqa: FBT001
    assert is_read(request_.DESCRIPTOR) is read


def test_gw_06_the_message_says_when_to_come_back() -> None:
    refused = limited(timedelta(seconds=4.2))
    assert str(refused) == "Too much; wait a moment. Try again in 5 s."
    assert refused.retry_after == timedelta(seconds=4.2)


def test_an_unknown_reason_stays_readable() -> None:
    refused = refusal_of(error(grpc.StatusCode.FAILED_PRECONDITION, "MOON_TOO_FULL", text="Wait."))
    assert (str(refused), refused.reason, refused.code) == (
        "Wait.",
        "MOON_TOO_FULL",
        grpc.StatusCode.FAILED_PRECONDITION,
    )
    assert dict(refused.metadata) == {"limit": "person"}
    assert refused.domain == "plexus.gateway"


def test_the_classes_of_refusals_follow_from_the_status() -> None:
    plain = grpc.aio.AioRpcError(DOWN, grpc.aio.Metadata(), grpc.aio.Metadata(), details="refused")
    assert isinstance(refusal_of(plain), Unreachable)
    late = error(grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert isinstance(refusal_of(late), Unreachable)
    assert isinstance(refusal_of(error(grpc.StatusCode.UNAUTHENTICATED, "X")), SignedOut)
    assert type(down()) is Refused


def test_details_that_a_proxy_has_contradicted_do_not_count() -> None:
    rewritten = error(DOWN, "OWNER_UNREACHABLE")
    forged = grpc.aio.AioRpcError(
        EXHAUSTED, grpc.aio.Metadata(), rewritten.trailing_metadata(), details="proxy says no"
    )
    assert (refusal_of(forged).reason, str(refusal_of(forged))) == (
        "RESOURCE_EXHAUSTED",
        "proxy says no",
    )
