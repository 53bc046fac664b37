"""Process that relays, for test_relay_lease.py to kill and to pause; never imported.

Arguments: MongoDB's address, the database, and the life of the lease in seconds; the environment
has Kafka's address (`CHILD_KAFKA__…`).
"""

import asyncio
import signal
import sys
from datetime import datetime, timedelta

import structlog
from plexuskit.clock import SystemClock
from plexuskit.config import KafkaSection, MongoSection, ServiceSettings, load
from plexuskit.mongo import connect
from plexuskit.relay import relay
from plexuskit.runtime import Runtime
from relay_support import ENTRIES


class Settings(ServiceSettings, env_prefix="CHILD_"):
    """Address of Kafka."""

    kafka: KafkaSection = KafkaSection()


async def main(mongo_url: str, database: str, lives: str) -> None:
    runtime = Runtime(service="child", clock=SystemClock())
    kafka = load(Settings).kafka
    lease = timedelta(seconds=float(lives))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, runtime.stopping.set)
    async with (
        connect(MongoSection(url=mongo_url, database=database)) as db,
        relay(db, kafka, sources=[ENTRIES], name="entries", runtime=runtime, lease=lease),
    ):
        await runtime.stopping.wait()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sys.stdout))
    print("child started", datetime.now().astimezone(), flush=True)  # noqa: T201 - read by the test
    asyncio.run(main(*sys.argv[1:]))
