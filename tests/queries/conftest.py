"""A mongod with delayed answers for these tests, and a count of its commands."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus_local.servers.mongo import NativeMongo, delay_commands
from plexuskit.config import MongoSection
from plexuskit.grpc.caller import enter
from plexuskit.mongo import Database, connect
from pymongo import monitoring

from .largest import declared, methods_of

DELAY_MS = 3
# The deadline that the gateway sets when the client sets none.
DEADLINE = 10.0
UNCOUNTED = frozenset({"hello", "ping", "endSessions", "configureFailPoint", "killCursors"})
Call = Callable[[], Awaitable[Any]]


@pytest.fixture
def measured() -> set[str]:
    """Collect the methods of the RPCs that this test has measured."""
    return set()


@pytest.fixture(autouse=True)
def declared_is_measured(request: pytest.FixtureRequest, measured: set[str]) -> Iterator[None]:
    """Fail a test that declares an RPC by its `largest` mark but does not measure it."""
    failed = request.session.testsfailed
    yield
    wanted = {name.rpartition(".")[2] for name in declared(request.function)}
    if request.session.testsfailed == failed:
        assert wanted <= measured, f"declared and not measured: {sorted(wanted - measured)}"


class Commands(monitoring.CommandListener):
    """Counts commands by name and collection."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name not in UNCOUNTED:
            collection = event.command.get(event.command_name)
            self.sent[f"{event.command_name} {collection}"] += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture(scope="session")
def counted() -> Commands:
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture(scope="session")
def late_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("late-mongo")
    server = NativeMongo(
        data=folder / "data",
        log=folder / "mongod.log",
        cache_gb=0.25,
        parameters=("enableTestCommands=1",),
    )
    with server:
        yield server.url


@pytest.fixture
async def late_db(
    late_mongo: str,
    unique_name: str,
    counted: Commands,  # noqa: ARG001
) -> AsyncIterator[Database]:
    async with connect(MongoSection(url=late_mongo, database=unique_name)) as database:
        yield database


@pytest.fixture
def called(late_mongo: str, counted: Commands, measured: set[str]) -> Callable[..., Awaitable[Any]]:
    """Call a function while each command takes 3 ms more.

    `await called(call, maximum=20)` asserts that it ends within its deadline and sends at most that
    many commands: a number that does not grow with the size of the request.
    """

    async def made(call: Call, *, maximum: int, deadline: float = DEADLINE) -> Any:
        measured.update(methods_of(call))
        await asyncio.to_thread(delay_commands, late_mongo, milliseconds=DELAY_MS)
        counted.sent.clear()
        try:
            async with asyncio.timeout(deadline):
                answer = await call()
            sent = Counter(counted.sent)
        finally:
            await asyncio.to_thread(delay_commands, late_mongo, milliseconds=0)
        assert sent.total() <= maximum, sent
        return answer

    return made


@pytest.fixture
def as_person() -> Callable[..., None]:
    """Return a function that sets the caller of the current asyncio task."""

    def become(person_id: str, *roles: str) -> None:
        enter(
            CallerContext(
                kind=CallerContext.KIND_PERSON,
                tenant_id="ten_acme",
                person_id=person_id,
                session_id=f"ses_{person_id}",
                roles=roles or ("member",),
            )
        )

    return become
