"""Real Synapse, one process, with a PostgreSQL of its own."""

import asyncio
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from plexus_local.servers import Child
from plexus_local.servers.ports import free_port

from plexus_bench.peers import debian, postgres, synapse_config, venv
from plexus_bench.peers.commands import new_folder, output_of, until_ready
from plexus_bench.peers.matrix import MatrixApi, MatrixSession
from plexus_bench.peers.stored import logged
from plexus_bench.peers.synapse_config import DATABASE, DOMAIN, TIMELINE_LIMIT
from plexus_bench.system import Conversation, StoredLog
from plexus_bench.together import gathered

PACKAGES: Final = ("matrix-synapse", "psycopg2-binary")
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
AT_ONCE: Final = 4


class Synapse:
    """Homeserver without federation; a pair is a room of two, as in every Matrix client."""

    durability = f"event row, {postgres.DURABILITY}"
    notes: Sequence[str] = (
        "no numbers in conversations; deliveries come by long polling (/sync)",
        "one process without workers; federation and presence off; bcrypt with 4 rounds",
    )

    def __init__(self) -> None:
        self.name = "Synapse"
        self.rows_read = 0
        self._port = free_port()
        self._folder: Path | None = None
        self._postgres: postgres.Postgres | None = None
        self._child: Child | None = None
        self._api: MatrixApi | None = None
        self._tokens: dict[str, str] = {}

    async def start(self) -> None:
        """Install missing packages, start PostgreSQL and the homeserver, wait until it serves."""
        await debian.ensure(postgres.PACKAGES)
        python = await venv.ensure("synapse", packages=PACKAGES)
        self.name = f"Synapse {await venv.version(python, 'matrix-synapse')}"
        folder = self._folder = new_folder("synapse")
        database = self._postgres = postgres.Postgres(folder=folder)
        await database.start()
        await database.create(DATABASE)

        told = synapse_config.settings(
            port=self._port,
            folder=folder,
            postgres_port=database.port,
            postgres_account=postgres.ACCOUNT,
        )
        config = folder / "homeserver.yaml"
        config.write_text(synapse_config.as_yaml(told))
        (folder / "log.yaml").write_text(synapse_config.as_yaml(synapse_config.log_settings()))
        command = [str(python), "-m", "synapse.app.homeserver", "--config-path", str(config)]
        await output_of([*command, "--generate-keys"])
        child = self._child = Child(command, log=folder / "synapse.log", cwd=folder)
        api = self._api = MatrixApi(port=self._port)
        await until_ready(api.serves, name="synapse", child=child, within=START_SECONDS)

    async def stop(self) -> None:
        """Stop the homeserver and its PostgreSQL, and remove their data."""
        if self._api is not None:
            await self._api.close()
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, within=STOP_SECONDS)
        if self._postgres is not None:
            await self._postgres.stop()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder)

    def processes(self) -> Mapping[str, int]:
        """Return the pids of the homeserver and of the postmaster."""
        if self._child is None or self._postgres is None:
            return {}
        return {"synapse": self._child.pid, "postgres": self._postgres.pid}

    async def people(self, count: int) -> Sequence[str]:
        """Create accounts."""
        first = len(self._tokens)
        names = [f"p{number}" for number in range(first, first + count)]

        async def register(name: str) -> str:
            token = await self._requests.register(name=name, password=secrets.token_hex(8))
            self._tokens[person := f"@{name}:{DOMAIN}"] = token
            return person

        return await gathered(register, names, at_once=AT_ONCE)

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        """Create direct rooms of neighbours: one invites, the other joins."""

        async def pair(members: tuple[str, str]) -> Conversation:
            told = {"preset": "trusted_private_chat", "is_direct": True, "invite": members[1:]}
            return await self._filled(told, members=members)

        return await gathered(pair, zip(people[::2], people[1::2], strict=True), at_once=AT_ONCE)

    async def room(self, members: Sequence[str]) -> Conversation:
        """Create a room that is open to all, and let the members join."""
        return await self._filled({"preset": "public_chat"}, members=tuple(members))

    async def connect(self, person: str) -> MatrixSession:
        """Start the sync of this person."""
        session = MatrixSession(
            api=self._requests,
            person=person,
            token=self._tokens[person],
            timeline_limit=TIMELINE_LIMIT,
        )
        await session.open()
        return session

    async def stored(self, conversation: Conversation) -> StoredLog:
        """Read a room's message events from the tables `events` and `event_json`."""
        query = (
            "SELECT event_json.json::json -> 'content' ->> 'body' "  # noqa: S608 - own ids
            "FROM events JOIN event_json USING (event_id) "
            f"WHERE events.room_id = '{conversation.id}' AND events.type = 'm.room.message' "
            "ORDER BY events.stream_ordering"
        )
        bodies = [text for (text,) in await self._database.rows(query, database=DATABASE)]
        self.rows_read += len(bodies)
        return logged(bodies)

    async def _filled(
        self, told: Mapping[str, object], *, members: tuple[str, ...]
    ) -> Conversation:
        first, *others = members
        room = await self._requests.create_room(token=self._tokens[first], told=told)
        for other in others:
            await self._requests.join(token=self._tokens[other], room=room)
        return Conversation(id=room, members=members, echoes=True)

    @property
    def _database(self) -> postgres.Postgres:
        assert self._postgres is not None  # noqa: S101 - the system has been started
        return self._postgres

    @property
    def _requests(self) -> MatrixApi:
        assert self._api is not None  # noqa: S101 - the system has been started
        return self._api
