"""Calls of a persistent client: repeated under the same request id until answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import grpc
from plexus_sdk import Plexus, Refused
from plexuskit.backoff import jittered

from plexus_testkit.faults.ledger import Ledger, Violation

ResponseT = TypeVar("ResponseT")

# Transient statuses; everything else is an answer.
PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        # gRPC's own word for a call that reaches a server in the moment of its stop.
        grpc.StatusCode.CANCELLED,
    }
)
# Faults that no client should ever be shown.
BROKEN: Final = frozenset(
    {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
)
ATTEMPT_SECONDS: Final = 4.0
_PAUSE_SECONDS: Final = 0.3
_SPREAD: Final = (1 / 6, 1.0)
PATIENCE_SECONDS: Final = 60.0


async def insist(
    plexus: Plexus,
    method: Callable[..., Awaitable[ResponseT]],
    request: Any,
    *,
    ledger: Ledger,
    within: float = PATIENCE_SECONDS,
) -> ResponseT:
    """Call a method until it is answered by more than "not now".

    Raises:
        AioRpcError: a refusal that stays.
        Violation: the service failed in a way that it should not show, or was away for too long.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            metadata = await plexus.metadata()
            return await method(request, metadata=metadata, timeout=ATTEMPT_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() in BROKEN:
                raise Violation(f"{_named(request)} failed: {error.details()}") from error
            if error.code() not in PASSING:
                raise
            why: Exception = error
        except Refused as refused:
            # The token could not be renewed now.
            why = refused
        if time.monotonic() > deadline:
            raise Violation(f"{_named(request)} had no answer for {within:.0f} s") from why
        ledger.retries += 1
        await asyncio.sleep(jittered(_PAUSE_SECONDS, spread=_SPREAD))


def _named(request: Any) -> str:
    return str(type(request).__name__)
