"""Outage of a broker: no record is lost, and no process needs a restart."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from plexus.topics import MESSAGING_CONVERSATION_V1, SEARCH_MESSAGES
from plexus_local.servers import NativeKafka, kafka
from plexus_testkit.probes import healthy
from plexus_testkit.wait import eventually
from plexuskit.kafka import (
    KafkaUnavailable,
    Outgoing,
    Producer,
    Record,
    consumer,
    producer,
    provision,
    subscription,
    tail,
)
from plexuskit.runtime import Runtime

Posted = Callable[..., Outgoing]


async def bring_up(server: NativeKafka) -> None:
    await asyncio.to_thread(server.prepare)
    server.spawn()
    await eventually(lambda: asyncio.to_thread(server.answers), within=60, every=0.2)


@asynccontextmanager
async def own_broker(directory: Path) -> AsyncIterator[NativeKafka]:
    server = kafka(directory / "kafka", log=directory / "kafka.log")
    try:
        await bring_up(server)
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def send_until_it_works(out: Producer, facts: list[Outgoing]) -> int:
    """Send the same batch until it is acknowledged, as the relay does; return the failures."""
    failures = 0
    while True:
        try:
            await out.send_batch(facts)
        except KafkaUnavailable:
            failures += 1
            await asyncio.sleep(0.2)
        else:
            return failures


@pytest.mark.long
async def test_msg_02_a_broker_outage_delays_facts_and_loses_none(
    tmp_path: Path, posted: Posted, runtime: Runtime
) -> None:
    handled: list[int] = []
    seen: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        handled.extend(record.envelope.change_no for record in records)

    async with own_broker(tmp_path) as server:
        section = server.administering.model_copy(update={"topic_prefix": "outage."})
        await provision(section, [MESSAGING_CONVERSATION_V1], [SEARCH_MESSAGES])

        async with (
            producer(section, within=timedelta(seconds=3)) as out,
            tail(section, [MESSAGING_CONVERSATION_V1]) as entered,
            consumer(
                section, subscription(SEARCH_MESSAGES).of(handle), probe=healthy, runtime=runtime
            ),
        ):

            async def follow() -> None:
                async for records in entered:
                    seen.extend(record.envelope.change_no for record in records)

            async with runtime.background("follow", follow()):
                await out.send_batch([posted(n) for n in range(1, 101)])
                await eventually(lambda: len(handled) == len(seen) == 100)

                await asyncio.to_thread(server.stop)
                facts = [posted(n) for n in range(101, 201)]
                sending = asyncio.create_task(send_until_it_works(out, facts))
                await asyncio.sleep(6)
                assert not sending.done()
                await bring_up(server)

                assert await asyncio.wait_for(sending, 60) > 0
                await eventually(lambda: {*range(1, 201)} <= {*handled}, within=60)
                await eventually(lambda: {*range(1, 201)} <= {*seen}, within=60)

    assert list(dict.fromkeys(handled)) == list(range(1, 201))
    assert list(dict.fromkeys(seen)) == list(range(1, 201))
    assert runtime.exit_code == 0
