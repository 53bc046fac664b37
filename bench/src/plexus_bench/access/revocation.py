"""Time until a revocation takes effect: in open streams and for the next call."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final

import grpc
from plexus.directory.v1.access_service_pb2 import (
    BindRoleRequest,
    CreateRoleRequest,
    ListRolesRequest,
    UnbindRoleRequest,
)
from plexus.directory.v1.access_service_pb2_grpc import AccessServiceStub
from plexus.directory.v1.directory_service_pb2 import DeactivatePersonRequest
from plexus.directory.v1.session_service_pb2 import RevokeSessionsRequest
from plexus.messaging.v1.messaging_service_pb2 import RemoveMembersRequest
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_sdk import Plexus

from plexus_bench.access.listening import CALL_SECONDS, Listener, talk
from plexus_bench.figures import latency
from plexus_bench.platform.streams import bearer
from plexus_bench.platform.system import PlexusSystem
from plexus_bench.together import gathered, until

GIVEN_UP_AFTER: Final = 30.0
# Later events of a closed conversation would arrive with the messages of this time.
WATCHED_ON: Final = 1.0
BETWEEN_REVOCATIONS: Final = 0.05

Revoke = Callable[[str], Awaitable[object]]
"""Revokes something of a person and returns when that is acknowledged."""
Over = Callable[[Listener], bool]
Last = Callable[[Listener], float]


class StillThere(RuntimeError):  # noqa: N818 - names the fact
    """A revocation had no effect within 30 s, or its effect did not last."""


async def revocation(system: PlexusSystem, *, times: int) -> Mapping[str, float]:
    """Revoke memberships, sessions, people and roles, `times` each, one after the other.

    Every stream receives 50 messages a second meanwhile. The figure is the time from the
    acknowledgement of the revocation to the stream's last frame; 0 if that came earlier.

    Raises:
        StillThere: a stream or a call was still allowed after 30 s.
    """
    found: dict[str, float] = {}
    async with system.platform.admin() as admin:

        async def revoke_sessions(person_id: str) -> None:
            request = RevokeSessionsRequest(person_id=person_id)
            await admin.call(admin.sessions.RevokeSessions, request)

        async def deactivate(person_id: str) -> None:
            request = DeactivatePersonRequest(request_id=secrets.token_hex(8), person_id=person_id)
            await admin.call(admin.directory.DeactivatePerson, request)

        found |= await _memberships(system, times=times)
        found |= await _sessions(system, revoke_sessions, times=times, of="session revoked")
        found |= await _sessions(system, deactivate, times=times, of="person deactivated")
        found |= await _roles(system, admin, times=times)
    return found


async def _memberships(system: PlexusSystem, *, times: int) -> Mapping[str, float]:
    of = "membership removed"
    async with _room(system, listeners=times) as (owner, room, listeners):
        stub_of = MessagingServiceStub

        async def remove(person_id: str) -> None:
            request = RemoveMembersRequest(
                request_id=secrets.token_hex(8), conversation_id=room, person_ids=[person_id]
            )
            await stub_of(channel).RemoveMembers(
                request, metadata=bearer(system.token_of(owner)), timeout=CALL_SECONDS
            )

        async with grpc.aio.insecure_channel(system.platform.grpc_address) as channel:
            acknowledged = await _revoked(
                listeners, remove, over=lambda each: room in each.closed, of=of
            )
        await asyncio.sleep(WATCHED_ON)
        late = [each for each in listeners if each.last[room] > each.closed[room]]
        if late:
            raise StillThere(f"{len(late)} streams had events after ConversationClosed")
    return {
        **_summed(listeners, acknowledged, last=lambda each: each.last[room], of=of),
        **_summed(
            listeners,
            acknowledged,
            last=lambda each: each.closed[room],
            of=of,
            until_what="until ConversationClosed",
        ),
    }


async def _sessions(
    system: PlexusSystem, revoke: Revoke, *, times: int, of: str
) -> Mapping[str, float]:
    async with _room(system, listeners=times) as (_, room, listeners):
        acknowledged = await _revoked(
            listeners, revoke, over=lambda each: each.ended is not None, of=of
        )
    return {
        **_summed(listeners, acknowledged, last=lambda each: each.last[room], of=of),
        **_summed(
            listeners,
            acknowledged,
            last=lambda each: each.ended or 0.0,
            of=of,
            until_what="until the stream ended",
        ),
    }


@asynccontextmanager
async def _room(
    system: PlexusSystem, *, listeners: int
) -> AsyncIterator[tuple[str, str, Sequence[Listener]]]:
    """Create a conversation in which its owner writes; yield owner, conversation and streams."""
    owner, *others = await system.people(listeners + 1)
    room = await system.room([owner, *others])
    opened = [Listener(person, system.token_of(person)) for person in others]
    address = system.platform.grpc_address
    try:
        await gathered(lambda each: each.open(address), opened)
        async with talk(address, token=system.token_of(owner), conversation_id=room.id):
            if not await until(
                lambda: all(room.id in each.last for each in opened), within=GIVEN_UP_AFTER
            ):
                raise RuntimeError("not everybody hears the conversation")
            yield owner, room.id, opened
    finally:
        await gathered(Listener.close, opened)


async def _revoked(
    listeners: Sequence[Listener], revoke: Revoke, *, over: Over, of: str
) -> list[float]:
    """Revoke access from each; return the times of acknowledgement once all have ended."""
    acknowledged = []
    for listener in listeners:
        await revoke(listener.person_id)
        acknowledged.append(perf_counter())
        await asyncio.sleep(BETWEEN_REVOCATIONS)
    if not await until(lambda: all(map(over, listeners)), within=GIVEN_UP_AFTER):
        left = sum(not over(each) for each in listeners)
        raise StillThere(f"{of}: {left} of {len(listeners)} streams go on")
    return acknowledged


async def _roles(system: PlexusSystem, admin: Plexus, *, times: int) -> Mapping[str, float]:
    """Revoke a role and call a method that it allowed until that is refused."""
    made = await admin.call(
        admin.grants.CreateRole,
        CreateRoleRequest(
            request_id=secrets.token_hex(8), name="reader of roles", permissions=["roles.read"]
        ),
    )
    (person,) = await system.people(1)
    waits, answered = [], 0
    async with grpc.aio.insecure_channel(system.platform.grpc_address) as channel:
        stub = AccessServiceStub(channel)

        async def allowed() -> bool:
            try:
                await stub.ListRoles(
                    ListRolesRequest(),
                    metadata=bearer(system.token_of(person)),
                    timeout=CALL_SECONDS,
                )
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.PERMISSION_DENIED:
                    raise
                return False
            return True

        for _ in range(times):
            bound = await admin.call(
                admin.grants.BindRole,
                BindRoleRequest(
                    request_id=secrets.token_hex(8),
                    role_id=made.role.id,
                    subject=f"person:{person}",
                    scope=f"tenant:{made.role.tenant_id}",
                ),
            )
            await _asked_until(allowed, is_=True)
            request = UnbindRoleRequest(
                request_id=secrets.token_hex(8), binding_id=bound.binding.id
            )
            await admin.call(admin.grants.UnbindRole, request)
            began = perf_counter()
            answered += await _asked_until(allowed, is_=False)
            waits.append(perf_counter() - began)
    took = latency(waits)
    return {
        "role taken away, until a call is refused, p50 ms": took.p50 or 0.0,
        "role taken away, until a call is refused, p99 ms": took.p99 or 0.0,
        "role taken away, calls answered meanwhile": float(answered),
    }


async def _asked_until(allowed: Callable[[], Awaitable[bool]], *, is_: bool) -> int:
    """Repeat until the answer is `is_`; return the number of other answers."""
    deadline, others = perf_counter() + GIVEN_UP_AFTER, 0
    while await allowed() is not is_:
        others += 1
        if perf_counter() > deadline:
            raise StillThere("a role that was given or taken away makes no difference")
    return others


def _summed(
    listeners: Sequence[Listener],
    acknowledged: Sequence[float],
    *,
    last: Last,
    of: str,
    until_what: str = "until the last frame",
) -> Mapping[str, float]:
    took = latency(
        [max(0.0, last(each) - began) for each, began in zip(listeners, acknowledged, strict=True)]
    )
    return {
        f"{of}, {until_what}, p50 ms": took.p50 or 0.0,
        f"{of}, {until_what}, p99 ms": took.p99 or 0.0,
    }
