"""MongoDB as a replica set of three, whose members may be stepped down and killed."""

import time
from pathlib import Path
from typing import Any, Self

import pymongo
from plexus_local.servers.errors import ServerNotStarted
from plexus_local.servers.mongo import NativeMongo
from plexus_local.servers.ports import free_ports
from pymongo.errors import AutoReconnect, PyMongoError

MEMBERS = 3
CACHE_GB = 0.25
# The defaults, 10 s and 2 s, would make each fault take half a minute.
ELECTION_MILLISECONDS = 2000
HEARTBEAT_MILLISECONDS = 500


class ReplicaSet:
    """Three mongods on loopback; `url` names all of them."""

    def __init__(self, *, data: Path, logs: Path) -> None:
        """Prepare it; nothing runs before it is entered.

        Args:
            data: a folder under which each member has its own.
            logs: folder of each member's log.
        """
        self.members = [
            NativeMongo(
                data=data / f"member-{number}",
                log=logs / f"mongo-{number}.log",
                port=port,
                cache_gb=CACHE_GB,
            )
            for number, port in enumerate(free_ports(MEMBERS))
        ]
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        self.url = f"mongodb://{hosts}/?replicaSet=rs0"

    def __enter__(self) -> Self:
        try:
            for member in self.members:
                self._run(member)
            self._initiate()
            self.await_primary()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.stop()

    def await_primary(self, *, within: float = 60) -> NativeMongo:
        """Return the member that all others follow, once there is one.

        Raises:
            ServerNotStarted: there is none in time.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for member in self.members:
                if _is_primary(member):
                    return member
            time.sleep(0.1)
        raise ServerNotStarted(name="mongo", reason=f"no primary within {within:.0f} s")

    def step_down(self) -> NativeMongo:
        """Make the primary step down for 10 s; return the former one."""
        primary = self.await_primary()
        with _client(primary) as client:
            try:
                client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
            except AutoReconnect:
                # It closes its connections while it steps down.
                return primary
        return primary

    def kill_primary(self) -> NativeMongo:
        """Kill the primary as a power cut would; return it."""
        primary = self.await_primary()
        if primary.child is not None:
            primary.child.kill()
        return primary

    def bring_back(self, member: NativeMongo) -> None:
        """Start a killed member again, with its data."""
        self._run(member)

    @staticmethod
    def _run(member: NativeMongo) -> None:
        member.prepare()
        child = member.spawn()
        member.await_answer(child)

    def _initiate(self) -> None:
        config = {
            "_id": "rs0",
            "members": [
                {"_id": number, "host": f"127.0.0.1:{member.port}"}
                for number, member in enumerate(self.members)
            ],
            "settings": {
                "electionTimeoutMillis": ELECTION_MILLISECONDS,
                "heartbeatIntervalMillis": HEARTBEAT_MILLISECONDS,
            },
        }
        with _client(self.members[0]) as client:
            client.admin.command("replSetInitiate", config)


def _is_primary(member: NativeMongo) -> bool:
    if member.child is None or member.child.exit_code is not None:
        return False
    try:
        with _client(member) as client:
            return bool(client.admin.command("hello").get("isWritablePrimary"))
    except PyMongoError:
        return False


def _client(member: NativeMongo) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(member.url, serverSelectionTimeoutMS=5_000, socketTimeoutMS=10_000)
