"""Connecting to the service's own database."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from plexuskit.config import MongoSection, PasswordUnreadable, read_password
from plexuskit.errors import DependencyDown
from plexuskit.mongo import changes, driving, tracing, transactions
from plexuskit.mongo.changes import Changes
from plexuskit.mongo.collection import Collection
from plexuskit.mongo.failures import SIGN_IN_CODES, edge
from plexuskit.mongo.shapes import Document
from plexuskit.mongo.transactions import Transaction

T = TypeVar("T")

MAX_TRANSACTION_LIFETIME = 3

log = structlog.get_logger()


class WrongServerParameter(Exception):  # noqa: N818 - names the fact, like a refusal
    """The server runs with a parameter that breaks a promise of Plexus."""


class SignInRefused(DependencyDown):
    """The server refuses this client as the user of the settings."""

    reason = "DEPENDENCY_DOWN"
    text = "The database refuses this service's user; its password or rights were changed."


@asynccontextmanager
async def connect(section: MongoSection) -> AsyncIterator["Database"]:
    """Open the database of the settings; nothing is sent before the first use.

    Every write waits for the majority and the journal, every read for the majority. No operation
    waits longer than `timeout_ms` for a server, a pooled connection or the majority, and no longer
    than twice that for an answer.

    Raises:
        PasswordUnreadable: the file with the password cannot be read.
    """
    client = _client(section)
    try:
        yield Database(client[section.database], section=section)
    finally:
        await driving.wait_for_abandoned()
        await client.close()


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """A server's version, the name of its replica set (empty: none) and its clock."""

    version: str
    replica_set: str
    local_time: datetime


class Database:
    """One service's database."""

    def __init__(self, database: AsyncDatabase[Document], *, section: MongoSection) -> None:
        self.name = database.name
        self._database = database
        self._section = section
        self._timeout = timedelta(milliseconds=section.timeout_ms)

    def collection(self, name: str, *, schema_version: int) -> Collection:
        """Return a collection whose new documents carry this `schema_version`."""
        return Collection(self._database[name], schema_version=schema_version)

    async def transact(
        self,
        work: Callable[[Transaction], Awaitable[T]],
        *,
        attempts: int = 12,
        within: timedelta = timedelta(seconds=8),
    ) -> T:
        """Run the work in one transaction and return its result.

        Snapshot reads, majority and journaled commit. The work runs again after a write conflict
        and when it raises `Retry`, so it must have no effect outside the transaction. When the
        caller is cancelled it is aborted after the operation under way; only its commit may still
        happen.

        Raises:
            DependencyDown: no commit within the attempts and the time, or its result is unknown.
            DuplicateKey: the work wrote a key that exists; nothing of it is stored. To decide
                again on fresh state the work catches it and raises `Retry`.
        """
        return await driving.cancelled_once(self._transact(work, attempts=attempts, within=within))

    async def _transact(
        self, work: Callable[[Transaction], Awaitable[T]], *, attempts: int, within: timedelta
    ) -> T:
        async with self._database.client.start_session(causal_consistency=False) as session:
            return await transactions.run(
                work,
                session=session,
                attempts=attempts,
                within=within,
                commit_timeout=self._timeout,
            )

    def changes(
        self,
        collections: Sequence[str],
        *,
        after: Document | None,
        batch_size: int = 500,
        wait: timedelta = timedelta(seconds=1),
    ) -> AbstractAsyncContextManager[Changes]:
        """Follow the inserts of the collections in commit order, majority-committed only.

        Args:
            collections: collections to follow.
            after: the token to resume from, or None to begin with inserts committed from now on.
            batch_size: maximum number of documents per batch.
            wait: time that an empty batch waits for an insert.

        Raises:
            HistoryLost: the server cannot resume from that token.
            DependencyDown: the server cannot be reached.
        """
        return changes.follow(
            self._database, collections, after=after, batch_size=batch_size, wait=wait
        )

    async def collection_names(self) -> list[str]:
        """Return the names of the collections that exist, sorted."""
        with edge():
            return sorted(await driving.apart(self._database.list_collection_names()))

    async def ping(self) -> None:
        """Ask the primary for a sign of life, as the user of the settings if they name one.

        Raises:
            DependencyDown: there is none in time.
            SignInRefused: the server does not know this client's connections as that user.
        """
        try:
            status = await driving.apart(self._database.command("connectionStatus"))
        except OperationFailure as error:
            if error.code in SIGN_IN_CODES:
                raise SignInRefused(dependency="mongodb") from error
            with edge():
                raise
        except PyMongoError:
            with edge():
                raise
        if self._section.user and not status["authInfo"]["authenticatedUsers"]:
            raise SignInRefused(dependency="mongodb")

    async def alive(self, *, restart: Callable[[], None]) -> None:
        """Ping for readiness; have the process restarted when only its connections are refused.

        PyMongo keeps the password that a client was made with, and keeps connections whose user was
        created anew. When a new client can sign in, a new process can work.

        Args:
            restart: ends the process, so that it is started again.

        Raises:
            DependencyDown: as `ping`.
        """
        try:
            await self.ping()
        except SignInRefused:
            if await self._new_client_signs_in():
                log.warning("mongo.connections_outdated", database=self.name)
                restart()
            raise

    async def _new_client_signs_in(self) -> bool:
        try:
            async with connect(self._section) as other:
                await other.ping()
        except (DependencyDown, PasswordUnreadable):
            return False
        return True

    async def probe(self, name: str) -> None:
        """Write the probe document of a consumer and read it back, with the usual durability.

        Args:
            name: of the consumer group; each has its own document in the collection `probes`.

        Raises:
            DependencyDown: the database cannot be reached, or does not take or return it.
            PyMongoError: any other failure of the server.
        """
        probes = self.collection("probes", schema_version=1)
        token = secrets.token_hex(8)
        await probes.update({"_id": name}, {"$set": {"token": token}}, upsert=True)
        found = await probes.find_one({"_id": name})
        if found is None:
            raise DependencyDown(dependency="mongodb", problem="the probe document is gone")

    async def check_parameters(self) -> None:
        """Check the server's required start parameters, for readiness.

        A process killed inside a transaction blocks its documents for the whole
        `transactionLifetimeLimitSeconds`, so it must be 3 seconds or less.

        Raises:
            WrongServerParameter: it is longer.
            DependencyDown: the server cannot be reached.
        """
        with edge():
            answer: dict[str, Any] = await driving.apart(
                self._database.client.admin.command(
                    {"getParameter": 1, "transactionLifetimeLimitSeconds": 1}
                )
            )
        seconds = answer["transactionLifetimeLimitSeconds"]
        if seconds > MAX_TRANSACTION_LIFETIME:
            raise WrongServerParameter(
                f"transactionLifetimeLimitSeconds is {seconds}; start mongod with "
                f"--setParameter transactionLifetimeLimitSeconds={MAX_TRANSACTION_LIFETIME}"
            )

    async def server_facts(self) -> ServerFacts:
        """Return version and topology of the server, for an operator.

        Raises:
            DependencyDown: the server cannot be reached.
        """
        with edge():
            admin = self._database.client.admin
            build: dict[str, Any] = await driving.apart(admin.command("buildInfo"))
            hello: dict[str, Any] = await driving.apart(admin.command("hello"))
        return ServerFacts(build["version"], hello.get("setName", ""), hello["localTime"])

    async def drop(self) -> None:
        """Delete the whole database; for tests."""
        with edge():
            await driving.apart(self._database.client.drop_database(self.name))


def _client(section: MongoSection) -> AsyncMongoClient[Document]:
    return AsyncMongoClient(
        _without_zlib(section.url),
        w="majority",
        journal=True,
        wTimeoutMS=section.timeout_ms,
        readConcernLevel="majority",
        readPreference="primary",
        retryWrites=True,
        retryReads=True,
        tz_aware=True,
        maxPoolSize=section.pool_size,
        serverSelectionTimeoutMS=section.timeout_ms,
        connectTimeoutMS=section.timeout_ms,
        waitQueueTimeoutMS=section.timeout_ms,
        # The majority's own timeout answers first, with a better error.
        socketTimeoutMS=2 * section.timeout_ms,
        appname="plexus",
        event_listeners=tracing.listeners(),
        **_signing_in(section),
    )


def _signing_in(section: MongoSection) -> dict[str, Any]:
    """Return the arguments of the user, if the settings name one beside the URL."""
    if section.password_file is None:
        return {}
    return {"username": section.user, "password": read_password(section.password_file)}


def _without_zlib(url: str) -> str:
    """Remove zlib from the URL's compressors: some servers leak memory to clients that use it.

    The case is CVE-2025-14847; a client that never offers zlib is not affected.
    """
    if "zlib" not in url.lower():
        return url
    parts = urlsplit(url)
    options = []
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        kept = value
        if name.lower() == "compressors":
            kept = ",".join(c for c in value.split(",") if c.strip().lower() != "zlib")
            if not kept:
                continue
        options.append((name, kept))
    return urlunsplit(parts._replace(query=urlencode(options)))
