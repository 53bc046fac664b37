"""Outage of Kafka: streams stay, sends are stored, events follow later (MSG-2)."""

import asyncio
from typing import Any

import pytest
from plexus_local.servers.kafka import NativeKafka
from plexus_testkit.wait import eventually


@pytest.mark.long
async def test_msg_02_an_outage_of_kafka_delays_events_and_loses_none(
    own_world: Any, own_kafka: NativeKafka
) -> None:
    async with own_world.gateway(heartbeat_seconds=1) as gateway:
        ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
        conversation = await ana.create("per_bo")
        await ana.answered(await ana.send(conversation, "before"))
        await eventually(lambda: bo.texts(conversation) == ["before"], within=30)

        await asyncio.to_thread(own_kafka.stop)
        during = await ana.answered(await ana.send(conversation, "during"))
        late = await gateway.client("per_cy")
        assert during[0].stored.seq == 2
        # A message sent through this gateway is delivered here without Kafka.
        await eventually(lambda: bo.texts(conversation) == ["before", "during"])
        heartbeats = len(bo.of("heartbeat"))
        await eventually(lambda: len(bo.of("heartbeat")) > heartbeats)

        await asyncio.to_thread(own_kafka.start)
        await ana.answered(await ana.send(conversation, "after"))
        await eventually(lambda: bo.texts(conversation) == ["before", "during", "after"], within=60)
        assert bo.through(conversation) == 4
        assert not bo.of("resync")
        other = await ana.create("per_cy")
        await eventually(lambda: late.events(other), within=30)
        assert ana.error is bo.error is late.error is None
