"""Retries with back-off and jitter, only where a repeat cannot take effect twice (GW-6)."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.descriptor import Descriptor
from plexus.authz.v1 import options_pb2

from plexus_sdk.backoff import doubled, jittered
from plexus_sdk.errors import Refused

ResponseT = TypeVar("ResponseT")

FIRST_WAIT_SECONDS: Final = 0.1
# The gateway refuses these before any service receives them.
_NOT_BEGUN: Final = frozenset({"RATE_LIMITED", "TOO_MANY_CALLS", "TOO_MANY_STREAMS"})
_GATEWAY: Final = "plexus.gateway"
_PASSING: Final = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE})
# Callers that were refused together must not retry together.
_SPREAD: Final = (1.0, 1.25)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Policy of repeated calls and their total wait.

    Only UNAVAILABLE and RESOURCE_EXHAUSTED are repeated, and only calls whose repeat cannot take
    effect twice: those that the gateway refused before it forwarded them, and those with a request
    id, which is repeated unchanged. A wait is at least as long as Plexus requests.

    Attributes:
        max_tries: maximum number of calls.
        max_seconds: bound on the sum of all waits.
        thorough: also repeat reads, and calls for which Plexus requests no wait; generate a request
            id if the caller has set none. False repeats only calls for which Plexus requests a
            wait, so that a command at a terminal reports an outage at once.
    """

    max_tries: int = 8
    max_seconds: float = 20.0
    thorough: bool = True


THOROUGH: Final = RetryPolicy()
AS_ASKED: Final = RetryPolicy(thorough=False)


async def repeat(
    attempt: Callable[[], Awaitable[ResponseT]],
    *,
    request: Any,
    policy: RetryPolicy,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ResponseT:
    """Call until there is an answer, or until the policy allows no further call.

    Args:
        attempt: makes the call; raises Refused on failure.
        request: the message that it sends; its `request_id` and type decide whether a repeat is
            safe.
        policy: the bounds.
        sleep: waits for a number of seconds.

    Raises:
        Refused: the last refusal.
    """
    waited, tries = 0.0, 1
    while True:
        try:
            return await attempt()
        except Refused as refused:
            asked_for = wait_of(refused, request=request, policy=policy)
            if asked_for is None:
                raise
            seconds = max(asked_for, doubled(tries - 1, (FIRST_WAIT_SECONDS, math.inf)))
            if tries == policy.max_tries or waited + seconds > policy.max_seconds:
                raise
        await sleep(jittered(seconds, spread=_SPREAD))
        waited += seconds
        tries += 1


def wait_of(refused: Refused, *, request: Any, policy: RetryPolicy) -> float | None:
    """Return the seconds that Plexus requests to wait; None if the call must not be repeated."""
    if refused.code not in _PASSING:
        return None
    if refused.retry_after is None and not policy.thorough:
        return None
    not_begun = refused.domain == _GATEWAY and refused.reason in _NOT_BEGUN
    numbered = bool(getattr(request, "request_id", ""))
    if not (not_begun or numbered or (policy.thorough and is_read(request.DESCRIPTOR))):
        return None
    return refused.retry_after.total_seconds() if refused.retry_after else 0.0


@cache
def is_read(request: Descriptor) -> bool:
    """Return whether a request's method is read-only, as its contract declares."""
    for service in request.file.services_by_name.values():
        for method in service.methods:
            if method.input_type is request:
                requires = method.GetOptions().Extensions[options_pb2.requires]
                return (
                    not requires.public
                    and requires.effect == options_pb2.Requirement.EFFECT_UNSPECIFIED
                )
    return False
