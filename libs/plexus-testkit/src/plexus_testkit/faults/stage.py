"""Platform of the crash cycles: the processes that a message passes, some of them twice.

It has servers of its own, so that they may be stopped too.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from plexus_local.backends import kafka_section
from plexus_local.environment import BackendUrls
from plexus_local.servers import (
    KafkaAccounts,
    MongoAccounts,
    NativeServer,
    kafka,
    mongo,
    start_together,
)
from plexus_local.table import Entry, services
from plexuskit.kafka import provision
from plexuskit.kafka.grants import PROVISIONING

from plexus_testkit.harness import NO_SETTINGS, UNLIMITED, Platform, running
from plexus_testkit.nursery import Forked

ENTRIES: Final = (
    Entry(name="directory", service="directory", roles=("api", "relay", "upkeep"), stage=0),
    Entry(name="messaging-api", service="messaging", roles=("api",), stage=1),
    Entry(name="messaging-api-2", service="messaging", roles=("api",), stage=1),
    Entry(name="messaging-relay", service="messaging", roles=("relay",), stage=1, serves=()),
    Entry(
        name="messaging-scheduler",
        service="messaging",
        roles=("scheduler", "consumer"),
        stage=1,
        serves=(),
    ),
    Entry(name="notify", service="notify", roles=("api", "relay", "consumers"), stage=1),
    Entry(name="gateway", service="gateway", roles=("api",), stage=2, serves=("grpc", "http")),
    Entry(name="gateway-2", service="gateway", roles=("api",), stage=2, serves=("grpc", "http")),
)
# A killed relay's lease is waited for in every cycle that kills one; so is a consumer's session.
LEASE_SECONDS: Final = 1.0
SESSION_SECONDS: Final = 4.0
SETTINGS: Final = {
    f"{service}_{setting}": str(seconds)
    for service in ("DIRECTORY", "MESSAGING", "NOTIFY")
    for setting, seconds in (
        ("RELAY__LEASE_SECONDS", LEASE_SECONDS),
        ("KAFKA__SESSION_SECONDS", SESSION_SECONDS),
    )
} | {
    "MESSAGING_SCHEDULE__LEASE_SECONDS": "2",
    "MESSAGING_SCHEDULE__POLL_SECONDS": "0.2",
    "MESSAGING_SCHEDULE__SHORTEST_SECONDS": "0",
}
NOBODY: Final = "http://127.0.0.1:9"


@contextlib.asynccontextmanager
async def stage(
    directory: Path, *, mongo_url: str = "", settings: Mapping[str, str] = NO_SETTINGS
) -> AsyncIterator[Platform]:
    """Start servers and processes under a folder, with a tenant; stop all of them at the end.

    Args:
        directory: Folder of data, keys and logs.
        mongo_url: A running MongoDB; empty: one of its own.
        settings: Additional environment of every process.

    Raises:
        ToolMissing: A server's program is absent.
    """
    logs = directory / "logs"
    passwords = directory / "passwords"
    kafka_users = KafkaAccounts.kept(passwords / "kafka")
    servers: dict[str, NativeServer] = {
        "kafka": kafka(directory / "kafka", log=logs / "kafka.log", accounts=kafka_users)
    }
    if not mongo_url:
        mongo_users = MongoAccounts.kept(passwords / "mongo", services=services())
        servers["mongo"] = mongo(directory / "mongo", log=logs / "mongo.log", accounts=mongo_users)
    try:
        # Here and not in a thread: a child is tied to the thread that starts it.
        start_together(list(servers.values()))
        urls = BackendUrls(
            mongo_url or servers["mongo"].url,
            servers["kafka"].url,
            NOBODY,
            mongo_passwords="" if mongo_url else str(passwords / "mongo"),
            kafka_passwords=str(passwords / "kafka"),
        )
        await provision(kafka_section(urls, PROVISIONING))
        with running(
            directory,
            servers=servers,
            urls=urls,
            entries=ENTRIES,
            settings={**UNLIMITED, **SETTINGS, **settings},
            launch=Forked,
        ) as platform:
            await platform.init()
            yield platform
    finally:
        for server in reversed(servers.values()):
            await asyncio.to_thread(server.stop)
