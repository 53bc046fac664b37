"""A consumer in a process of its own that is killed after its effect and before its commit.

Arguments: Kafka's address, topic prefix, file to write the numbers of handled facts to.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from plexus.topics import SEARCH_MESSAGES
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, consumer
from plexuskit.runtime import Runtime
from plexuskit.testing.probes import healthy


async def main(url: str, prefix: str, effects: Path) -> None:
    async def handle(records: Sequence[Record]) -> None:
        with effects.open("a") as out:
            out.writelines(f"{record.envelope.change_no}\n" for record in records)
            out.flush()
            os.fsync(out.fileno())
        os.kill(os.getpid(), signal.SIGKILL)

    # The shortest that brokers take unless they are told otherwise.
    section = KafkaSection(url=url, topic_prefix=prefix, session_seconds=6)
    runtime = Runtime(service="child")
    async with consumer(section, SEARCH_MESSAGES, handle, probe=healthy, runtime=runtime):
        await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
