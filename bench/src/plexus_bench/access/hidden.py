"""Response times of hidden and of missing conversations, which must not differ (GW-2)."""

from collections.abc import Mapping
from time import perf_counter
from typing import Final

import grpc
from plexus.messaging.v1.messaging_service_pb2 import GetConversationRequest
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexuskit.clock import SystemClock
from plexuskit.ids import new_id

from plexus_bench.access.listening import CALL_SECONDS
from plexus_bench.figures import latency
from plexus_bench.platform.streams import bearer
from plexus_bench.platform.system import PlexusSystem

# Number of refusals of one person that are confirmed with the owner at once; further ones are not.
CALLS_EACH: Final = 40


async def hidden(system: PlexusSystem, *, calls: int) -> Mapping[str, float]:
    """Request a foreign and a missing conversation in turn, `calls` times each.

    The callers take turns, so that each answer is confirmed with messaging.

    Raises:
        RuntimeError: an answer is not NOT_FOUND.
    """
    asking = await system.people(-(-2 * calls // CALLS_EACH))
    foreign = await system.room(await system.people(2))
    took: dict[str, list[float]] = {"foreign": [], "absent": []}
    async with grpc.aio.insecure_channel(system.platform.grpc_address) as channel:
        stub = MessagingServiceStub(channel)

        async def call(conversation_id: str, *, person: str) -> float:
            began = perf_counter()
            try:
                await stub.GetConversation(
                    GetConversationRequest(conversation_id=conversation_id),
                    metadata=bearer(system.token_of(person)),
                    timeout=CALL_SECONDS,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.NOT_FOUND:
                    return perf_counter() - began
                raise RuntimeError(f"answered {error.code().name}: {error.details()}") from error
            raise RuntimeError("a foreign conversation was shown")

        for number in range(calls):
            person = asking[number % len(asking)]
            absent = new_id("cnv", now=SystemClock().now())
            # The first one of each pair alternates.
            for what in ("foreign", "absent") if number % 2 else ("absent", "foreign"):
                id_ = foreign.id if what == "foreign" else absent
                took[what].append(await call(id_, person=person))
    found: dict[str, float] = {}
    for what, seconds in took.items():
        summed = latency(seconds)
        found[f"{what}, p50 ms"] = summed.p50 or 0.0
        found[f"{what}, p99 ms"] = summed.p99 or 0.0
    return found | {"foreign to absent, p50": found["foreign, p50 ms"] / found["absent, p50 ms"]}
