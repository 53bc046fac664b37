"""Separate PostgreSQL of one peer: fresh, on loopback, every commit forced to disk."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plexus_local.servers import Child, ToolMissing
from plexus_local.servers.ports import free_port

from plexus_bench.peers.commands import (
    CommandFailed,
    as_account,
    output_of,
    owned_folder,
    until_ready,
)

PACKAGES: Final = ("postgresql",)
ACCOUNT: Final = "postgres"
PROGRAMS: Final = Path("/usr/lib/postgresql")
SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
DURABILITY: Final = "PostgreSQL fsync on, synchronous_commit on"


class Postgres:
    """One cluster with the databases of one peer.

    Attributes:
        port: Port on 127.0.0.1; local connections are trusted.
        pid: Process id of the postmaster, whose descendants serve the connections; 0 before the
            start.
    """

    def __init__(self, *, folder: Path) -> None:
        self.port = free_port()
        self.pid = 0
        self._folder = folder
        self._programs = Path()
        self._child: Child | None = None

    async def start(self) -> None:
        """Initialise the cluster and wait until it serves.

        Raises:
            ToolMissing: PostgreSQL is not installed.
            ServerNotStarted: It does not respond.
        """
        self._programs = _programs()
        data = owned_folder(self._folder / "postgres", account=ACCOUNT) / "data"
        initialise = [
            str(self._programs / "initdb"),
            *("--pgdata", str(data)),
            *("--username", ACCOUNT),
            *("--encoding", "UTF8"),
            *("--locale", "C"),
            *("--auth", "trust"),
        ]
        await output_of(as_account(ACCOUNT, initialise))
        serve = [str(self._programs / "postgres"), "-D", str(data), "-p", str(self.port)]
        serve += [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        child = Child(as_account(ACCOUNT, serve), log=self._folder / "postgres.log", cwd=Path("/"))
        self._child, self.pid = child, child.pid
        await until_ready(self._answers, name="postgres", child=child, within=START_SECONDS)

    async def stop(self) -> None:
        """Stop it; open connections are closed."""
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, within=STOP_SECONDS)

    async def create(self, database: str) -> None:
        """Create a database, in the cluster's encoding and collation C."""
        await self.run(f"CREATE DATABASE {database} TEMPLATE template0", database=ACCOUNT)

    async def run(self, statements: str, *, database: str) -> None:
        """Run SQL statements until the first failure.

        Raises:
            CommandFailed: One of them failed.
        """
        await output_of(self._client(database), said=statements)

    async def rows(self, query: str, *, database: str) -> Sequence[Sequence[str]]:
        """Return the rows of one query as texts; columns must contain neither tabs nor newlines."""
        printed = await output_of(self._client(database), said=query)
        return [line.split("\t") for line in printed.splitlines()]

    def _client(self, database: str) -> list[str]:
        return [
            str(self._programs / "psql"),
            *("--host", "127.0.0.1"),
            *("--port", str(self.port)),
            *("--username", ACCOUNT),
            *("--dbname", database),
            *("--set", "ON_ERROR_STOP=1"),
            *("--field-separator", "\t"),
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align"),
        ]

    async def _answers(self) -> bool:
        try:
            await self.run("SELECT 1", database=ACCOUNT)
        except CommandFailed:
            return False
        return True


def _programs() -> Path:
    """Return the folder of the newest PostgreSQL of the package, else of the one on the PATH."""
    packaged = [path for path in PROGRAMS.glob("*/bin") if (path / "initdb").is_file()]
    if packaged:
        return max(packaged, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ToolMissing(
            what="There is no PostgreSQL on this machine.",
            remedy="install the package `postgresql`, or put its programs on the PATH",
        )
    return Path(on_path).resolve().parent
