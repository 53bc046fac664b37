"""A Plexus of its own for malformed requests, and a pool of valid values."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import grpc
import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import access_service_pb2, directory_service_pb2
from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.tasks.v1 import tasks_service_pb2
from plexus_local.servers import ToolMissing
from plexus_sdk import Plexus, open_channel
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import UNLIMITED, Platform
from plexus_testkit.nursery import Forked
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection
from plexuskit.grpc import METADATA_KEY, CallerSigner, CallerTokens

from .canary import Canary
from .generator import Pool
from .pool_support import _ids, _numbers, _scim, _words

ROOMS = 6
# Log lines of a failure that no request may cause.
_FAILURES = (b"rpc.failed", b"loop.unhandled", b"Traceback (most recent call last)")
_BLOCKED = b"loop.blocked"
# The process that serves each owner's contract.
PROCESSES = {"messaging": "messaging-api"}


class Log:
    """The log of a process, read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._failures = 0
        # Its lines about event loop turns that took too long.
        self.blocked: list[str] = []

    def failures(self) -> int:
        """Return the number of unexpected failures logged so far."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        # The last line may be incomplete.
        text = text[: text.rfind(b"\n") + 1]
        self._read += len(text)
        self._failures += sum(text.count(sign) for sign in _FAILURES)
        self.blocked += [line.decode() for line in text.splitlines() if _BLOCKED in line]
        return self._failures


@dataclass(frozen=True, slots=True)
class World:
    """All state that a call needs."""

    platform: Platform
    gateway: grpc.aio.Channel
    services: dict[str, grpc.aio.Channel]
    http: aiohttp.ClientSession
    fuzzer: Plexus
    # Used for sign-out, the revocation of sessions and the like.
    spare: Plexus
    pool: Pool
    tokens: CallerTokens
    fuzzer_tokens: CallerTokens
    canary: Canary
    logs: dict[str, "Log"] = field(default_factory=dict)

    def ops_of(self, service: str) -> str:
        """Return the address of the operations port of a service's process."""
        process = PROCESSES.get(service, service)
        return f"http://127.0.0.1:{self.platform.ports[f'{process}.ops']}"

    def failures(self, service: str) -> int:
        """Return the number of unexpected failures that a service's process has logged."""
        process = PROCESSES.get(service, service)
        log = self.logs.setdefault(process, Log(self.platform.layout.log(process)))
        return log.failures()

    def blocked(self, service: str) -> str:
        """Return the lines about long turns that `failures` has read from a process's log."""
        return "\n".join(self.logs[PROCESSES.get(service, service)].blocked)

    def signed(self, service: str) -> Sequence[tuple[str, str | bytes]]:
        """Return the metadata of a call that the gateway makes on its own behalf."""
        return ((METADATA_KEY, self.tokens.for_audience(service)),)

    def signed_fuzzer(self) -> bytes:
        """Return the signed caller of an item that the fuzzer sends."""
        return self.fuzzer_tokens.for_audience("messaging")


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Run a Plexus without rate limits for these tests only."""
    try:
        with fresh(
            tmp_path_factory.mktemp("fuzzed"), settings=UNLIMITED, launch=Forked
        ) as platform:
            asyncio.run(platform.init())
            yield platform
    except ToolMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
async def world(fuzzed: Platform) -> AsyncIterator[World]:
    """Yield people, rooms and a canary in a running Plexus."""
    async with contextlib.AsyncExitStack() as stack:
        handles = await fuzzed.new_people("canary", "spare", "target")
        async with fuzzed.admin() as root:
            await _promote(root, handles, fuzzed)
        people = {
            name: await stack.enter_async_context(fuzzed.signed_in(handle))
            for name, handle in handles.items()
        }
        fuzzer = await stack.enter_async_context(_fuzzer(fuzzed))
        pool = await _pool(fuzzer, people, handles)
        canary = Canary(people["canary"], await _room(people["canary"]))
        await stack.enter_async_context(canary.singing())
        yield World(
            platform=fuzzed,
            gateway=await stack.enter_async_context(open_channel(fuzzed.grpc_address)),
            services={
                service: await stack.enter_async_context(
                    open_channel(fuzzed.address_of(PROCESSES.get(service, service)))
                )
                for service in ("directory", "messaging", "tasks", "notify", "search", "audit")
            },
            http=await stack.enter_async_context(aiohttp.ClientSession(fuzzed.http_address)),
            fuzzer=fuzzer,
            spare=people["spare"],
            pool=pool,
            tokens=_tokens(fuzzed, CallerContext(kind=CallerContext.KIND_SERVICE)),
            fuzzer_tokens=_tokens(fuzzed, await _context(fuzzer)),
            canary=canary,
        )


@contextlib.asynccontextmanager
async def _fuzzer(platform: Platform) -> AsyncIterator[Plexus]:
    """Sign the first administrator in, who holds every permission."""
    async with platform.admin() as plexus:
        yield plexus


async def _promote(root: Plexus, handles: dict[str, str], platform: Platform) -> None:
    """Grant the spare person the permissions that its calls need to pass the gateway."""
    request = directory_service_pb2.UpdatePersonRequest(
        person_id=platform.id_of(handles["spare"]), roles=["admin", "member"], set_roles=True
    )
    await root.call(root.directory.UpdatePerson, request)


async def _context(plexus: Plexus) -> CallerContext:
    request = directory_service_pb2.GetPersonRequest(me=True)
    me = (await plexus.call(plexus.directory.GetPerson, request)).person
    return CallerContext(
        kind=CallerContext.KIND_PERSON,
        tenant_id=me.tenant_id,
        person_id=me.id,
        session_id=plexus.profile.session_id,
        roles=me.roles,
    )


def _tokens(platform: Platform, context: CallerContext) -> CallerTokens:
    keys = CallerSection(keys_file=platform.layout.keys / "gateway.json")
    return CallerTokens(CallerSigner(keys), context, clock=SystemClock())


async def _room(plexus: Plexus, *member_ids: str) -> str:
    request = messaging_service_pb2.CreateConversationRequest(
        request_id=secrets.token_hex(8),
        kind=Conversation.KIND_GROUP,
        name="room",
        member_ids=member_ids,
    )
    made = await plexus.call(plexus.messaging.CreateConversation, request)
    return str(made.conversation.id)


async def _pool(fuzzer: Plexus, people: dict[str, Plexus], handles: dict[str, str]) -> Pool:
    """Return valid values by `Message.field` or by the name of a field."""
    target = people["target"].profile.person_id
    rooms = [await _room(fuzzer, target) for _ in range(ROOMS)]
    for room in rooms:
        for number in range(5):
            request = messaging_service_pb2.SendMessageRequest(
                conversation_id=room, request_id=f"r{number}", text="hello **world** @x"
            )
            await fuzzer.call(fuzzer.messaging.SendMessage, request)
    departments = [await _department(fuzzer, name) for name in ("A", "B", "C", "D")]
    group = directory_service_pb2.CreateGroupRequest(name="group", member_ids=[target])
    group_id = (await fuzzer.call(fuzzer.directory.CreateGroup, group)).group.id
    role = access_service_pb2.CreateRoleRequest(name="role", permissions=["tasks.read"])
    role_id = (await fuzzer.call(fuzzer.grants.CreateRole, role)).role.id
    project = tasks_service_pb2.CreateProjectRequest(name="project", member_ids=[target])
    project_id = (await fuzzer.call(fuzzer.tasks.CreateProject, project)).project.id
    task = tasks_service_pb2.CreateTaskRequest(title="task", project_id=project_id)
    task_id = (await fuzzer.call(fuzzer.tasks.CreateTask, task)).task.id
    ids = _ids(target, rooms, departments, group=group_id, role=role_id)
    ids |= {"project_id": [project_id], "task_id": [task_id, "T-1"], "after_task_id": [task_id]}
    return ids | _words(handles) | _scim(target) | _numbers(fuzzer)


async def _department(fuzzer: Plexus, name: str) -> str:
    request = directory_service_pb2.CreateDepartmentRequest(name=name)
    return str((await fuzzer.call(fuzzer.directory.CreateDepartment, request)).department.id)
