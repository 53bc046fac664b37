"""People, groups and a checker for tests that break processes; all run again afterwards."""

import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1.directory_service_pb2 import GetPersonRequest
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import CreateConversationRequest
from plexus_sdk import Plexus, open_channel
from plexus_testkit.harness import Platform
from plexus_testkit.process import Proc
from plexus_testkit.wait import eventually
from plexuskit.clock import Clock, SystemClock
from plexuskit.config import CallerSection
from plexuskit.grpc import CallerSigner, CallerTokens

Patiently = Callable[..., Awaitable[Any]]
NAMES = ("ann", "bob", "chen", "dora", "eve")


def _module(name: str):
    """Load a module from this folder: tests are not a package that could be imported."""
    spec = spec_from_file_location(f"resilience_{name}", Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_clients = _module("client")
Client, Direct = _clients.Client, _clients.Direct
Checker = _module("checker").Checker


@pytest.fixture(scope="session")
async def people(platform: Platform) -> AsyncIterator[dict[str, Plexus]]:
    """Sign all people in: name to connection."""
    handles = await platform.new_people(*NAMES)
    async with contextlib.AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(platform.signed_in(handle))
            for name, handle in handles.items()
        }


@pytest.fixture
def patiently() -> Patiently:
    """Call as a client that retries while the owner is down: `await patiently(ann, …)`."""

    async def called(plexus: Plexus, method: Callable[..., Awaitable[Any]], request: Any) -> Any:
        async def once() -> tuple[Any]:
            return (await plexus.call(method, request),)

        (response,) = await eventually(once, within=30, every=0.2)
        return response

    return called


@pytest.fixture
def armed(platform: Platform) -> Callable[..., Awaitable[Proc]]:
    """Restart a process with a fault: `await armed("notify", "consumer.after_effect:kill@1")`.

    It may not become ready: pending work can trigger the fault before that.
    """

    async def again(name: str, fault: str) -> Proc:
        process = platform[name]
        if process.running:
            await process.end()
        process.start(PLEXUS_FAULT=fault)
        return process

    return again


@pytest.fixture
def room(people: dict[str, Plexus], patiently: Patiently) -> Callable[..., Awaitable[str]]:
    """Create a group of its own: `await room("ann", "bob")`; the first one owns it."""

    async def made(owner: str, *others: str) -> str:
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name=f"resilience {secrets.token_hex(3)}",
            member_ids=[people[name].profile.person_id for name in others],
        )
        messaging = people[owner].messaging
        response = await patiently(people[owner], messaging.CreateConversation, request)
        return response.conversation.id

    return made


@pytest.fixture
async def client(people: dict[str, Plexus]) -> AsyncIterator[Callable[[str], Awaitable[Client]]]:
    """Open a device of a person: `await client("ann")`; close it at the end of the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(name: str) -> Client:
            return await stack.enter_async_context(Client(people[name]).running())

        yield opened


@pytest.fixture
def talking() -> Callable[..., contextlib.AbstractAsyncContextManager[None]]:
    """Let clients send for the duration of a block."""
    return _clients.talking


@pytest.fixture
async def direct(
    platform: Platform, people: dict[str, Plexus]
) -> AsyncIterator[Callable[..., Awaitable[Direct]]]:
    """Open a way to one process past the gateway: `await direct("ann", "messaging-api")`.

    With a clock given, the caller token is signed at that clock's time.
    """
    signer = CallerSigner(CallerSection(keys_file=platform.layout.keys / "gateway.json"))
    async with contextlib.AsyncExitStack() as stack:

        async def opened(name: str, process: str, clock: Clock | None = None) -> Direct:
            plexus = people[name]
            me = await plexus.call(plexus.directory.GetPerson, GetPersonRequest(me=True))
            context = CallerContext(
                kind=CallerContext.KIND_PERSON,
                tenant_id=me.person.tenant_id,
                person_id=me.person.id,
                session_id=plexus.profile.session_id,
                roles=["member"],
            )
            tokens = CallerTokens(signer, context, clock=clock or SystemClock())
            address = platform.address_of(process)
            channel = await stack.enter_async_context(open_channel(address))
            return Direct(channel, tokens, me.person.id)

        yield opened


@pytest.fixture
def checker(platform: Platform) -> Checker:
    return Checker(platform)


@pytest.fixture(autouse=True)
async def _everything_runs(platform: Platform) -> AsyncIterator[None]:
    """Restore a complete platform for the next test, whatever this one broke."""
    yield
    await platform.mend()
