"""Schedulers that are killed in the middle of their work send everything exactly once: MSG-17."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from messaging.messages.queries.messages import list_messages
from messaging.personal.domain.scheduled import Authority, State
from messaging.personal.operations.scheduled import schedule_message
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import ScheduledMessageChanged
from plexus.messaging.v1.personal_service_pb2 import ScheduledContent, ScheduledMessage
from plexus_testkit.wait import eventually
from plexuskit import fault
from plexuskit.clock import SystemClock

CHILD = Path(__file__).with_name("scheduler_child.py")
S = ScheduledMessage
WITHIN = 60


@pytest.fixture
def child(db, mongo_url):
    """Run a scheduler: `async with child("schedule.after_send:kill@1") as process`."""

    @asynccontextmanager
    async def running(faults=""):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CHILD),
            mongo_url,
            db.name,
            env=os.environ | {fault.VARIABLE: faults},
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    return running


@pytest.fixture
def due(store, group, say, person):
    """Schedule that many due messages: (conversation, scheduled messages)."""

    async def scheduled(count):
        room, clock = await group("ann", "bob"), SystemClock()
        made = []
        for n in range(count):
            content = ScheduledContent(conversation_id=room, text=f"m{n}")
            now = clock.now()
            work = schedule_message(
                store,
                actor=person("ann"),
                new_message=say(room, "ann", f"m{n}"),
                words=content.SerializeToString(),
                send_at=now.replace(microsecond=now.microsecond // 1000 * 1000 or 1000),
                authority=Authority(),
                shortest=timedelta(seconds=-1),
                now=now,
            )
            made.append(await store.transact(work))
        return room, made

    return scheduled


@pytest.fixture
def states(store):
    async def read(scheduled):
        found = await asyncio.gather(*(store.scheduled.find(each.id) for each in scheduled))
        return {each.state for each in found}

    return read


@pytest.fixture
def check_each_once(db, store, person):
    """Check the conversation and the facts: each message once, every fact in its order."""

    async def check(room, scheduled):
        messages, _, _ = await list_messages(
            store,
            actor=person("bob"),
            conversation_id=room,
            before_seq=0,
            after_seq=0,
            root_seq=0,
            limit=500,
        )
        assert sorted(each.request_id for each in messages) == sorted(s.id for s in scheduled)
        assert [each.seq for each in messages] == list(range(1, len(scheduled) + 1))
        for each in scheduled:
            found = await db.collection("outbox", schema_version=1).find_all(
                {"scope": each.id}, sort=[("number", 1)]
            )
            events = [Envelope.FromString(document["event"]) for document in found]
            facts = [ScheduledMessageChanged.FromString(e.fact).scheduled for e in events]
            assert [event.change_no for event in events] == [1, 2, 3]
            assert [fact.state for fact in facts] == [
                S.STATE_WAITING,
                S.STATE_CLAIMED,
                S.STATE_SENT,
            ]
            kept = await store.scheduled.find(each.id)
            assert {m.request_id: m.seq for m in messages}[each.id] == kept.seq

    return check


@pytest.mark.parametrize("point", ["schedule.after_claim", "schedule.after_send"])
async def test_msg_17_a_killed_claimers_message_is_taken_up_again_and_sent_once(
    child, due, states, check_each_once, point
):
    room, scheduled = await due(1)
    async with child(f"{point}:kill@1") as killed, asyncio.timeout(WITHIN):
        assert await killed.wait() == -signal.SIGKILL
    assert await states(scheduled) == {State.CLAIMED}

    async with child():

        async def done():
            return await states(scheduled) == {State.SENT}

        await eventually(done, within=WITHIN)
    await check_each_once(room, scheduled)


async def test_msg_17_schedulers_that_die_one_after_another_lose_and_repeat_nothing(
    child, due, states, check_each_once
):
    rooms = []
    # Each begins with the remains of the previous one in any state, and with more.
    for faults in ("schedule.after_claim:kill@9", "schedule.after_send:kill@5"):
        rooms.append(await due(20))
        async with child(faults) as killed, asyncio.timeout(WITHIN):
            assert await killed.wait() == -signal.SIGKILL

    async with child(), child():
        everything = [each for _, scheduled in rooms for each in scheduled]

        async def done():
            return await states(everything) == {State.SENT}

        await eventually(done, within=WITHIN)
    for room, scheduled in rooms:
        await check_each_once(room, scheduled)


async def test_msg_17_a_scheduler_that_is_told_to_stop_ends_what_it_has_begun(
    child, due, states, check_each_once
):
    room, scheduled = await due(30)
    async with child() as process:

        async def begun():
            return State.SENT in await states(scheduled)

        await eventually(begun, within=WITHIN)
        process.terminate()
        async with asyncio.timeout(WITHIN):
            assert await process.wait() == 0
    assert await states(scheduled) == {State.SENT}
    await check_each_once(room, scheduled)
