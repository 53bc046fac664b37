"""Each process restarted under load, as in a rolling update: no client loses a message."""

import asyncio
import time

import pytest
from plexus_testkit.wait import eventually

EXITS_WITHIN = 20
RESTARTED = ("directory", "messaging-api", "messaging-relay", "tasks", "notify", "search")


@pytest.mark.timeout(300)
async def test_every_service_restarted_under_load_loses_nothing_and_clients_resume(
    platform, people, room, client, checker, talking
):
    conversation = await room("ann", "bob", "chen")
    ann, bob, chen = await client("ann"), await client("bob"), await client("chen")
    ended: dict[str, tuple[int, bool]] = {}

    async with talking([ann, chen], conversation, every=0.1, mention=bob.person_id):
        await eventually(lambda: len(bob.of(conversation).seqs) >= 5, within=30)
        for name in (*RESTARTED, "gateway"):
            began = time.monotonic()
            code = await platform[name].end()
            ended[name] = (code, time.monotonic() - began < EXITS_WITHIN)
            await platform[name].begin()
            # Wait until the load has resumed before the next restart.
            sent = len(ann.waits) + len(chen.waits)
            await eventually(lambda sent=sent: len(ann.waits) + len(chen.waits) > sent, within=30)

    assert ended == dict.fromkeys((*RESTARTED, "gateway"), (0, True))
    assert bob.streams >= 2  # the gateway's restart ended the first
    seqs = range(1, len(ann.acknowledged) + len(chen.acknowledged) + 1)
    await checker.kept(conversation, [ann, chen])
    await checker.delivered(conversation, [ann, bob, chen], seqs=seqs)
    await checker.indexed(conversation, seqs=seqs)
    await checker.notified(people["bob"], conversation, seqs=seqs)


async def test_every_process_ends_with_code_0_at_sigterm_also_while_all_end_together(platform):
    processes = platform.processes
    began = time.monotonic()
    codes = await asyncio.gather(*(process.end() for process in processes.values()))
    took = time.monotonic() - began

    assert dict(zip(processes, codes, strict=True)) == dict.fromkeys(processes, 0)
    assert took < EXITS_WITHIN
