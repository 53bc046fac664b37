"""The harness of the integration tests: a whole Plexus of real processes on real servers.

Every one of them may be killed, paused, stopped and started again by a test.
"""

import asyncio
import contextlib
import http.client
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from plexus.directory.v1.directory_service_pb2 import CreatePersonRequest
from plexus.directory.v1.session_service_pb2 import InitTenantRequest, SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_cli.profiles import Profile, Profiles
from plexus_cli.sdk import Plexus, open_channel, token_fields
from plexuskit.testing.servers import Child, NativeServer
from plexuskit.testing.servers.child import signal_group
from plexuskit.testing.servers.ports import free_ports
from plexuskit.testing.wait import eventually

from plexus_local.credentials import make_bootstrap_secret, make_keys
from plexus_local.environment import BackendUrls, environment
from plexus_local.layout import Layout
from plexus_local.table import ENTRIES, Entry, port_names, services

READY_WITHIN = 60.0
ADMIN_PASSWORD = "correct horse battery"  # noqa: S105 - of a company that lives for a test
PASSWORD = "a password of the tests"  # noqa: S105 - see above


class Proc:
    """One process of Plexus: can be started, stopped, killed, paused; its log is kept."""

    def __init__(
        self, name: str, command: list[str], env: dict[str, str], log: Path, *, ops: int
    ) -> None:
        self.name = name
        self._command, self._env, self._log, self._ops = command, env, log, ops
        self._child: Child | None = None

    def start(self, **extra: str) -> None:
        """Start it, with extra environment."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self._child = Child(self._command, log=self._log, env={**self._env, **extra})

    @property
    def pid(self) -> int:
        """The process id."""
        return self._started.pid

    @property
    def _started(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._child is not None and self._child.exit_code is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill it as a power cut would, and see it gone."""
        self.signal(signal.SIGKILL)
        self._started.stop(within=5)

    def stop(self) -> int:
        """Stop it as an operator would; gives its exit code."""
        return self._started.stop(within=25)

    def pause(self) -> None:
        """Freeze it, as a machine does that swaps or moves; `resume` lets it go on."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        self.signal(signal.SIGCONT)

    async def end(self) -> int:
        """Stop it without blocking the loop that its clients run on; gives its exit code."""
        return await asyncio.to_thread(self.stop)

    async def begin(self, *, within: float = READY_WITHIN, **extra: str) -> None:
        """Start it, with extra environment, and wait until it is ready; the loop goes on.

        Raises:
            AssertionError: with the end of its log.
        """
        # Here and not in a thread: a child is tied to the thread that starts it.
        self.start(**extra)

        await _until(lambda: not self.running or self.ready(), within=within)
        if not self.running:
            raise AssertionError(f"{self.name} has ended:\n{self.tail()}")

    async def died(self, *, within: float) -> None:
        """Wait until it has ended by itself: a fault point has killed it."""
        await eventually(lambda: not self.running, within=within)

    def ready(self) -> bool:
        """Ask it once whether it is ready."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ops, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, str]:
        """Read one of its operational pages (`/livez`, `/readyz`, `/metrics`)."""
        connection = http.client.HTTPConnection("127.0.0.1", self._ops, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait_ready(self, *, within: float = READY_WITHIN) -> None:
        """Wait until it is ready.

        Raises:
            AssertionError: with the end of its log.
        """
        deadline = time.monotonic() + within
        while not self.ready():
            if not self.running or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} is not ready:\n{self.tail()}")
            time.sleep(0.05)

    def tail(self, characters: int = 3000) -> str:
        """Give the end of its log."""
        return self._log.read_text(errors="replace")[-characters:]

    def log_text(self) -> str:
        """Give its whole log."""
        return self._log.read_text(errors="replace")


@dataclass
class Platform:
    """The running whole."""

    layout: Layout
    urls: BackendUrls
    ports: dict[str, int]
    processes: dict[str, Proc]
    servers: dict[str, NativeServer]
    admin_handle: str = "root"
    _people: dict[str, str] = field(default_factory=dict)

    @property
    def grpc_address(self) -> str:
        """The gateway's native address."""
        return f"127.0.0.1:{self.ports['gateway.grpc']}"

    @property
    def http_address(self) -> str:
        """The gateway's address for browsers."""
        return f"http://127.0.0.1:{self.ports['gateway.http']}"

    def __getitem__(self, name: str) -> Proc:
        """Give a process by name, for example `messaging-api`."""
        return self.processes[name]

    def address_of(self, process: str) -> str:
        """Give a service's own gRPC address, which no client should use."""
        return f"127.0.0.1:{self.ports[f'{process}.grpc']}"

    async def init(self) -> None:
        """Make the tenant and its administrator."""
        request = InitTenantRequest(
            tenant_name="测试公司",
            admin_handle=self.admin_handle,
            admin_password=ADMIN_PASSWORD,
            admin_display_name="Root",
            time_zone="Asia/Shanghai",
            bootstrap_secret=self.layout.bootstrap_secret.read_text().strip(),
        )
        async with open_channel(self.grpc_address) as channel:
            await SessionServiceStub(channel).InitTenant(request, timeout=20)

    @contextlib.asynccontextmanager
    async def signed_in(self, handle: str, password: str = PASSWORD) -> AsyncIterator[Plexus]:
        """Connect as somebody."""
        async with open_channel(self.grpc_address) as channel:
            request = SignInRequest(handle=handle, password=password, device="test")
            response = await SessionServiceStub(channel).SignIn(request, timeout=20)
            profile = Profile(
                name=handle,
                url=self.grpc_address,
                person_id=response.person.id,
                handle=handle,
                **token_fields(response.tokens),  # type: ignore[arg-type] # named after the fields
            )
            profiles = Profiles(self.layout.root / f"credentials-{handle}.json")
            profiles.save(profile, default=True)
            yield Plexus(channel, profile, profiles)

    def admin(self) -> contextlib.AbstractAsyncContextManager[Plexus]:
        """Connect as the administrator."""
        return self.signed_in(self.admin_handle, ADMIN_PASSWORD)

    async def new_people(self, *names: str, **fields: str) -> dict[str, str]:
        """Make people with handles of their own; gives {name: handle}."""
        handles = {name: f"{name}-{secrets.token_hex(3)}" for name in names}
        async with self.admin() as plexus:
            for name, handle in handles.items():
                request = CreatePersonRequest(
                    handle=handle,
                    display_name=name,
                    email=f"{handle}@example.com",
                    time_zone=fields.get("time_zone", "Asia/Shanghai"),
                    locale=fields.get("locale", "zh-CN"),
                    roles=["member"],
                    password=PASSWORD,
                )
                made = await plexus.call(plexus.directory.CreatePerson, request)
                self._people[handle] = made.person.id
        return handles

    def id_of(self, handle: str) -> str:
        """Give the id of somebody made by `new_people`."""
        return self._people[handle]

    def mails(self) -> list[Path]:
        """List the mails that the sink has taken."""
        return sorted(self.layout.mail.glob("**/*.eml"))

    def restart(self, name: str) -> None:
        """Start a process that has ended and wait until it serves."""
        self.processes[name].start()
        self.processes[name].wait_ready()

    async def mend(self) -> None:
        """Make everything run again, whatever a test has left behind."""
        for server in self.servers.values():
            if server.child is None or server.child.exit_code is not None:
                await _bring_back(server)
            else:
                signal_group(server.child.pid, signal.SIGCONT)
        for process in self.processes.values():
            if not process.running:
                process.start()
            process.resume()
        for process in self.processes.values():
            await _until(process.ready, within=READY_WITHIN)

    @contextlib.asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Stop a server for the time of the block; afterwards it is back, with its data."""
        server = self.servers[name]
        child = server.child
        if child is None:
            raise RuntimeError(f"{name} does not run")
        # Not `server.stop`: it would let go of the port.
        await asyncio.to_thread(child.stop, within=20)
        try:
            yield
        finally:
            await _bring_back(server)

    @contextlib.asynccontextmanager
    async def another(self, name: str, **extra: str) -> AsyncIterator[Proc]:
        """Run one more process like `name`, with ports of its own, for the time of the block.

        It is found as `<name>-2`, also by `address_of`; nobody is told of it.
        """
        like = next(entry for entry in ENTRIES if entry.name == name)
        entry = replace(like, name=f"{name}-2")
        sections = [*entry.serves, "ops"]
        ports = self.ports | {
            f"{entry.name}.{section}": port
            for section, port in zip(sections, free_ports(len(sections)), strict=True)
        }
        process = _process(entry, layout=self.layout, ports=ports, urls=self.urls)
        self.ports.update(ports)
        try:
            await process.begin(within=READY_WITHIN, **extra)
            yield process
        finally:
            await asyncio.to_thread(_end, process)


@contextlib.contextmanager
def running(
    directory: Path,
    *,
    servers: dict[str, NativeServer],
    urls: BackendUrls,
    entries: Sequence[Entry] = ENTRIES,
) -> Iterator[Platform]:
    """Start services on the given servers; stop all of them at the end, last first.

    Those that are left out of `entries` have ports, at which nobody answers.
    """
    layout = Layout(directory / "plexus")
    layout.make()
    make_keys(layout, services=services())
    make_bootstrap_secret(layout)
    names = ["mail", *port_names()]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    processes = {
        entry.name: _process(entry, layout=layout, ports=ports, urls=urls) for entry in entries
    }
    platform = Platform(layout, urls, ports, processes, servers)
    with contextlib.ExitStack() as stack:
        mail = Child(
            [sys.executable, "-m", "plexus_local.mail", str(ports["mail"]), str(layout.mail)],
            log=layout.log("mail"),
            env=dict(os.environ),
        )
        stack.callback(mail.stop)
        for stage in sorted({entry.stage for entry in entries}):
            together = [platform[entry.name] for entry in entries if entry.stage == stage]
            for process in together:
                process.start()
                stack.callback(_end, process)
            for process in together:
                process.wait_ready()
        yield platform


def _end(process: Proc) -> None:
    if process.running:
        process.resume()
        process.stop()


async def _until(ask: Callable[[], bool], *, within: float) -> None:
    """Ask in a thread, because asking may take seconds, until the answer is yes."""

    async def asked() -> bool:
        return await asyncio.to_thread(ask)

    _: bool = await eventually(asked, within=within)


async def _bring_back(server: NativeServer) -> None:
    """Start a server again; the loop goes on."""
    await asyncio.to_thread(server.prepare)
    # Here and not in a thread: a child is tied to the thread that starts it.
    server.spawn()
    await _until(server.answers, within=server.start_seconds)
    await asyncio.to_thread(server.settle)


def _process(entry: Entry, *, layout: Layout, ports: dict[str, int], urls: BackendUrls) -> Proc:
    smtp = f"smtp://127.0.0.1:{ports['mail']}"
    env = environment(entry, layout=layout, ports=ports, urls=urls, smtp=smtp)
    ops = ports[f"{entry.name}.ops"]
    return Proc(entry.name, command_of(entry), env, layout.log(entry.name), ops=ops)


def command_of(entry: Entry) -> list[str]:
    """Give the command of a process, as the local run starts it."""
    roles = [word for role in entry.roles for word in ("--role", role)]
    return [sys.executable, "-m", entry.service, *roles]
