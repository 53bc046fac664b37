"""One database for many tests of a service: making its indexes takes longer than most of them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from plexus_local.servers.mongo import collections_of, drop_database, empty_database
from plexuskit.config import MongoSection
from plexuskit.mongo import Database, connect, driving

from plexus_testkit.commands import StoreCommands


class SharedDatabase:
    """Provisioned database that the tests use one after the other."""

    def __init__(
        self, database: Database, *, url: str, name: str, collections: frozenset[str]
    ) -> None:
        self._database = database
        self._url = url
        self._name = name
        self._collections = collections

    async def emptied(self) -> Database:
        """Return it as it was provisioned: with every index, and nothing that a test has left."""
        # Operations that callers of the last test left running must not write into this one.
        await driving.wait_for_abandoned()
        await asyncio.to_thread(empty_database, self._url, self._name, keep=self._collections)
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
            made = await asyncio.to_thread(collections_of, url, name)
            yield SharedDatabase(database, url=url, name=name, collections=made)
    finally:
        drop_database(url, name)


def database_fixtures(provision: Callable[[Database], Awaitable[object]]) -> tuple[Any, Any]:
    """Return the fixtures `provisioned` and `db` of a service, under which a conftest names them.

    Args:
        provision: makes the service's collections and indexes.
    """

    @pytest.fixture(scope="session")
    async def provisioned(
        mongo_url: str,
        commands: StoreCommands,  # noqa: ARG001 - it records clients that are made after it
    ) -> AsyncIterator[SharedDatabase]:
        async with shared_database(mongo_url, provision) as shared:
            yield shared

    @pytest.fixture
    async def db(provisioned: SharedDatabase) -> Database:
        return await provisioned.emptied()

    return provisioned, db
