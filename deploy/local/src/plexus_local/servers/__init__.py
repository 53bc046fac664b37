"""Real MongoDB, Kafka and OpenSearch for the local run and for tests."""

from pathlib import Path

from plexus_local.servers.accounts import KafkaAccounts, MongoAccounts
from plexus_local.servers.child import Child, process_started, stop_recorded
from plexus_local.servers.errors import ServerNotStarted, ToolMissing
from plexus_local.servers.kafka import NativeKafka
from plexus_local.servers.mongo import NativeMongo
from plexus_local.servers.native import NativeServer, start_together
from plexus_local.servers.opensearch import NativeOpenSearch

__all__ = [
    "Child",
    "KafkaAccounts",
    "MongoAccounts",
    "NativeKafka",
    "NativeMongo",
    "NativeOpenSearch",
    "NativeServer",
    "ServerNotStarted",
    "ToolMissing",
    "kafka",
    "mongo",
    "opensearch",
    "process_started",
    "start_together",
    "stop_recorded",
]


def mongo(
    data: Path, *, log: Path, port: int = 0, accounts: MongoAccounts | None = None
) -> NativeMongo:
    """Return a mongod as a context manager: started on entry, stopped on exit."""
    return NativeMongo(data=data, log=log, port=port, accounts=accounts)


def kafka(
    data: Path, *, log: Path, port: int = 0, accounts: KafkaAccounts | None = None
) -> NativeKafka:
    """Return a Kafka broker as a context manager."""
    return NativeKafka(data=data, log=log, port=port, accounts=accounts)


def opensearch(data: Path, *, log: Path, port: int = 0) -> NativeOpenSearch:
    """Return an OpenSearch node as a context manager; `port` is the base."""
    return NativeOpenSearch(data=data, log=log, port=port)
