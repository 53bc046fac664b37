"""MongoDB's primary stepped down and killed, Kafka killed: no loss, also of edits and reads."""

import asyncio

import pytest
from plexus_testkit.faults import world
from plexus_testkit.replicas import ReplicaSet
from plexus_testkit.wait import eventually

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
# Messages that must be acknowledged after a fault before the next one.
ENOUGH = 30


async def test_msg_2_mongodbs_primary_stepped_down_and_killed_loses_and_repeats_nothing(tmp_path):
    with ReplicaSet(data=tmp_path / "replicas", logs=tmp_path / "logs") as replicas:
        async with world(tmp_path, seed="replicas", mongo_url=replicas.url) as whole:
            async with whole.working():
                await _acknowledged_more(whole)
                stepped_down = await asyncio.to_thread(replicas.step_down)
                await asyncio.to_thread(replicas.await_primary)
                await _acknowledged_more(whole)
                killed = await asyncio.to_thread(replicas.kill_primary)
                await asyncio.to_thread(replicas.await_primary)
                await _acknowledged_more(whole)
                await whole.check_logs()
                # Here and not in a thread: a child process is tied to the thread that starts it.
                replicas.bring_back(killed)
                await _acknowledged_more(whole)
            await whole.end()

    assert stepped_down is not killed
    assert whole.holes == []


async def test_msg_2_kafka_killed_under_load_loses_and_repeats_nothing(tmp_path):
    async with world(tmp_path, seed="kafka") as whole:
        kafka = whole.platform.servers["kafka"]
        async with whole.working():
            await _acknowledged_more(whole)
            kafka.child.kill()
            # No send or read waits for Kafka.
            await _acknowledged_more(whole, times=3)
            await whole.check_logs()
            await whole.platform.mend()
            await _acknowledged_more(whole)
        await whole.end()

    assert whole.holes == []


async def _acknowledged_more(whole, *, times: int = 1) -> None:
    told = whole.company.ledger.answered
    wanted = len(told) + times * ENOUGH
    await eventually(lambda: len(told) >= wanted, within=90)
