"""Consumer in a separate process that is killed after its effect and before its commit.

Its argument is the file for the numbers of handled facts; the environment has Kafka's address
(`CHILD_KAFKA__…`).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from plexus.topics import SEARCH_MESSAGES
from plexus_testkit.probes import healthy
from plexuskit.config import KafkaSection, ServiceSettings, load
from plexuskit.kafka import Record, consumer, subscription
from plexuskit.runtime import Runtime


class Settings(ServiceSettings, env_prefix="CHILD_"):
    """Address of Kafka."""

    kafka: KafkaSection = KafkaSection()


async def main(effects: Path) -> None:
    async def handle(records: Sequence[Record]) -> None:
        with effects.open("a") as out:
            out.writelines(f"{record.envelope.change_no}\n" for record in records)
            out.flush()
            os.fsync(out.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    # The shortest that brokers accept by default.
    section = load(Settings).kafka.model_copy(update={"session_seconds": 6})
    runtime = Runtime(service="child")
    async with consumer(
        section, subscription(SEARCH_MESSAGES).of(handle), probe=healthy, runtime=runtime
    ):
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
