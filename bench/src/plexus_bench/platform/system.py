"""Plexus as a system under load, with the processes of a profile."""

import asyncio
import contextlib
import itertools
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import grpc
from plexus.messaging.v1.conversations_pb2 import Conversation as Made
from plexus.messaging.v1.messaging_service_pb2 import CreateConversationRequest
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus_local.servers.mongo import journal_syncs
from plexus_local.table import CHAT, ENTRIES, Entry
from plexus_testkit.conversation_log import LogBroken, checked, entries_of
from plexus_testkit.fresh import fresh
from plexus_testkit.harness import UNLIMITED, Platform

from plexus_bench.platform.frames import Decoder
from plexus_bench.platform.people import newcomers
from plexus_bench.platform.session import LiveSession
from plexus_bench.platform.streams import bearer
from plexus_bench.system import Conversation, StoredLog, body_of
from plexus_bench.together import gathered

PAST_PASSWORDS: Final = (
    "people sign in past their passwords: sessions and tokens are made by directory's own code "
    "with its own key file, and verified by the gateway as any other"
)
PROFILES: Final[Mapping[str, tuple[Entry, ...]]] = {"chat": CHAT, "all": ENTRIES}
CALL_SECONDS: Final = 30.0
SECOND: Final = "gateway-2"


class PlexusSystem:
    """Plexus on servers of its own; see `System` for the contracts of the methods."""

    durability = "majority, journal"

    def __init__(self, *, directory: Path, profile: str = "chat") -> None:
        """Set the folder of data and logs, and the profile of processes: `chat` or `all`."""
        self.name = f"plexus {profile}"
        self.notes: Sequence[str] = (PAST_PASSWORDS,)
        self._directory = directory
        self._entries = PROFILES[profile]
        self._stack = contextlib.ExitStack()
        self._tokens: dict[str, str] = {}
        self._platform: Platform | None = None
        self._second: dict[str, int] = {}
        self._addresses: Iterator[str] = iter(())
        self.decoder = Decoder()

    @property
    def platform(self) -> Platform:
        """The running processes."""
        if self._platform is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._platform

    async def start(self) -> None:
        """Start servers, services and the tenant in an empty directory.

        Raises:
            RuntimeError: The tenant is stored, but mongod has not written a journal.
        """
        with contextlib.ExitStack() as stack:
            # A failed start leaves its logs; a completed run removes its files at the end.
            platform = stack.enter_context(
                fresh(self._directory, entries=self._entries, settings=UNLIMITED)
            )
            await platform.init()
            if not await asyncio.to_thread(journal_syncs, platform.mongo_url):
                raise RuntimeError("mongod has not forced its journal to disk: it keeps none")
            self._stack.callback(shutil.rmtree, self._directory)
            self._stack.push(stack.pop_all())
        self._platform = platform
        self._addresses = itertools.repeat(platform.grpc_address)

    @contextlib.asynccontextmanager
    async def two_gateways(self) -> AsyncIterator[None]:
        """Run one more gateway for the duration of the block; every second session uses it."""
        one = self._addresses
        async with self.platform.another("gateway") as process:
            self._second = {SECOND: process.pid}
            two = (self.platform.grpc_address, self.platform.address_of(SECOND))
            self._addresses = itertools.cycle(two)
            try:
                yield
            finally:
                self._second, self._addresses = {}, one

    async def stop(self) -> None:
        """Stop everything and remove the data."""
        self._stack.close()

    def processes(self) -> Mapping[str, int]:
        """Return the pids of the services' and the servers' processes by name."""
        servers = {
            name: server.child.pid
            for name, server in self.platform.servers.items()
            if server.child is not None
        }
        services = {name: proc.pid for name, proc in self.platform.processes.items()}
        return services | self._second | servers

    async def people(self, count: int) -> Sequence[str]:
        """Import people, and open a session for each."""
        made = await newcomers(self.platform, count)
        self._tokens |= {person.person_id: person.token for person in made}
        return [person.person_id for person in made]

    def token_of(self, person: str) -> str:
        """Return a person's access token."""
        return self._tokens[person]

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        """Create a direct conversation for each two people."""

        async def pair(members: tuple[str, str]) -> Conversation:
            return await self._create(members, kind=Made.KIND_DIRECT)

        return await gathered(pair, zip(people[::2], people[1::2], strict=True))

    async def room(self, members: Sequence[str]) -> Conversation:
        """Create a group, owned by its first member."""
        return await self._create(tuple(members), kind=Made.KIND_GROUP)

    async def connect(self, person: str) -> LiveSession:
        """Open a stream on its own connection."""
        session = LiveSession(person, self._tokens[person], decoder=self.decoder)
        await session.open(next(self._addresses))
        return session

    async def stored(self, conversation: Conversation) -> StoredLog:
        """Read the log from MongoDB and check its numbers, its chain and its texts."""
        (entries,) = await entries_of(self.platform.mongo_url, conversation.id)
        try:
            messages = checked(entries)
        except LogBroken as broken:
            return StoredLog(refs=(), problems=(str(broken),))
        problems = [
            f"{message.request_id} has the words of another message"
            for message in messages
            if message.text != body_of(message.request_id)
        ]
        return StoredLog(refs=[message.request_id for message in messages], problems=problems)

    async def _create(self, members: tuple[str, ...], *, kind: Made.Kind.ValueType) -> Conversation:
        group = kind == Made.KIND_GROUP
        request = CreateConversationRequest(
            request_id=secrets.token_hex(8),
            kind=kind,
            name=f"bench {secrets.token_hex(4)}" if group else "",
            member_ids=members[1:],
        )
        async with grpc.aio.insecure_channel(self.platform.grpc_address) as channel:
            response = await MessagingServiceStub(channel).CreateConversation(
                request, metadata=bearer(self._tokens[members[0]]), timeout=CALL_SECONDS
            )
        return Conversation(id=response.conversation.id, members=members, echoes=True)
