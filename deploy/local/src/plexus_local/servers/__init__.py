"""Real MongoDB, Kafka and OpenSearch for tests and for the local run."""

from pathlib import Path

from plexuskit.testing.servers.accounts import KafkaAccounts, MongoAccounts
from plexuskit.testing.servers.child import Child, process_started, stop_recorded
from plexuskit.testing.servers.errors import ServerNotStarted, ToolMissing
from plexuskit.testing.servers.found import FoundKafka, found, found_kafka
from plexuskit.testing.servers.kafka import NativeKafka
from plexuskit.testing.servers.mongo import NativeMongo
from plexuskit.testing.servers.native import NativeServer
from plexuskit.testing.servers.opensearch import NativeOpenSearch
from plexuskit.testing.servers.replicas import ReplicaSet

__all__ = [
    "Child",
    "FoundKafka",
    "KafkaAccounts",
    "MongoAccounts",
    "NativeKafka",
    "NativeMongo",
    "NativeOpenSearch",
    "NativeServer",
    "ReplicaSet",
    "ServerNotStarted",
    "ToolMissing",
    "found",
    "found_kafka",
    "kafka",
    "mongo",
    "opensearch",
    "process_started",
    "stop_recorded",
]


def mongo(
    data: Path, *, log: Path, port: int = 0, accounts: MongoAccounts | None = None
) -> NativeMongo:
    """Return a mongod to be used as a context manager: started on entry, ended on exit."""
    return NativeMongo(data=data, log=log, port=port, accounts=accounts)


def kafka(
    data: Path, *, log: Path, port: int = 0, accounts: KafkaAccounts | None = None
) -> NativeKafka:
    """Return a Kafka broker to be used as a context manager."""
    return NativeKafka(data=data, log=log, port=port, accounts=accounts)


def opensearch(data: Path, *, log: Path, port: int = 0) -> NativeOpenSearch:
    """Return an OpenSearch node to be used as a context manager; `port` is the base."""
    return NativeOpenSearch(data=data, log=log, port=port)
