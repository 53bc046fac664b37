"""Process that consumes messages and is killed after the effect, before the offset is committed.

`python consumer_child.py MONGO DATABASE`; the environment has Kafka's address (`NOTIFY_KAFKA__…`).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta

from notify.consumers import Handlers
from notify.operations.tasks import Pace
from notify.store import Store
from plexus.topics import NOTIFY_MESSAGES
from plexus_testkit.probes import healthy
from plexuskit.clock import SystemClock
from plexuskit.config import KafkaSection, MongoSection, ServiceSettings, load
from plexuskit.kafka import Record, consumer, subscription
from plexuskit.mongo import connect
from plexuskit.service import Runtime


class NoDepartments:
    """Departments without members."""

    async def in_departments(self, *_: object, **__: object) -> frozenset[str]:
        return frozenset()


class Kafka(ServiceSettings, env_prefix="NOTIFY_"):
    """Address of Kafka."""

    kafka: KafkaSection = KafkaSection()


async def main(mongo: str, database: str) -> None:
    runtime = Runtime(service="notify", clock=SystemClock())
    async with connect(MongoSection(url=mongo, database=database)) as db:
        pace = Pace(before=timedelta(hours=24), jitter=timedelta(0))
        handlers = Handlers(Store(db), membership=NoDepartments(), pace=pace, clock=runtime.clock)

        async def then_die(records: Sequence[Record]) -> None:
            await handlers.messages(records)
            if any(record.envelope.type.endswith(".MessagePosted") for record in records):
                os.kill(os.getpid(), signal.SIGKILL)

        section = load(Kafka).kafka
        async with consumer(
            section, subscription(NOTIFY_MESSAGES).of(then_die), probe=healthy, runtime=runtime
        ):
            await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
