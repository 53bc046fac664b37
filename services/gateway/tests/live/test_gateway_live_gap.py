"""A gap on a real topic is made good by one question to a real messaging (MSG-6, MSG-14)."""

from typing import Any

import pytest
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import MESSAGING_CONVERSATION_V1
from plexus_testkit.wait import eventually
from plexuskit.kafka import producer
from prometheus_client import REGISTRY

from .fanout_support import TENANT


def asked() -> float:
    return REGISTRY.get_sample_value("plexus_gateway_doubts_total") or 0.0


def fact(channel: str, change_no: int, *, type_: str) -> bytes:
    return Envelope(
        event_id=f"evt_{channel}_{change_no}",
        tenant_id=TENANT,
        scope=channel,
        change_no=change_no,
        type=f"plexus.messaging.v1.{type_}",
        membership_version=1,
    ).SerializeToString()


@pytest.mark.rule("MSG-6")
async def test_msg_06_an_unknown_fact_asks_nothing_and_a_gap_asks_about_one_conversation(
    world: Any,
) -> None:
    topic = MESSAGING_CONVERSATION_V1.name
    async with world.gateway() as gateway, producer(world.kafka) as out:
        ana, bo = await gateway.client("per_ana"), await gateway.client("per_bo")
        channel, other = await ana.create("per_bo"), await ana.create("per_bo")
        for each in (channel, other):
            await ana.answered(await ana.send(each, "hello"))
        await eventually(lambda: bo.texts(channel) and bo.texts(other), within=30)
        before, through = asked(), bo.through(channel)

        newer = fact(channel, through + 1, type_="MessageTranslated")
        await out.send_batch([(topic, channel, newer, {})])
        await eventually(lambda: bo.through(channel) == through + 1, within=30)
        assert bo.events(channel)[-1].omitted
        assert asked() == before

        gap = fact(channel, through + 3, type_="ChainBegun")
        await out.send_batch([(topic, channel, gap, {})])
        await eventually(lambda: ana.of("resync") and bo.of("resync"), within=30)
        for client in (ana, bo):
            (resync,) = client.of("resync")
            assert (list(resync.conversation_ids), resync.reason) == ([channel], "GAP")
        assert asked() == before + 1

        await ana.answered(await ana.send(other, "still here"))
        await eventually(lambda: bo.texts(other)[-1:] == ["still here"], within=30)
