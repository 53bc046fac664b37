"""Every RPC and stream under malformed requests (GW-8, GW-13).

`FUZZ_SEED` repeats a run: a failure names its seed, the method and the bytes of the requests.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import grpc
import pytest
from google.protobuf.message import Message
from plexus.directory.v1.access_service_pb2 import SetModuleRequest
from plexus.directory.v1.session_service_pb2 import (
    GetSignInPolicyRequest,
    SignInPolicy,
    UpdateSignInPolicyRequest,
)
from plexus.gateway.v1.session_service_pb2 import Hello, SendItem, SessionRequest
from plexus.messaging.v1.import_service_pb2 import ImportedMessage, ImportMessagesRequest
from plexus.messaging.v1.log_service_pb2 import AppendItem, AppendRequest
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexuskit.grpc import MethodInfo, requirements

from . import calls, wire
from .calls import BROKEN, Outcome
from .conftest import World
from .generator import Generator

SEED: Final = os.environ.get("FUZZ_SEED", "1")
REQUESTS: Final = 200
REQUESTS_LONG: Final = 2_000
# Small, so that a long turn of an event loop can be attributed to few requests.
TOGETHER: Final = 6
PER_STREAM: Final = 20
IN_JSON: Final = 3

# These end the caller's session or account: they run last, or as the spare person.
SPARE: Final = ("SignOut", "RevokeSessions", "SetPassword", "RemoveSecondFactor")
LAST: Final = (
    *("LeaveConversation", "RemoveMembers", "UpdateConversation", "MergeDepartment"),
    *("DeactivatePerson", "DeleteGroup", "DeleteRole", "UpdateRole", "UpdateMessagingPolicy"),
    *("PutAccessPolicy", "DeleteAccessPolicy", *SPARE, "UpdateSignInPolicy", "SetModule"),
)


def _order(path: str) -> tuple[int, str]:
    name = path.rpartition("/")[2]
    return (LAST.index(name) + 1 if name in LAST else 0, path)


# Each owner of readable objects serves `plexus.authz.v1.Authority`.
AUTHORITIES: Final = ("directory", "messaging", "tasks")
METHODS: Final = [
    (path, owner)
    for path in sorted(requirements(), key=_order)
    for owner in (AUTHORITIES if "Authority/" in path else (requirements()[path].service,))
]


@pytest.mark.rule("GW-8")
@pytest.mark.rule("GW-13")
@pytest.mark.parametrize(("path", "owner"), METHODS)
async def test_no_request_breaks_a_method_or_disturbs_a_client(
    world: World, path: str, owner: str
) -> None:
    await _fuzz(world, path, owner, REQUESTS)


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(("path", "owner"), METHODS)
async def test_no_request_of_thousands_breaks_a_method(world: World, path: str, owner: str) -> None:
    await _fuzz(world, path, owner, REQUESTS_LONG)


async def _fuzz(world: World, path: str, owner: str, count: int) -> None:
    method = replace(requirements()[path], service=owner)
    generator = Generator(f"{SEED} {path} {count}", pool=world.pool)
    watched = sorted({"gateway", owner})
    turns = [await calls.turns_of(world.http, world.ops_of(name)) for name in watched]
    failures = [world.failures(name) for name in watched]
    try:
        made = _calls(world, method, generator, count)
        outcomes = await calls.gathered(made, together=TOGETHER)
    finally:
        await _restore(world, path)

    broken = [outcome for outcome in outcomes if outcome.code in BROKEN]
    assert not broken, _told(path, broken)
    for name, before in zip(watched, failures, strict=True):
        assert world.failures(name) == before, f"{path} (seed {SEED}): see the log of {name}"
    for name, turned in zip(watched, turns, strict=True):
        longer = await calls.turns_of(world.http, world.ops_of(name)) - turned
        assert not longer, (
            f"{path} (seed {SEED}): an event loop took over 100 ms of CPU at {name}: "
            f"{world.blocked(name)}"
        )
    await world.canary.settled()


def _told(path: str, broken: Sequence[Outcome]) -> str:
    shown = "\n  ".join(str(outcome) for outcome in broken[:5])
    return f"{path} (seed {SEED}): {len(broken)} broken\n  {shown}"


def _calls(
    world: World, method: MethodInfo, generator: Generator, count: int
) -> list[Callable[[], Any]]:
    """Return the calls of a method, each of which returns an Outcome."""
    if method.client_streaming:
        return [
            partial(
                _stream,
                world,
                method,
                [_frame(world, method, generator) for _ in range(PER_STREAM)],
            )
            for _ in range(count // PER_STREAM)
        ]
    descriptor = method.request_class.DESCRIPTOR
    in_json = not method.requirement.internal and not method.server_streaming
    return [
        partial(_post, world, method, generator.json(method.request_class))
        if in_json and number % IN_JSON == 0
        else partial(_call, world, method, generator.message(descriptor))
        for number in range(count)
    ]


async def _call(world: World, method: MethodInfo, content: bytes) -> Outcome:
    channel, metadata = await _way(world, method)
    call = calls.served if method.server_streaming else calls.unary
    return await call(channel, method, content, metadata=metadata)


async def _post(world: World, method: MethodInfo, content: bytes) -> Outcome:
    who = world.spare if method.path.rpartition("/")[2] in SPARE else world.fuzzer
    await who.metadata()
    return await calls.posted(world.http, method, content, token=who.profile.access_token)


async def _stream(world: World, method: MethodInfo, contents: Sequence[bytes]) -> Outcome:
    channel, metadata = await _way(world, method)
    hello = b""
    if method.service == "gateway":
        hello = SessionRequest(hello=Hello(device="fuzz")).SerializeToString()
    return await calls.streamed(channel, method, contents, metadata=metadata, hello=hello)


async def _way(world: World, method: MethodInfo) -> tuple[grpc.aio.Channel, Any]:
    """Return the channel and the caller's metadata for a method."""
    if method.requirement.internal:
        return world.services[method.service], world.signed(method.service)
    if method.requirement.public:
        return world.gateway, ()
    spare = method.path.rpartition("/")[2] in SPARE
    return world.gateway, await (world.spare if spare else world.fuzzer).metadata()


def _frame(world: World, method: MethodInfo, generator: Generator) -> bytes:
    """Return one message of a stream; most of them carry an item that is parsed later."""
    name = method.path.rpartition("/")[2]
    item = _ITEMS.get(name)
    if item is None or generator.chance(1, of=5):
        return generator.message(method.request_class.DESCRIPTOR)
    content = generator.message(item.DESCRIPTOR)
    if name == "Session":
        send = SendItem(
            client_ref=generator.number(),
            conversation_id=generator.one("conversation_id"),
            command=content,
        )
        return SessionRequest(sends=[send]).SerializeToString()
    if name == "Append":
        append = AppendItem(
            ref=generator.number(), signed_caller=world.signed_fuzzer(), command=content
        )
        return AppendRequest(items=[append]).SerializeToString()
    return wire.of_bytes(ImportMessagesRequest.MESSAGES_FIELD_NUMBER, content)


_ITEMS: Final[dict[str, type[Message]]] = {
    "Session": SendMessageRequest,
    "Append": SendMessageRequest,
    "ImportMessages": ImportedMessage,
}


async def _restore(world: World, path: str) -> None:
    """Undo a change that would make the remaining calls fail at sign-in."""
    who = world.fuzzer
    if path.endswith("/UpdateSignInPolicy"):
        found = await who.call(who.sessions.GetSignInPolicy, GetSignInPolicyRequest())
        policy = SignInPolicy(local_accounts=True, version=found.policy.version)
        await who.call(who.sessions.UpdateSignInPolicy, UpdateSignInPolicyRequest(policy=policy))
    if path.endswith("/SetModule"):
        request = SetModuleRequest(name="search", enabled=True)
        await who.call(who.grants.SetModule, request)
