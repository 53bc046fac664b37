"""Waiting as long as Plexus asks for, and asking again where that cannot do anything twice."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
from plexuskit.grpc import RemoteRefusal, refused

ResponseT = TypeVar("ResponseT")

MAX_TRIES: Final = 8
MAX_WAIT_SECONDS: Final = 20.0
# Each is told when there is room for one; of many who ask at once, all but one come too early.
_LEAST_SECONDS: Final = 0.1
# The gateway has refused these before anybody saw them.
_NOT_BEGUN: Final = frozenset({"RATE_LIMITED", "TOO_MANY_CALLS", "TOO_MANY_STREAMS"})
_GATEWAY: Final = "plexus.gateway"
_PASSING: Final = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE})
# Those who were refused together do not come back together.
_JITTER: Final = 0.25


async def patient(
    attempt: Callable[[], Awaitable[ResponseT]],
    *,
    request: Any,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> ResponseT:
    """Call until there is an answer, waiting as long as `RetryInfo` says, or longer, in between.

    At most 8 calls, and 20 s of waiting in all; a call that may have had an effect is made again
    only with a `request_id`, under which it counts once (GW-6).

    Args:
        attempt: makes the call, each time anew.
        request: what it sends.
        sleep: waits for so many seconds.

    Raises AioRpcError, the last one, when waiting does not help.
    """
    repeatable = bool(getattr(request, "request_id", ""))
    waited = 0.0
    for tries in range(1, MAX_TRIES + 1):
        try:
            return await attempt()
        except grpc.aio.AioRpcError as error:
            seconds = _asked_for(refused(error), repeatable=repeatable)
            if seconds is not None:
                seconds = max(seconds, _LEAST_SECONDS * 2 ** (tries - 1))
            if seconds is None or tries == MAX_TRIES or waited + seconds > MAX_WAIT_SECONDS:
                raise
        await sleep(seconds * random.uniform(1, 1 + _JITTER))  # noqa: S311 - jitter
        waited += seconds
    raise AssertionError("the last try returns or raises")


def _asked_for(refusal: RemoteRefusal, *, repeatable: bool) -> float | None:
    """Return for how many seconds to wait; None when the call must not or cannot be made again."""
    if refusal.retry_after is None or refusal.code not in _PASSING:
        return None
    not_begun = refusal.domain == _GATEWAY and refusal.reason in _NOT_BEGUN
    return refusal.retry_after.total_seconds() if not_begun or repeatable else None
