"""Real ejabberd with its users, rooms and archives in a PostgreSQL of its own."""

import asyncio
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from plexus_local.servers import Child, ToolMissing
from plexus_local.servers.ports import answers, free_port

from plexus_bench.peers import debian, ejabberd_config, postgres
from plexus_bench.peers.commands import (
    as_account,
    new_folder,
    output_of,
    owned_folder,
    until_ready,
)
from plexus_bench.peers.ejabberd_config import DATABASE, DOMAIN, ROOMS
from plexus_bench.peers.stored import logged
from plexus_bench.peers.xmpp_session import XmppSession
from plexus_bench.system import Conversation, StoredLog

PACKAGES: Final = ("ejabberd", "erlang-p1-pgsql", *postgres.PACKAGES)
ACCOUNT: Final = "ejabberd"
SCHEMA: Final = Path("/usr/share/ejabberd/sql/pg.sql")
APPLICATION: Final = "ebin/ejabberd.app"
START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 20.0


class Ejabberd:
    """Single node, not distributed, so that no port mapper stays running.

    People are rows of its table `users`; two people need no conversation, so that of a pair is only
    a name; rooms are persistent, open and archived.
    """

    durability = f"archive row of the sender or of the room, {postgres.DURABILITY}"
    notes: Sequence[str] = (
        "no numbers in conversations, no deduplication of a repeated send, plain passwords",
        "1:1 acknowledged by stream management (XEP-0198) after the sender's archive row",
        "a room's message is acknowledged by the room's own copy of it, after its archive row",
    )

    def __init__(self) -> None:
        self.name = "ejabberd"
        self.rows_read = 0
        self._port = free_port()
        self._password = secrets.token_hex(8)
        self._folder: Path | None = None
        self._postgres: postgres.Postgres | None = None
        self._child: Child | None = None
        self._made = 0
        self._peers: dict[str, dict[str, str]] = {}
        self._rooms: dict[str, list[str]] = {}

    async def start(self) -> None:
        """Install missing packages, start PostgreSQL and the node, and wait until it serves."""
        await debian.ensure(PACKAGES)
        self.name = f"ejabberd {await debian.version('ejabberd')}"
        folder = self._folder = new_folder("ejabberd")
        database = self._postgres = postgres.Postgres(folder=folder)
        await database.start()
        await database.create(DATABASE)
        await database.run(SCHEMA.read_text(), database=DATABASE)

        config = folder / "ejabberd.yml"
        told = ejabberd_config.settings(
            port=self._port, postgres_port=database.port, postgres_account=postgres.ACCOUNT
        )
        config.write_text(ejabberd_config.as_yaml(told))
        own = owned_folder(folder / "node", account=ACCOUNT)
        command = ["erl", "+K", "true", "-noinput"]
        command += ["-mnesia", "dir", f'"{own / "mnesia"}"', "-s", "ejabberd"]
        child = self._child = Child(
            as_account(ACCOUNT, command),
            log=folder / "ejabberd.log",
            cwd=own,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(own),
                "ERL_LIBS": str(await _libraries()),
                "ERL_CRASH_DUMP_BYTES": "0",
                "EJABBERD_CONFIG_PATH": str(config),
                "EJABBERD_LOG_PATH": str(own / "ejabberd.log"),
            },
        )
        await until_ready(self._answers, name="ejabberd", child=child, within=START_SECONDS)

    async def stop(self) -> None:
        """Stop the node and its PostgreSQL, and remove their data."""
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, within=STOP_SECONDS)
        if self._postgres is not None:
            await self._postgres.stop()
        if self._folder is not None:
            await asyncio.to_thread(shutil.rmtree, self._folder)

    def processes(self) -> Mapping[str, int]:
        """Return the pids of the Erlang machine and of the postmaster."""
        if self._child is None or self._postgres is None:
            return {}
        return {"ejabberd": self._child.pid, "postgres": self._postgres.pid}

    async def people(self, count: int) -> Sequence[str]:
        """Create accounts."""
        made = [f"p{number}" for number in range(self._made, self._made + count)]
        self._made += count
        rows = ", ".join(f"('{name}', '{self._password}')" for name in made)
        insert = f"INSERT INTO users (username, password) VALUES {rows}"  # noqa: S608 - own names
        await self._database.run(insert, database=DATABASE)
        return made

    async def pairs(self, people: Sequence[str]) -> Sequence[Conversation]:
        """Return the conversations of neighbours; a sender's own connection receives no copy."""
        made = []
        for one, other in zip(people[::2], people[1::2], strict=True):
            name = f"{one}+{other}"
            self._peers.setdefault(one, {})[name] = other
            self._peers.setdefault(other, {})[name] = one
            made.append(Conversation(id=name, members=(one, other), echoes=False))
        return made

    async def room(self, members: Sequence[str]) -> Conversation:
        """Return the name of a room, which its first member creates on connecting."""
        name = f"r{secrets.token_hex(4)}@{ROOMS}"
        for member in members:
            self._rooms.setdefault(member, []).append(name)
        return Conversation(id=name, members=tuple(members), echoes=True)

    async def connect(self, person: str) -> XmppSession:
        """Sign in and enter the rooms of this person."""
        session = XmppSession(person=person, peers=self._peers.get(person, {}), domain=DOMAIN)
        rooms = self._rooms.get(person, [])
        await session.open(port=self._port, password=self._password, rooms=rooms)
        return session

    async def stored(self, conversation: Conversation) -> StoredLog:
        """Read the archive of a room, or both archives of a pair, from the table `archive`."""
        if conversation.echoes:
            return _room_log(await self._archive(conversation.id))

        one, other = conversation.members
        log = logged(await self._archive(one, peer=other))
        theirs = logged(await self._archive(other, peer=one))
        problems = [*log.problems, *theirs.problems]
        if sorted(log.refs) != sorted(theirs.refs):
            problems.append(f"the archives of {one} and {other} hold different messages")
        return StoredLog(refs=log.refs, problems=problems)

    async def _archive(self, owner: str, *, peer: str | None = None) -> Sequence[str]:
        """Return the texts in an archive, in their displayed order."""
        chosen = f"username = '{owner}'"
        if peer is not None:
            chosen += f" AND bare_peer = '{peer}@{DOMAIN}'"
        query = f"SELECT txt FROM archive WHERE {chosen} ORDER BY timestamp, id"  # noqa: S608 - own names
        texts = [text for (text,) in await self._database.rows(query, database=DATABASE)]
        self.rows_read += len(texts)
        return texts

    async def _answers(self) -> bool:
        return await asyncio.to_thread(answers, self._port)

    @property
    def _database(self) -> postgres.Postgres:
        assert self._postgres is not None  # noqa: S101 - the system has been started
        return self._postgres


async def _libraries() -> Path:
    """Return the folder of the package's Erlang applications."""
    listed = await output_of(["dpkg", "--listfiles", "ejabberd"])
    found = [Path(line) for line in listed.splitlines() if line.endswith(APPLICATION)]
    if not found:
        raise ToolMissing(
            what="The package ejabberd has no Erlang application.",
            remedy="install Debian's own package, not ProcessOne's",
        )
    return found[0].parents[2]


def _room_log(bodies: Sequence[str]) -> StoredLog:
    """Return the log of a room; report a problem if its archive is empty."""
    if not bodies:
        return StoredLog(refs=(), problems=("the room's archive stayed empty: not durable",))
    return logged(bodies)
