"""One database for many tests of a service: making its indexes takes longer than most of them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from plexuskit.config import MongoSection
from plexuskit.mongo import Database, connect
from plexuskit.testing.servers.mongo import drop_database, empty_database


class SharedDatabase:
    """A provisioned database that one test after the other has for itself."""

    def __init__(self, database: Database, *, url: str, name: str) -> None:
        self._database = database
        self._url = url
        self._name = name

    async def emptied(self) -> Database:
        """Return it with every index, and with no document that an earlier test left."""
        await asyncio.to_thread(empty_database, self._url, self._name)
        return self._database


@asynccontextmanager
async def shared_database(
    url: str, provision: Callable[[Database], Awaitable[object]]
) -> AsyncIterator[SharedDatabase]:
    """Make a database that tests share one after the other; it is dropped at the end.

    Args:
        url: of a MongoDB.
        provision: makes the service's collections and indexes.
    """
    name = f"t{secrets.token_hex(5)}"
    try:
        async with connect(MongoSection(url=url, database=name)) as database:
            await provision(database)
            yield SharedDatabase(database, url=url, name=name)
    finally:
        drop_database(url, name)
