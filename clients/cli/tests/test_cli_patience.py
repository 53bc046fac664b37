"""How long commands wait for Plexus, and what they ask again (GW-6)."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import grpc
import pytest
from plexus.messaging.v1.messaging_service_pb2 import ListConversationsRequest, SendMessageRequest
from plexus_cli.patience import MAX_TRIES, MAX_WAIT_SECONDS, patient
from plexus_cli.sdk import explain
from plexuskit.errors import Kind, Refusal
from plexuskit.grpc.status import answer

ASKING = ListConversationsRequest()
SENDING = SendMessageRequest(request_id="r1")


class RateLimited(Refusal):
    """Too much; wait a moment."""

    kind = Kind.EXHAUSTED


class Crowded(Refusal):
    """Too many at once."""

    kind = Kind.EXHAUSTED


class Down(Refusal):
    """Not there now."""

    kind = Kind.UNAVAILABLE


class Forbidden(Refusal):
    """Not for you."""

    kind = Kind.PERMISSION_DENIED


def error(refusal: Refusal, *, domain: str = "plexus.gateway") -> grpc.aio.AioRpcError:
    said = answer(refusal, domain=domain)
    trailing = grpc.aio.Metadata(*said.trailing)
    return grpc.aio.AioRpcError(said.code, grpc.aio.Metadata(), trailing, details=said.text)


class Service:
    """Fails so often, then answers; notes for how long its caller has slept."""

    def __init__(self, *failures: grpc.aio.AioRpcError) -> None:
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

    async def asked(self, request: Any) -> str:
        return await patient(self.attempt, request=request, sleep=self.sleep)


SECOND = timedelta(seconds=1)


async def test_gw_06_a_call_that_was_not_begun_is_made_again_after_the_wait() -> None:
    service = Service(*[error(RateLimited(retry_after=timedelta(seconds=2)))] * 3)

    assert await service.asked(ASKING) == "answer"

    assert service.calls == 4
    assert all(2 <= seconds <= 2.5 for seconds in service.slept)


@pytest.mark.parametrize(
    "failure",
    [
        error(Crowded(retry_after=SECOND), domain="plexus.messaging"),
        error(Down(retry_after=SECOND)),
    ],
)
async def test_gw_06_a_call_that_may_have_begun_is_made_again_under_its_request_id_only(
    failure: grpc.aio.AioRpcError,
) -> None:
    assert await Service(failure).asked(SENDING) == "answer"

    service = Service(failure)
    with pytest.raises(grpc.aio.AioRpcError):
        await service.asked(ASKING)
    assert service.calls == 1


@pytest.mark.parametrize(
    "failure", [error(Forbidden(retry_after=SECOND)), error(RateLimited()), error(Down())]
)
async def test_gw_06_without_a_wait_or_a_way_out_nothing_is_made_again(
    failure: grpc.aio.AioRpcError,
) -> None:
    service = Service(failure)
    with pytest.raises(grpc.aio.AioRpcError):
        await service.asked(SENDING)
    assert (service.calls, service.slept) == (1, [])


async def test_gw_06_of_many_who_come_too_early_each_waits_longer_every_time() -> None:
    service = Service(*[error(RateLimited(retry_after=timedelta(milliseconds=50)))] * 6)

    assert await service.asked(ASKING) == "answer"

    assert len(service.slept) == 6
    assert all(later > earlier for earlier, later in pairwise(service.slept))
    assert sum(service.slept) > 6


@pytest.mark.parametrize(("wait", "calls"), [(0.1, MAX_TRIES), (8, 3), (1000, 1)])
async def test_gw_06_patience_has_an_end(wait: float, calls: int) -> None:
    service = Service(*[error(RateLimited(retry_after=timedelta(seconds=wait)))] * 100)
    with pytest.raises(grpc.aio.AioRpcError):
        await service.asked(SENDING)

    assert service.calls == calls
    assert sum(service.slept) <= MAX_WAIT_SECONDS * 1.25


def test_gw_06_the_message_says_when_to_come_back() -> None:
    refused: Sequence[Any] = (explain(error(RateLimited(retry_after=timedelta(seconds=4.2)))),)
    assert str(refused[0]) == "Too much; wait a moment. Try again in 5 s."
