"""The `plexus` command as a user runs it, and the people who run it."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.messaging.v1.conversations_pb2 import Conversation
from plexus.messaging.v1.messaging_service_pb2 import (
    CreateConversationRequest,
    SendMessageRequest,
    SendMessageResponse,
)
from plexus_sdk import Plexus, Profile, Profiles, open_channel, token_fields
from plexus_testkit.harness import ADMIN_PASSWORD, PASSWORD, Platform
from plexus_testkit.wait import eventually

PLEXUS = Path(sys.executable).with_name("plexus")
# Where tests run in the background the interrupt is ignored, and children inherit that. An
# intermediate program restores it: code between fork and exec would run gRPC's fork handlers.
INTERRUPTIBLE = (
    sys.executable,
    "-c",
    (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    ),
)
COMMAND_SECONDS = 60
# ann, bob, chen and dora read Chinese, gina reads English; otto is in no conversation.
NAMES = ("ann", "bob", "chen", "dora", "otto")


@dataclass(frozen=True)
class Ran:
    """The result of a command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self):
        return json.loads(self.out)


class Following:
    """A command that runs until it is interrupted."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def line(self, *, within: float = 20) -> str:
        """Return its next line on stdout."""
        async with asyncio.timeout(within):
            return (await self._process.stdout.readline()).decode().rstrip("\n")

    async def error(self, *, within: float = 20) -> str:
        """Return its next line on stderr."""
        async with asyncio.timeout(within):
            return (await self._process.stderr.readline()).decode().rstrip("\n")

    async def is_silent(self, *, seconds: float) -> bool:
        """Return whether it prints nothing for this long."""
        try:
            await self.line(within=seconds)
        except TimeoutError:
            return True
        return False

    async def killed(self) -> None:
        """Kill it with SIGKILL."""
        self._process.kill()
        await self._process.communicate()


class Cli:
    """Runs `plexus` with credentials of its own and the server addresses that an operator knows."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.folder = platform, folder
        self.credentials = folder / "credentials.json"
        kept = {name: value for name, value in os.environ.items() if "PLEXUS" not in name}
        self.env = kept | {
            "PLEXUS_CREDENTIALS": str(self.credentials),
            "PLEXUS_HOME": str(folder),
            "PLEXUS_GATEWAY_GRPC": platform.grpc_address,
            **platform.operating,
            "PLEXUS_OPENSEARCH_URL": platform.urls.opensearch,
            "PLEXUS_BOOTSTRAP_SECRET": platform.layout.bootstrap_secret.read_text().strip(),
            "COLUMNS": "200",
        }

    async def begin(
        self, *arguments: str, env: dict[str, str] | None = None, interruptible: bool = False
    ) -> asyncio.subprocess.Process:
        """Start a command without waiting for its end."""
        return await asyncio.create_subprocess_exec(
            *(INTERRUPTIBLE if interruptible else ()),
            PLEXUS,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.env | (env or {}),
            cwd=self.folder,
        )

    async def __call__(
        self,
        *arguments: str,
        says: str = "",
        code: int = 0,
        env: dict[str, str] | None = None,
        seconds: float = COMMAND_SECONDS,
    ) -> Ran:
        """Run a command to its end; fail unless it exits with `code`."""
        process = await self.begin(*arguments, env=env)
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(says.encode())
        ran = Ran(process.returncode, out.decode(), err.decode())
        assert ran.code == code, f"plexus {' '.join(arguments)} gave {ran.code}:\n{out}\n{err}"
        return ran

    @contextlib.asynccontextmanager
    async def following(self, *arguments: str) -> AsyncIterator[Following]:
        """Run a command that does not end by itself; interrupt it at the end of the block."""
        process = await self.begin(*arguments, interruptible=True)
        try:
            yield Following(process)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
            async with asyncio.timeout(60):
                await process.communicate()

    async def sign_in(self, handle: str, password: str = PASSWORD, *, profile: str) -> None:
        """Sign in without the command, which takes a second for it, and store the profile."""
        async with open_channel(self.platform.grpc_address) as channel:
            request = SignInRequest(handle=handle, password=password, device="journeys")
            response = await SessionServiceStub(channel).SignIn(request, timeout=20)
        kept = Profile(
            name=profile,
            url=self.platform.grpc_address,
            person_id=response.person.id,
            handle=handle,
            **token_fields(response.tokens),
        )
        Profiles(self.credentials).save(kept, default=False)


@pytest.fixture(scope="session")
async def handles(platform: Platform) -> dict[str, str]:
    """Return the handles of all people by name."""
    chinese = await platform.new_people(*NAMES)
    return chinese | await platform.new_people("gina", locale="en", time_zone="Europe/London")


@pytest.fixture(scope="session")
async def people(platform: Platform, handles: dict[str, str]) -> AsyncIterator[dict[str, Plexus]]:
    """Sign all people and the administrator in with the SDK: name to connection."""
    async with contextlib.AsyncExitStack() as stack:
        signed_in = {
            name: await stack.enter_async_context(platform.signed_in(handle))
            for name, handle in handles.items()
        }
        yield signed_in | {"root": await stack.enter_async_context(platform.admin())}


@pytest.fixture(scope="session")
async def cli(
    platform: Platform, handles: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Cli:
    """Return the command with a profile for each person and for the administrator."""
    made = Cli(platform, tmp_path_factory.mktemp("cli"))
    for name, handle in handles.items():
        await made.sign_in(handle, profile=name)
    await made.sign_in(platform.admin_handle, ADMIN_PASSWORD, profile="root")
    return made


@pytest.fixture
def new_cli(platform: Platform, tmp_path: Path) -> Cli:
    """Return the command on a machine without any session."""
    return Cli(platform, tmp_path)


@pytest.fixture
def group(people: dict[str, Plexus]) -> Callable[..., Awaitable[str]]:
    """Create a group: `await group("ann", "bob")`; the first one owns it."""

    async def made(owner: str, *others: str, name: str = "") -> str:
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=Conversation.KIND_GROUP,
            name=name or f"group {secrets.token_hex(4)}",
            member_ids=[people[other].profile.person_id for other in others],
        )
        plexus = people[owner]
        response = await plexus.call(plexus.messaging.CreateConversation, request)
        return response.conversation.id

    return made


@pytest.fixture
def say(people: dict[str, Plexus]) -> Callable[..., Awaitable[SendMessageResponse]]:
    """Send a message with the SDK: `await say("ann", conversation_id, "hello")`."""

    async def said(who: str, conversation_id: str, text: str, **fields) -> SendMessageResponse:
        plexus = people[who]
        request = SendMessageRequest(
            conversation_id=conversation_id,
            request_id=secrets.token_hex(8),
            text=text,
            **fields,
        )
        return await plexus.call(plexus.messaging.SendMessage, request)

    return said


@pytest.fixture(scope="session", autouse=True)
async def _everything_runs(platform: Platform) -> None:
    """Wait until every process of the platform is ready."""
    await eventually(lambda: all(process.ready() for process in platform.processes.values()))
