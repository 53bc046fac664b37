"""Long logs that an older release began: read piece by piece before version 2 begins (MSG-20)."""

import asyncio
import sys
import time
from copy import deepcopy
from pathlib import Path

import pytest
from bson import json_util
from messaging.log.domain.entries import EntryKind, chain, entry_id
from messaging.log.operations import older_logs
from messaging.log.operations.older_logs import MAX_AT_WRITE, ConversationUpgrading, read_all_older
from messaging.log.store.checkpoints import APART
from messaging.messages.operations.messages import send_message
from messaging.messages.queries.verifications import verify_conversation
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem
from plexus_cli import chain as client
from plexus_cli.commands.verifying import Verified
from plexus_testkit.wait import eventually
from plexuskit.loop import MAX_BLOCKED_SECONDS, Watchdog

GOLDEN = Path(__file__).with_name("golden") / "chain_version_1.json"
WRITTEN_AT_ONCE = 5_000
# The time that a gateway gives a send.
DEADLINE_SECONDS = 10
pytestmark = pytest.mark.rule("MSG-20")


@pytest.fixture
def long_log(store):
    """Store a frozen log of version 1 with as many messages more: `await long_log(3_000)`."""

    async def write(count):
        held = json_util.loads(
            GOLDEN.read_text(), json_options=json_util.JSONOptions(tz_aware=True)
        )
        frozen = held.pop("entries")
        room = held["conversations"][0]["_id"]
        held["heads"][0]["change_no"] = len(frozen) + count
        held["heads"][0]["seq"] = frozen[-1]["last_seq"] + count
        for name, documents in held.items():
            await store.db.collection(name, schema_version=1).insert_many(documents)
        entries = store.db.collection("entries", schema_version=1)
        await entries.insert_many(frozen)
        like = next(entry for entry in frozen if entry["kind"] == "posted")
        last = frozen[-1]
        for first in range(0, count, WRITTEN_AT_ONCE):
            written = []
            for _ in range(min(WRITTEN_AT_ONCE, count - first)):
                last = following(last, like)
                written.append(last)
            await entries.insert_many(written)
        return room, last["change_no"]

    return write


def following(last, like):
    """Return the entry of version 1 with the same content as another one, after the last entry."""
    entry = deepcopy({k: v for k, v in like.items() if k not in {"current", "pinned_at"}})
    number, seq = last["change_no"] + 1, last["last_seq"] + 1
    name = f"msg_{seq:026d}"
    link = chain(
        bytes(last["chain_hash"]),
        change_no=number,
        kind=EntryKind.POSTED,
        entity_id=name,
        content_hash=bytes(entry["content_hash"]),
    )
    envelope = Envelope.FromString(bytes(entry["event"]))
    fact = MessagePosted.FromString(envelope.fact)
    fact.message.id, fact.message.request_id = name, f"r{seq}"
    fact.message.seq, fact.message.change_no = seq, number
    envelope.fact = fact.SerializeToString()
    envelope.change_no, envelope.entity_id, envelope.chain_hash = number, name, link
    return entry | {
        "_id": entry_id(entry["conversation_id"], number),
        "change_no": number,
        "entity_id": name,
        "seq": seq,
        "last_seq": seq,
        "request_id": f"r{seq}",
        "chain_hash": link,
        "event": envelope.SerializeToString(),
    }


@pytest.fixture
def walk(store, person):
    """Verify a whole log call by call, as the command line does; gives problems and findings."""

    async def carry_out(room):
        found = Verified(room, older=client.Older())
        at, problems = 1, []
        while True:
            page = await verify_conversation(
                store, actor=person("ann"), conversation_id=room, first=at, last=0
            )
            link = page.previous
            for each in page.links:
                link = found.take(each, link)
            problems += page.problems
            if not page.more:
                return problems, found
            at = page.through + 1

    return carry_out


async def send_in_the_end(log, draft):
    """Send as a client does that retries when asked to; return how long each call took."""
    took = []

    async def attempt():
        began = time.perf_counter()
        try:
            return await send_message(log, new_message=draft)
        except ConversationUpgrading:
            return None
        finally:
            took.append(time.perf_counter() - began)

    return await eventually(attempt, within=180, every=0.2), took


async def test_msg_20_a_long_older_log_is_read_before_its_first_write_and_bound_as_a_whole(
    long_log, log, store, say, walk
):
    room, last = await long_log(3 * MAX_AT_WRITE)

    stored, took = await send_in_the_end(log, say(room, "ann", "new"))

    assert len(took) > 1, "nothing had to be read first"
    assert stored.change_no == last + 2
    problems, found = await walk(room)
    assert problems == []
    assert [word for _, word in found.problems] == []
    assert found.begun == last + 1
    checkpoints = await store.checkpoints.between(room, 1, last)
    assert list(checkpoints) == list(range(APART, last + 1, APART))


async def test_msg_20_other_conversations_are_written_while_a_long_one_is_read(
    long_log, log, say, group
):
    room, _ = await long_log(2 * MAX_AT_WRITE)
    other = await group("ann", "bob")
    refused, stored = await asyncio.gather(
        send_message(log, new_message=say(room, "ann", "long")),
        send_message(log, new_message=say(other, "ann", "short")),
        return_exceptions=True,
    )

    assert isinstance(refused, ConversationUpgrading)
    assert refused.retry_after is not None
    assert stored.seq == 1


async def test_msg_20_long_logs_are_read_ahead_of_their_first_write(long_log, log, store, say):
    room, last = await long_log(2 * MAX_AT_WRITE)

    await read_all_older(store)

    stored = await send_message(log, new_message=say(room, "ann", "new"))
    assert stored.change_no == last + 2


async def test_msg_20_reading_that_was_interrupted_goes_on_where_it_was(
    long_log, log, store, say, walk, monkeypatch
):
    room, last = await long_log(2 * MAX_AT_WRITE)
    monkeypatch.setattr(older_logs, "PIECE", APART)
    with pytest.raises(ConversationUpgrading):
        await older_logs.OlderLogs(store).digest(room, through=last)
    assert max(await store.checkpoints.between(room, 1, last)) == MAX_AT_WRITE

    await read_all_older(store)

    await send_message(log, new_message=say(room, "ann", "new"))
    assert (await walk(room))[0] == []


@pytest.mark.parametrize("number", [20, MAX_AT_WRITE + 20])
async def test_msg_20_an_older_entry_that_is_altered_is_found_in_its_own_stretch(
    long_log, log, store, say, walk, number
):
    room, last = await long_log(MAX_AT_WRITE + 200)
    await read_all_older(store)
    await send_message(log, new_message=say(room, "ann", "new"))
    entry = await store.entries.find_change(room, number)
    envelope = Envelope.FromString(bytes(entry["event"]))
    envelope.actor_id = "bob"
    entries = store.db.collection("entries", schema_version=1)
    await entries.update({"_id": entry["_id"]}, {"$set": {"event": envelope.SerializeToString()}})

    problems, found = await walk(room)

    altered = {each.change_no for each in problems}
    checkpoint = -(-number // APART) * APART
    assert min(checkpoint, last + 1) in altered
    assert all(each.kind == ChainProblem.KIND_ALTERED_HEADER for each in problems)
    assert found.begun == last + 1


async def test_msg_20_a_checkpoint_that_is_altered_hides_nothing(long_log, log, store, say, walk):
    room, _ = await long_log(MAX_AT_WRITE + 200)
    await read_all_older(store)
    await send_message(log, new_message=say(room, "ann", "new"))
    digests = store.db.collection("older_digests", schema_version=1)
    await digests.update({"_id": entry_id(room, APART)}, {"$set": {"digest": bytes(32)}})

    problems, found = await walk(room)

    assert APART in {each.change_no for each in problems}
    assert found.problems == []


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_msg_20_the_first_write_to_200_000_older_entries_meets_its_deadline(
    long_log, log, say, runtime
):
    room, last = await long_log(200_000)
    watchdog = Watchdog()
    began = time.perf_counter()
    async with runtime.background("watchdog", watchdog.run()):
        stored, took = await send_in_the_end(log, say(room, "ann", "new"))
    seconds = time.perf_counter() - began
    sys.stdout.write(
        f"{last} entries: {seconds:.1f} s, {len(took)} calls, longest {max(took):.3f} s, "
        f"longest turn {watchdog.longest:.3f} s\n"
    )

    assert stored.change_no == last + 2
    assert max(took) < DEADLINE_SECONDS
    assert watchdog.blocked == 0, f"a turn of the loop took {MAX_BLOCKED_SECONDS} s or more"
