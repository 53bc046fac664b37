"""A Plexus with servers of its own, for the time of a block: for tests and benchmarks."""

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from plexus_local.backends import kafka_section
from plexus_local.environment import BackendUrls
from plexus_local.servers import (
    Child,
    KafkaAccounts,
    MongoAccounts,
    NativeServer,
    kafka,
    mongo,
    opensearch,
    start_together,
)
from plexus_local.table import ENTRIES, Entry, services
from plexuskit.config import KafkaSection
from plexuskit.kafka import provision
from plexuskit.kafka.grants import PROVISIONING

from plexus_testkit.harness import NO_SETTINGS, Platform, running
from plexus_testkit.process import Launch


@contextlib.contextmanager
def fresh(
    directory: Path,
    *,
    entries: tuple[Entry, ...] = ENTRIES,
    settings: Mapping[str, str] = NO_SETTINGS,
    launch: Launch = Child,
) -> Iterator[Platform]:
    """Start MongoDB, Kafka, OpenSearch if search is among the entries, and the entries.

    Data and logs are in `directory`; there is no tenant yet (`Platform.init`). Everything stops at
    the end of the block, last first. Enter it from a thread that outlives the block. `settings` are
    additional environment of every process; `launch` starts each process.

    Raises:
        ToolMissing: When the machine lacks a program for one of the servers.
        ServerNotStarted: When one does not come up.
    """
    logs = directory / "logs"
    passwords = directory / "passwords"
    mongo_users = MongoAccounts.kept(passwords / "mongo", services=services())
    kafka_users = KafkaAccounts.kept(passwords / "kafka")
    servers: dict[str, NativeServer] = {
        "mongo": mongo(directory / "mongo", log=logs / "mongo.log", accounts=mongo_users),
        "kafka": kafka(directory / "kafka", log=logs / "kafka.log", accounts=kafka_users),
    }
    if any(entry.service == "search" for entry in entries):
        servers["opensearch"] = opensearch(directory / "opensearch", log=logs / "opensearch.log")
    with contextlib.ExitStack() as stack:
        start_together(list(servers.values()))
        for server in servers.values():
            stack.callback(server.stop)
        urls = BackendUrls(
            mongo=servers["mongo"].url,
            kafka=servers["kafka"].url,
            opensearch=servers["opensearch"].url if "opensearch" in servers else "",
            mongo_passwords=str(passwords / "mongo"),
            kafka_passwords=str(passwords / "kafka"),
        )
        _provision(kafka_section(urls, PROVISIONING))
        yield stack.enter_context(
            running(
                directory,
                servers=servers,
                urls=urls,
                entries=entries,
                settings=settings,
                launch=launch,
            )
        )


def _provision(section: KafkaSection) -> None:
    """Create the topics, also when the caller's thread runs a loop of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(provision(section))).result()
