"""The harness of the integration tests: a whole Plexus of real processes on real servers.

Every one of them may be killed, paused, stopped and started again by a test.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import grpc
from plexus.directory.v1.directory_service_pb2 import (
    BatchGetPeopleRequest,
    CreatePersonRequest,
)
from plexus.directory.v1.session_service_pb2 import (
    InitTenantRequest,
    SignInRequest,
    SignInResponse,
)
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_local.credentials import make_bootstrap_secret, make_certificates, make_keys
from plexus_local.environment import BackendUrls, environment
from plexus_local.layout import Layout
from plexus_local.servers import Child, NativeKafka, NativeMongo, NativeServer
from plexus_local.servers.child import signal_group
from plexus_local.servers.ports import free_ports
from plexus_local.table import ENTRIES, Entry, port_names, services
from plexus_sdk import Plexus, Profile, Profiles, open_channel, token_fields
from plexuskit.config import KafkaSection
from plexuskit.kafka.grants import OPERATOR

from plexus_testkit.process import READY_WITHIN, Launch, Proc, until

NO_SETTINGS: Mapping[str, str] = MappingProxyType({})
# For unusual load: a bench or a fault test has few people, who do a lot.
UNLIMITED: Mapping[str, str] = MappingProxyType({"GATEWAY_LIMITS__ENABLED": "false"})
ADMIN_PASSWORD = "correct horse battery"  # noqa: S105 - of a company that lives for a test
PASSWORD = "a password of the tests"  # noqa: S105 - see above


@dataclass
class Platform:
    """The running whole."""

    layout: Layout
    urls: BackendUrls
    ports: dict[str, int]
    processes: dict[str, Proc]
    servers: dict[str, NativeServer]
    entries: tuple[Entry, ...] = ENTRIES
    settings: Mapping[str, str] = field(default_factory=dict)
    launch: Launch = Child
    admin_handle: str = "root"
    broken: bool = False
    _people: dict[str, str] = field(default_factory=dict)

    @property
    def grpc_address(self) -> str:
        """The gateway's native address."""
        return self.grpc_address_of("gateway")

    def grpc_address_of(self, gateway: str) -> str:
        """Return the native address of one of several gateways, for example `gateway-2`."""
        scheme = "grpcs://" if self.layout.authority.is_file() else ""
        return f"{scheme}127.0.0.1:{self.ports[f'{gateway}.grpc']}"

    @property
    def http_address(self) -> str:
        """The gateway's address for browsers."""
        scheme = "https" if self.layout.authority.is_file() else "http"
        return f"{scheme}://127.0.0.1:{self.ports['gateway.http']}"

    @property
    def mongo_url(self) -> str:
        """The address of MongoDB with its administrator, for inspection by a test."""
        server = self.servers.get("mongo")
        return server.admin_url if isinstance(server, NativeMongo) else self.urls.mongo

    @property
    def kafka(self) -> KafkaSection:
        """The section of Kafka's administrator, for inspection by a test."""
        server = self.servers.get("kafka")
        if isinstance(server, NativeKafka):
            return server.administering
        return KafkaSection(url=self.urls.kafka)

    @property
    def operating(self) -> dict[str, str]:
        """The environment in which the command line finds the servers, as their operator."""
        server = self.servers.get("mongo")
        mongo = server.operator_url if isinstance(server, NativeMongo) else self.urls.mongo
        found = {"PLEXUS_MONGO_URL": mongo, "PLEXUS_KAFKA_URL": self.urls.kafka}
        if self.urls.kafka_passwords:
            file = Path(self.urls.kafka_passwords) / OPERATOR
            found |= {"PLEXUS_KAFKA_USER": OPERATOR, "PLEXUS_KAFKA_PASSWORD_FILE": str(file)}
        return found

    def __getitem__(self, name: str) -> Proc:
        """Return a process by name, for example `messaging-api`."""
        return self.processes[name]

    def address_of(self, process: str) -> str:
        """Return a service's own gRPC address, which clients should not use."""
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
    async def signed_in(
        self, handle: str, password: str = PASSWORD, *, gateway: str = "gateway"
    ) -> AsyncIterator[Plexus]:
        """Connect as a person, with a session and stored credentials of this connection's own."""
        address = self.grpc_address_of(gateway)
        async with open_channel(address) as channel:
            request = SignInRequest(handle=handle, password=password, device="test")
            response = await SessionServiceStub(channel).SignIn(request, timeout=20)
            yield self.connection(channel, response, handle=handle, url=address)

    def connection(
        self, channel: grpc.aio.Channel, signed_in: SignInResponse, *, handle: str, url: str
    ) -> Plexus:
        """Return the connection of a new session; its stored credentials are its own."""
        profile = Profile(
            name=handle,
            url=url,
            person_id=signed_in.person.id,
            handle=handle,
            **token_fields(signed_in.tokens),  # type: ignore[arg-type] # named after the fields
        )
        profiles = Profiles(self.layout.root / f"credentials-{handle}-{secrets.token_hex(4)}.json")
        profiles.save(profile, default=True)
        return Plexus(channel, profile, profiles)

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
        """Return the id of a person made by `new_people`."""
        return self._people[handle]

    async def person_id(self, handle: str) -> str:
        """Return the id of a person; ask the directory for one not made by `new_people`."""
        if handle not in self._people:
            async with self.admin() as plexus:
                request = BatchGetPeopleRequest(handles=[handle])
                found = await plexus.call(plexus.directory.BatchGetPeople, request)
            self._people[handle] = found.people[0].id
        return self._people[handle]

    def mails(self) -> list[Path]:
        """List the mails that the sink has taken."""
        return sorted(self.layout.mail.glob("**/*.eml"))

    def restart(self, name: str) -> None:
        """Start a process that has ended and wait until it serves."""
        self.processes[name].start()
        self.processes[name].wait_ready()

    async def mend(self) -> None:
        """Restart everything that a test has left stopped.

        Raises:
            AssertionError: A process does not start; with its name and the reason.
        """
        self.broken = True
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
            await process.serves()
        self.broken = False

    @contextlib.asynccontextmanager
    async def without(self, name: str) -> AsyncIterator[None]:
        """Stop a server for the time of the block; afterwards it is back, with its data."""
        server = self.servers[name]
        child = server.child
        if child is None:
            raise RuntimeError(f"{name} does not run")
        # Not `server.stop`: it would release the port.
        await asyncio.to_thread(child.stop, within=20)
        try:
            yield
        finally:
            await _bring_back(server)

    @contextlib.asynccontextmanager
    async def another(
        self, name: str, *, roles: tuple[str, ...] = (), **extra: str
    ) -> AsyncIterator[Proc]:
        """Run one more process like `name`, with ports of its own, for the duration of the block.

        It is found as `<name>-2`, also by `address_of`; no other process is informed of it. `roles`
        restricts it to these roles of the other one.
        """
        like = next(entry for entry in self.entries if entry.name == name)
        entry = replace(like, name=f"{name}-2", roles=roles or like.roles)
        sections = [*entry.serves, "ops"]
        ports = self.ports | {
            f"{entry.name}.{section}": port
            for section, port in zip(sections, free_ports(len(sections)), strict=True)
        }
        process = _process(
            entry,
            layout=self.layout,
            ports=ports,
            urls=self.urls,
            entries=self.entries,
            settings=self.settings,
            launch=self.launch,
        )
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
    entries: tuple[Entry, ...] = ENTRIES,
    settings: Mapping[str, str] = NO_SETTINGS,
    launch: Launch = Child,
    tls: bool = False,
) -> Iterator[Platform]:
    """Start processes on the given servers; stop all of them at the end, last first.

    Args:
        directory: Folder of this run.
        servers: The servers, already running, by name.
        urls: Addresses of the servers.
        entries: Processes to start; all of Plexus by default.
        settings: Additional environment of every process.
        launch: Starts each process.
        tls: Whether all of them have certificates; clients need `layout.authority`.
    """
    layout = Layout(directory / "plexus")
    layout.make()
    make_keys(layout, services=services())
    make_bootstrap_secret(layout)
    if tls:
        make_certificates(layout, services=services())
    names = list(dict.fromkeys(["mail", *port_names(), *port_names(entries)]))
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    processes = {
        entry.name: _process(
            entry,
            layout=layout,
            ports=ports,
            urls=urls,
            entries=entries,
            settings=settings,
            launch=launch,
        )
        for entry in entries
    }
    platform = Platform(layout, urls, ports, processes, servers, entries, settings, launch)
    with contextlib.ExitStack() as stack:
        mail = Child(
            [sys.executable, "-m", "plexus_local.mail", str(ports["mail"]), str(layout.mail)],
            log=layout.log("mail"),
            env=dict(os.environ),
        )
        stack.callback(mail.stop)
        for stage in sorted({entry.stage for entry in entries}):
            together = [entry for entry in entries if entry.stage == stage]
            for entry in together:
                process = platform[entry.name]
                process.start()
                stack.callback(_end, process)
            for entry in together:
                platform[entry.name].wait_ready()
        yield platform


def _end(process: Proc) -> None:
    if process.running:
        process.resume()
        process.stop()


async def _bring_back(server: NativeServer) -> None:
    """Start a server again without blocking the loop."""
    await asyncio.to_thread(server.prepare)
    # Here and not in a thread: a child is tied to the thread that starts it.
    server.spawn()
    await until(server.answers, within=server.start_seconds)
    await asyncio.to_thread(server.settle)


def _process(
    entry: Entry,
    *,
    layout: Layout,
    ports: dict[str, int],
    urls: BackendUrls,
    entries: tuple[Entry, ...],
    settings: Mapping[str, str],
    launch: Launch,
) -> Proc:
    smtp = f"smtp://127.0.0.1:{ports['mail']}"
    env = environment(entry, layout=layout, ports=ports, urls=urls, smtp=smtp, entries=entries)
    own = {**env, **settings}
    return Proc(
        entry.name,
        command_of(entry),
        own,
        layout.log(entry.name),
        ops=ports[f"{entry.name}.ops"],
        launch=launch,
    )


def command_of(entry: Entry) -> list[str]:
    """Return the command of a process, as the local run starts it."""
    roles = [word for role in entry.roles for word in ("--role", role)]
    return [sys.executable, "-m", entry.service, *roles]
