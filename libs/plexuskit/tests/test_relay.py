"""The relay on a real mongod and a real Kafka: nothing lost, each scope in order, whatever dies."""

import asyncio
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1.events_pb2 import TaskCreated
from plexus.topics import MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from plexuskit import metrics
from plexuskit.config import KafkaSection
from plexuskit.kafka import Record, provision, tail
from plexuskit.kafka.records import record_of
from plexuskit.mongo import Collection, Database, Index, Transaction
from plexuskit.outbox import Fact, Outbox, envelope
from plexuskit.relay import OUTBOX, FactSource, relay, replay_by_fields, replay_by_id
from plexuskit.relay.lease import Lease, LeaseLost, Position
from plexuskit.relay.progress import Numbers
from plexuskit.relay.publisher import GAPS
from plexuskit.relay.sweep import SWEPT
from plexuskit.runtime import Runtime
from plexuskit.testing import FrozenClock
from plexuskit.testing.servers import kafka as own_kafka
from plexuskit.testing.wait import eventually

CHILD = Path(__file__).parent / "relay_child.py"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

ENTRIES = FactSource(
    collection="entries",
    topic=lambda _: "messaging.conversation.v1",
    key=lambda entry: entry["conversation_id"],
    scope=lambda entry: entry["conversation_id"],
    number=lambda entry: entry["change_no"],
    event=lambda entry: entry["event"],
    traceparent=lambda entry: entry["traceparent"],
    dense=True,
    mark_published=False,
    replay=replay_by_id("conversation_id", "change_no"),
    recent=lambda since: {"stored_at": {"$gte": since}},
)


@dataclass
class Arrived:
    """What reached Kafka, in the order of arrival."""

    records: list[Record] = field(default_factory=list)

    def numbers(self) -> dict[str, list[int]]:
        by_key: dict[str, list[int]] = defaultdict(list)
        for record in self.records:
            by_key[record.key].append(record.envelope.change_no)
        return by_key

    def firsts(self) -> dict[str, list[int]]:
        """The numbers of each key in the order in which each came for the first time."""
        return {key: list(dict.fromkeys(numbers)) for key, numbers in self.numbers().items()}


Relaying = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def entries(db: Database) -> Collection:
    collection = db.collection("entries", schema_version=1)
    await collection.ensure_indexes([Index(keys=[("stored_at", 1)])])
    return collection


@pytest.fixture
async def outbox(db: Database) -> Outbox:
    outbox = Outbox(db)
    await outbox.ensure_indexes()
    return outbox


@asynccontextmanager
async def arriving(section: KafkaSection) -> AsyncIterator[Arrived]:
    arrived = Arrived()

    async def read() -> None:
        async for records in source:
            arrived.records.extend(records)

    async with tail(section, [MESSAGING_CONVERSATION_V1, TASKS_TASK_V1]) as source:
        reading = asyncio.create_task(read())
        try:
            yield arrived
        finally:
            reading.cancel()
            await asyncio.wait([reading])


@pytest.fixture
async def arrived(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[object]]
) -> AsyncIterator[Arrived]:
    await kafka_topics(MESSAGING_CONVERSATION_V1.name, TASKS_TASK_V1.name)
    async with arriving(kafka_section) as what:
        yield what


@pytest.fixture
def relaying(db: Database, kafka_section: KafkaSection, runtime: Runtime) -> Relaying:
    def start(
        source: FactSource = ENTRIES, *, name: str = "entries", kafka: KafkaSection | None = None
    ) -> AbstractAsyncContextManager[None]:
        return relay(db, kafka or kafka_section, sources=[source], name=name, runtime=runtime)

    return start


def entry(conversation: str, change_no: int) -> dict[str, Any]:
    event = Envelope(
        event_id=f"evt_{conversation}_{change_no}",
        scope=conversation,
        change_no=change_no,
        type="plexus.messaging.v1.MessagePosted",
        fact=b"x" * 200,
    )
    return {
        "_id": f"{conversation}:{change_no:012}",
        "conversation_id": conversation,
        "change_no": change_no,
        "event": event.SerializeToString(),
        "traceparent": TRACE,
        "stored_at": datetime.now(UTC),
    }


async def write(entries: Collection, numbers: Iterable[int], *, conversations: int = 4) -> None:
    for number in numbers:
        await entries.insert_many([entry(f"cnv_{c}", number) for c in range(conversations)])


def complete(last: int, *, conversations: int = 4) -> dict[str, list[int]]:
    return {f"cnv_{c}": list(range(1, last + 1)) for c in range(conversations)}


def have_all(arrived: Arrived, last: int, *, conversations: int = 4) -> Callable[[], bool]:
    def check() -> bool:
        numbers = arrived.numbers()
        return len(numbers) == conversations and all(last in n for n in numbers.values())

    return check


async def progress(db: Database) -> dict[str, int]:
    found = await db.collection("relay_progress", schema_version=1).find_all({})
    return {document["_id"]: document["number"] for document in found}


async def lease(db: Database, name: str = "entries") -> dict[str, Any]:
    return await db.collection("relay_leases", schema_version=1).find_one({"_id": name}) or {}


async def leads(db: Database, name: str = "entries") -> bool:
    """Whether somebody leads and has a stream open."""
    held = await lease(db, name)
    return bool(held.get("owner") and held.get("token") and not held.get("replaying"))


async def skip_stream(db: Database, name: str = "entries") -> None:
    """Move the stored position past everything that is stored now, as if it had been seen."""
    async with db.changes(["entries", "outbox"], after=None) as stream:
        token = (await stream.next()).token
    leases = db.collection("relay_leases", schema_version=1)
    assert await leases.update({"_id": name}, {"$set": {"token": token}}) == 1


def task_fact(task: str, change_no: int) -> Fact:
    created = TaskCreated()
    created.task.id = task
    event = envelope(
        fact=created,
        tenant_id="tnt_1",
        scope=task,
        change_no=change_no,
        entity_id=task,
        entity_version=change_no,
        actor_id="prs_1",
        now=datetime.now(UTC).replace(microsecond=0),
    )
    return Fact(topic=TASKS_TASK_V1.name, key=task, event=event)


async def add(db: Database, outbox: Outbox, facts: list[Fact]) -> None:
    async def work(tx: Transaction) -> None:
        await outbox.add(*facts, tx=tx)

    await db.transact(work)


async def test_msg_04_an_entry_reaches_kafka_as_it_was_stored(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    stored = entry("cnv_a", 1)
    async with relaying():
        await eventually(lambda: leads(db))
        await entries.insert(dict(stored))
        await eventually(lambda: arrived.records)

    [record] = arrived.records
    assert record.topic == "messaging.conversation.v1"
    assert record.key == "cnv_a"
    assert record.value == stored["event"]
    assert record.headers == {
        "type": b"plexus.messaging.v1.MessagePosted",
        "traceparent": TRACE.encode(),
    }


async def test_msg_04_each_conversation_keeps_its_order_and_nothing_is_repeated(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await write(entries, range(1, 301), conversations=8)
        await eventually(have_all(arrived, 300, conversations=8))

    assert arrived.numbers() == complete(300, conversations=8)
    assert await progress(db) == {f"entries:cnv_{c}": 300 for c in range(8)}


async def test_what_was_stored_before_the_first_start_is_published(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    await write(entries, range(1, 601))
    swept = SWEPT._value.get()

    async with relaying():
        await eventually(have_all(arrived, 600))

    assert SWEPT._value.get() == swept
    assert arrived.numbers() == complete(600)


async def test_a_restart_goes_on_where_the_last_one_ended(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 51))
        await eventually(have_all(arrived, 50))
    await write(entries, range(51, 101))
    async with relaying():
        await eventually(have_all(arrived, 100))

    assert arrived.numbers() == complete(100)


async def test_msg_04_a_relay_cancelled_in_mid_batch_loses_nothing(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    writing = asyncio.create_task(write(entries, range(1, 1001), conversations=8))
    for threshold in (200, 1500, 3000, 5000):
        async with relaying():
            [task] = [t for t in asyncio.all_tasks() if t.get_name() == "relay-entries"]
            await eventually(lambda: len(arrived.records) > threshold, every=0.001)  # noqa: B023 - awaited in the same turn
            task.cancel()
            await asyncio.wait([task])
    async with relaying():
        await writing
        await eventually(have_all(arrived, 1000, conversations=8), within=20)

    assert arrived.firsts() == complete(1000, conversations=8)


@asynccontextmanager
async def child(
    db: Database, mongo_url: str, kafka: KafkaSection
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(CHILD),
        mongo_url,
        db.name,
        kafka.url,
        kafka.topic_prefix,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.communicate()


async def test_msg_04_a_relay_killed_in_mid_batch_loses_nothing_and_another_takes_over(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: leads(db), within=20)
        writing = asyncio.create_task(write(entries, range(1, 1001), conversations=8))
        async with relaying():
            await eventually(lambda: len(arrived.records) > 1000, every=0.001, within=20)
            process.kill()
            killed = time.monotonic()
            await writing
            await eventually(have_all(arrived, 1000, conversations=8), within=20)
            taken_over_after = time.monotonic() - killed

    assert arrived.firsts() == complete(1000, conversations=8)
    assert taken_over_after < 13


async def test_a_relay_paused_past_its_lease_stops_publishing_when_it_wakes(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: leads(db), within=20)
        await write(entries, range(1, 11))
        await eventually(lambda: all_published(db, 10))
        first_owner = (await lease(db))["owner"]
        process.send_signal(signal.SIGSTOP)
        paused = time.monotonic()

        async with relaying():
            await write(entries, range(11, 21))
            await eventually(have_all(arrived, 20), within=20)
            assert time.monotonic() - paused < 13

            # Its stream brings it all that it has missed, and more at this moment.
            process.send_signal(signal.SIGCONT)
            await write(entries, range(21, 41))
            await eventually(have_all(arrived, 40))
            assert process.stdout is not None
            async with asyncio.timeout(10):
                while b"relay.begins_again" not in await process.stdout.readline():
                    continue
            await write(entries, range(41, 61))
            await eventually(have_all(arrived, 60))
            assert (await lease(db))["owner"] != first_owner

    # It had nothing in hand when it was paused, so nothing at all comes twice.
    assert arrived.numbers() == complete(60)


async def test_of_two_relays_one_works_and_the_other_takes_over_when_it_leaves(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    first = relaying()
    await first.__aenter__()
    await eventually(lambda: leads(db))
    owner = (await lease(db))["owner"]
    async with relaying():
        await write(entries, range(1, 101))
        await eventually(have_all(arrived, 100))
        assert (await lease(db))["owner"] == owner

        await first.__aexit__(None, None, None)
        await write(entries, range(101, 201))
        # It was given back, so nobody waits for its end.
        await eventually(have_all(arrived, 200), within=5)
        assert (await lease(db))["owner"] != owner

    assert arrived.numbers() == complete(200)


async def test_msg_04_a_lost_history_is_replayed_by_scope_and_number(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 51))
        await eventually(have_all(arrived, 50))
    leases = db.collection("relay_leases", schema_version=1)
    await leases.update({"_id": "entries"}, {"$set": {"token": {"_data": "ff"}}})
    await write(entries, range(51, 1201))
    await entries.insert(entry("cnv_new", 1))
    swept = SWEPT._value.get()

    async with relaying():
        await write(entries, range(1201, 1301))
        await eventually(lambda: arrived.firsts() == complete(1300) | {"cnv_new": [1]}, within=20)

    assert arrived.numbers() == complete(1300) | {"cnv_new": [1]}
    assert SWEPT._value.get() == swept


async def test_a_replay_that_was_killed_is_done_by_the_next(
    db: Database,
    mongo_url: str,
    kafka_section: KafkaSection,
    entries: Collection,
    arrived: Arrived,
    relaying: Relaying,
) -> None:
    for conversation in range(4):
        await entries.insert_many([entry(f"cnv_{conversation}", n) for n in range(1, 4001)])

    async with child(db, mongo_url, kafka_section) as process:
        await eventually(lambda: len(arrived.records) > 1000, every=0.001, within=20)
        process.kill()
        await process.wait()
    assert (await lease(db))["replaying"]
    async with relaying():
        await eventually(have_all(arrived, 4000), within=20)

    assert arrived.firsts() == complete(4000)


async def test_msg_04_the_sweep_publishes_what_the_stream_missed(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, range(1, 11))
        await eventually(have_all(arrived, 10))
    await write(entries, range(11, 21))
    await skip_stream(db)

    async with relaying():
        await eventually(have_all(arrived, 20), within=15)

    assert arrived.numbers() == complete(20)


async def test_msg_06_a_missing_number_is_fetched_before_the_next_is_published(
    db: Database, entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying():
        await eventually(lambda: leads(db))
    await write(entries, range(1, 1201))
    await skip_stream(db)

    async with relaying():
        await eventually(lambda: leads(db))
        await write(entries, [1201])
        # Sooner than the sweep would look.
        await eventually(have_all(arrived, 1201), within=4.5)

    assert arrived.numbers() == complete(1201)


async def test_a_number_that_does_not_exist_holds_up_nothing_and_is_counted(
    entries: Collection, arrived: Arrived, relaying: Relaying
) -> None:
    before = GAPS._value.get()
    async with relaying():
        await entries.insert_many([entry("cnv_0", 1), entry("cnv_0", 4)])
        await eventually(have_all(arrived, 4, conversations=1))

    assert arrived.numbers() == {"cnv_0": [1, 4]}
    assert GAPS._value.get() == before + 2


async def test_msg_02_kafka_away_delays_facts_and_loses_none(
    db: Database, entries: Collection, relaying: Relaying, tmp_path: Path
) -> None:
    server = own_kafka(tmp_path / "kafka", log=tmp_path / "kafka.log")
    server.start()
    try:
        section = KafkaSection(url=server.url)
        await provision(section, [MESSAGING_CONVERSATION_V1, TASKS_TASK_V1], [])
        async with relaying(kafka=section):
            async with arriving(section) as first:
                await write(entries, range(1, 11))
                await eventually(have_all(first, 10), within=20)
            server.stop()
            await write(entries, range(11, 1001))
            await eventually(lambda: metrics.OUTBOX_AGE_SECONDS._value.get() > 3, within=20)
            await eventually(lambda: metrics.OUTBOX_PENDING._value.get() >= 3960, within=20)

            server.start()
            await eventually(lambda: all_published(db, 1000), within=60)
            await eventually(lambda: metrics.OUTBOX_AGE_SECONDS._value.get() == 0, within=5)
        kept = await everything(section)
    finally:
        server.stop()

    assert kept.firsts() == complete(1000)


async def all_published(db: Database, last: int) -> bool:
    return await progress(db) == {f"entries:cnv_{c}": last for c in range(4)}


async def everything(section: KafkaSection) -> Arrived:
    """Read the conversation topic from its beginning to its present end."""
    arrived = Arrived()
    consumer = AIOKafkaConsumer(bootstrap_servers=section.url, enable_auto_commit=False)
    await consumer.start()
    try:
        name = f"{section.topic_prefix}{MESSAGING_CONVERSATION_V1.name}"
        partitions = [TopicPartition(name, n) for n in range(MESSAGING_CONVERSATION_V1.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        wanted = sum((await consumer.end_offsets(partitions)).values())
        async with asyncio.timeout(20):
            while len(arrived.records) < wanted:
                fetched = await consumer.getmany(timeout_ms=500)
                for records in fetched.values():
                    arrived.records += [record_of(section, record) for record in records]
    finally:
        await consumer.stop()
    return arrived


async def test_msg_04_facts_of_the_outbox_are_published_and_marked(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    stored = db.collection("outbox", schema_version=1)
    first = task_fact("tsk_1", 1)
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [first, task_fact("tsk_2", 1)])
        await add(db, outbox, [task_fact("tsk_1", 2), task_fact("tsk_1", 3)])
        await eventually(lambda: arrived.numbers() == {"tsk_1": [1, 2, 3], "tsk_2": [1]})
        await eventually(lambda: nothing_unpublished(stored))

    [record] = [r for r in arrived.records if r.key == "tsk_1" and r.envelope.change_no == 1]
    assert record.topic == "tasks.task.v1"
    assert record.envelope == first.event
    assert record.headers == {"type": b"plexus.tasks.v1.TaskCreated"}
    published = await stored.find_one({"_id": first.event.event_id})
    assert published is not None
    assert abs(published["published_at"] - datetime.now(UTC)) < timedelta(seconds=30)


async def nothing_unpublished(stored: Collection) -> bool:
    return await stored.count({"published_at": None}) == 0


async def test_outbox_facts_without_dense_numbers_are_all_published_by_number(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    await add(db, outbox, [task_fact("tsk_1", n) for n in (9, 2, 5)])

    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: arrived.numbers() == {"tsk_1": [2, 5, 9]})
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [task_fact("tsk_1", n) for n in (12, 12, 20)])
        await eventually(lambda: arrived.numbers() == {"tsk_1": [2, 5, 9, 12, 12, 20]})


async def test_a_lost_history_of_the_outbox_is_replayed_by_marks(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    stored = db.collection("outbox", schema_version=1)
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
        await add(db, outbox, [task_fact("tsk_1", n) for n in range(1, 11)])
        await eventually(lambda: nothing_unpublished(stored))
    leases = db.collection("relay_leases", schema_version=1)
    await leases.update({"_id": "outbox"}, {"$set": {"token": {"_data": "ff"}}})
    for block in range(12):
        numbers = range(11 + block * 100, 111 + block * 100)
        await add(db, outbox, [task_fact("tsk_1", n) for n in numbers])

    swept = SWEPT._value.get()
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: len(arrived.records) >= 1210)
        await eventually(lambda: nothing_unpublished(stored))

    assert arrived.numbers() == {"tsk_1": list(range(1, 1211))}
    assert SWEPT._value.get() == swept


async def test_the_sweep_publishes_what_the_stream_missed_of_the_outbox(
    db: Database, outbox: Outbox, arrived: Arrived, relaying: Relaying
) -> None:
    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: leads(db, "outbox"))
    await add(db, outbox, [task_fact("tsk_1", n) for n in (2, 1)])
    await skip_stream(db, "outbox")

    async with relaying(OUTBOX, name="outbox"):
        await eventually(lambda: arrived.numbers() == {"tsk_1": [1, 2]}, within=15)


async def test_a_source_that_is_not_dense_is_followed_by_its_last_numbers(
    db: Database, arrived: Arrived, relaying: Relaying
) -> None:
    loose = FactSource(
        **{name: getattr(ENTRIES, name) for name in ("topic", "key", "scope", "number", "event")},
        collection="advances",
        traceparent=lambda _: "",
        dense=False,
        mark_published=False,
        replay=replay_by_fields("conversation_id", "change_no"),
        recent=ENTRIES.recent,
    )
    advances = db.collection("advances", schema_version=1)
    await advances.ensure_indexes([Index(keys=[("conversation_id", 1), ("change_no", 1)])])
    await advances.insert_many([entry("cnv_0", n) for n in (3, 8)])

    async with relaying(loose):
        await eventually(lambda: leads(db))
        await advances.insert_many([entry("cnv_0", n) for n in (15, 40)])
        await eventually(lambda: arrived.numbers() == {"cnv_0": [3, 8, 15, 40]})


async def run_out(db: Database) -> None:
    """End the lease on the server, as if its ten seconds were over."""
    leases = db.collection("relay_leases", schema_version=1)
    past = datetime.now(UTC) - timedelta(seconds=1)
    assert await leases.update({"_id": "entries"}, {"$set": {"expires_at": past}}) == 1


async def test_a_lease_that_another_has_taken_is_lost_for_publishing_and_for_saving(
    db: Database, clock: FrozenClock
) -> None:
    first = Lease(db, name="entries", clock=clock)
    second = Lease(db, name="entries", clock=FrozenClock(clock.now()))
    async with first.hold():
        await first.ensure()
        await run_out(db)
        async with second.hold():
            clock.advance(timedelta(seconds=11))

            assert not first.held
            with pytest.raises(LeaseLost):
                await first.ensure()
            with pytest.raises(LeaseLost):
                await first.save(Position(None, None, replaying=False))
            await second.save(Position(None, clock.now(), replaying=False))

    assert (await lease(db))["complete_to"] == clock.now()


async def test_a_lease_that_ran_out_and_nobody_took_goes_on(
    db: Database, clock: FrozenClock
) -> None:
    held = Lease(db, name="entries", clock=clock)
    async with held.hold():
        await run_out(db)
        clock.advance(timedelta(seconds=11))
        assert not held.held

        await held.ensure()

        assert held.held


async def test_numbers_of_quiet_scopes_leave_memory_and_come_back(db: Database) -> None:
    numbers = Numbers(db, capacity=10)
    for n in range(50):
        await numbers.load([f"entries:cnv_{n}"])
        numbers.advance(f"entries:cnv_{n}", n + 1)
    assert len(numbers._last) == 50
    await numbers.flush()
    assert len(numbers._last) == 10

    await numbers.load(["entries:cnv_0", "entries:unknown"])

    assert numbers.last("entries:cnv_0") == 1
    assert numbers.last("entries:unknown") == 0


async def test_a_published_number_never_falls(db: Database) -> None:
    newer, older = Numbers(db), Numbers(db)
    for numbers, number in ((newer, 9), (older, 4)):
        await numbers.load(["entries:cnv_0"])
        numbers.advance("entries:cnv_0", number)
    await newer.flush()
    await older.flush()

    assert await progress(db) == {"entries:cnv_0": 9}


@pytest.mark.long
async def test_a_burst_of_many_scopes_is_published_completely_and_in_order(
    db: Database,
    entries: Collection,
    kafka_section: KafkaSection,
    kafka_topics: Callable[..., Awaitable[object]],
    relaying: Relaying,
) -> None:
    await kafka_topics(MESSAGING_CONVERSATION_V1.name)
    async with relaying():
        await eventually(lambda: leads(db))
    await write(entries, range(1, 501), conversations=64)
    wanted = {f"entries:cnv_{c}": 500 for c in range(64)}

    async def published() -> bool:
        return await progress(db) == wanted

    async with relaying():
        await eventually(published, within=60)

    assert (await everything(kafka_section)).numbers() == complete(500, conversations=64)
