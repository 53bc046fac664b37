"""The indexer on real Kafka and OpenSearch."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import events_pb2 as directory_events
from plexus.directory.v1.people_pb2 import Person
from plexus.messaging.v1 import events_pb2 as messaging_events
from plexus.messaging.v1.messages_pb2 import Message
from plexus.tasks.v1 import events_pb2 as tasks_events
from plexus.tasks.v1.tasks_pb2 import Task
from plexus.topics import DIRECTORY_PERSON_V1, MESSAGING_CONVERSATION_V1, TASKS_TASK_V1
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import Outgoing, dlq_depth, dlq_list, producer
from plexuskit.outbox import envelope
from plexuskit.service import Runtime
from search import app
from search.config import OpensearchSection, Settings
from search.domain.lag import dead_letters, lag_seconds
from search.kinds import KINDS
from search.kinds.message import TYPE as MESSAGE
from search.store import Store

MESSAGES = "search.messages"


@pytest.fixture
async def kafka(
    kafka_section: KafkaSection, kafka_topics: Callable[..., Awaitable[Any]]
) -> KafkaSection:
    """Kafka with the topics that search reads."""
    await kafka_topics(
        *(t.name for t in (MESSAGING_CONVERSATION_V1, TASKS_TASK_V1, DIRECTORY_PERSON_V1))
    )
    return kafka_section


@pytest.fixture
def indexing(
    settings: Settings,
    kafka: KafkaSection,  # noqa: ARG001 - its topics are there first
    kafka_section_of: Callable[[str], KafkaSection],
) -> Callable[..., Any]:
    """Run the indexer for the time of a block."""

    @asynccontextmanager
    async def running(opensearch: OpensearchSection | None = None) -> AsyncIterator[Runtime]:
        own = {"kafka": kafka_section_of("search")} | (
            {"opensearch": opensearch} if opensearch else {}
        )
        runtime = Runtime(service="search")
        try:
            async with app.indexer(settings.model_copy(update=own), runtime):
                yield runtime
        finally:
            runtime.stop()
            await runtime.close()

    return running


@pytest.fixture
def publish(kafka: KafkaSection) -> Callable[..., Awaitable[None]]:
    """Write records as the owners' relays do."""

    async def published(*records: Outgoing) -> None:
        async with producer(kafka) as out:
            for start in range(0, len(records), 1_000):
                await out.send_batch(records[start : start + 1_000])

    return published


@pytest.fixture
def said(tenant: str) -> Callable[..., Outgoing]:
    """The record of a fact about a message: `said(1, "text", version=2, recalled=True)`."""

    def record(seq: int, text: str, *, version: int = 1, conversation: str = "cnv_room",
               recalled: bool = False, **fields: Any) -> Outgoing:  # fmt: skip
        message = Message(
            id=f"msg_{tenant}_{seq}", conversation_id=conversation, seq=seq, sender_id="per_ann",
            text=text, revision=version, recalled=recalled,
            sent_at=Timestamp(seconds=1_700_000_000), **fields,
        )  # fmt: skip
        kind = messaging_events.MessageRecalled if recalled else messaging_events.MessagePosted
        value = event(kind(message=message), message.id, version, tenant)
        return (MESSAGING_CONVERSATION_V1.name, conversation[:100], value, {})

    return record


def event(fact: ProtoMessage, entity_id: str, version: int, tenant: str) -> bytes:
    return envelope(
        fact=fact, tenant_id=tenant, scope=entity_id, change_no=version, entity_id=entity_id,
        entity_version=version, actor_id="per_ann", now=datetime.now(UTC),
    ).SerializeToString()  # fmt: skip


@pytest.mark.alone
async def test_src_04_facts_of_all_owners_are_found_within_seconds(
    indexing: Callable[..., Any], publish: Callable[..., Any], said: Callable[..., Outgoing],
    store: Store, tenant: str, texts: Callable[..., Any],
) -> None:  # fmt: skip
    task = Task(id=f"tsk_{tenant}", key="T-7", title="买桌子", project_id="prj_1", version=1)
    person = Person(id=f"per_{tenant}", handle="wei", display_name="张伟", kind=Person.KIND_HUMAN)
    robot = Person(id=f"per_bot_{tenant}", handle="bot", kind=Person.KIND_SERVICE_ACCOUNT)

    async with indexing():
        began = time.monotonic()
        await publish(
            said(1, "我家在上海东边。"),
            said(2, ""),
            said(3, "Ann joined", kind=Message.KIND_SYSTEM),
            (TASKS_TASK_V1.name, task.id,
             event(tasks_events.TaskCreated(task=task), task.id, 1, tenant), {}),
            *(
                (DIRECTORY_PERSON_V1.name, each.id,
                 event(directory_events.PersonAdded(person=each), each.id, 1, tenant), {})
                for each in (person, robot)
            ),
            (DIRECTORY_PERSON_V1.name, person.id,
             event(directory_events.SessionRevoked(person_id=person.id), "ses_1", 1, tenant), {}),
        )  # fmt: skip

        async def all_there() -> bool:
            counted = await store.count(tenant_id=tenant)
            return {type_.name: count for type_, count in counted.items()} == {
                "message": 3,
                "task": 1,
                "person": 1,
            }

        await eventually(all_there, within=30)
        assert time.monotonic() - began < 5

    assert await texts("上海") == ["我家在上海东边。"]
    assert await texts("桌子", whole=["project:prj_1"]) == ["买桌子"]
    assert await texts("张伟", whole=[f"tenant:{tenant}"]) == ["张伟"]
    assert await texts("joined") == []


async def test_src_03_late_and_repeated_facts_bring_nothing_back(
    indexing: Callable[..., Any], publish: Callable[..., Any], said: Callable[..., Outgoing],
    texts: Callable[..., Any],
) -> None:  # fmt: skip
    async with indexing():
        await publish(said(1, "new words", version=2), said(2, "", version=2, recalled=True))
        await eventually(lambda: texts("words"), within=30)
        await publish(said(1, "old words"), said(2, "recalled words"), said(3, "the last words"))
        await eventually(lambda: both(texts, "the last words"), within=30)

    assert set(await texts("words")) == {"new words", "the last words"}


async def both(texts: Callable[..., Any], wanted: str) -> bool:
    return wanted in await texts("words")


async def test_src_08_poison_goes_to_the_dead_letters_and_stops_nothing(
    indexing: Callable[..., Any], publish: Callable[..., Any], said: Callable[..., Outgoing],
    own_store: Store, kafka: KafkaSection, tenant: str,
) -> None:  # fmt: skip
    topic = MESSAGING_CONVERSATION_V1.name
    wrong = event(
        messaging_events.MessagePosted(message=Message(id="msg_else")), "msg_1", 1, tenant
    )
    good = [said(seq, f"good {seq}") for seq in range(1, 60)]
    async with indexing():
        await publish(
            *good[:20],
            (topic, "cnv_room", b"\xff\xff\xff", {}),
            *good[20:30],
            (topic, "cnv_room", wrong, {}),
            said(60, "too long", conversation="c" * 40_000),
            *good[30:],
        )

        async def all_good() -> bool:
            return (await own_store.count(tenant_id=tenant))[MESSAGE] == len(good)

        await eventually(all_good, within=30)
        assert await dlq_depth(kafka, MESSAGES) == 3
        reasons = [letter.reason for letter in await dlq_list(kafka, MESSAGES, 10)]

        async def told() -> bool:
            return dead_letters(await own_store.progress()) == 3

        await eventually(told, within=30)

    assert any("Envelope" in reason for reason in reasons)
    assert any("another entity" in reason for reason in reasons)
    assert any("immense term" in reason for reason in reasons)


class Cable:
    """A line to a server that can be cut."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _connected(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, there = await asyncio.open_connection(self._host, self._port)
        self._writers |= {back, there}
        await asyncio.gather(self._pump(near, there), self._pump(far, back))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        except OSError:
            return  # truncated, as requested
        finally:
            sink.close()


async def test_src_08_an_index_that_is_away_costs_time_and_no_record(
    indexing: Callable[..., Any], publish: Callable[..., Any], said: Callable[..., Outgoing],
    own_store: Store, kafka: KafkaSection, tenant: str,
) -> None:  # fmt: skip
    cable = Cable(own_store.section.url)
    await cable.plug()
    through = own_store.section.model_copy(update={"url": f"http://127.0.0.1:{cable.port}"})

    async def there(count: int) -> bool:
        return (await own_store.count(tenant_id=tenant))[MESSAGE] == count

    async with indexing(through) as runtime:
        await publish(said(1, "before"))
        await eventually(lambda: there(1), within=30)

        await cable.cut()
        await publish(*(said(seq, "meanwhile") for seq in range(2, 700)))
        await eventually(lambda: backing_off(runtime), within=30)
        assert await there(1)
        await cable.plug()

        await eventually(lambda: there(699), within=40)
        assert await dlq_depth(kafka, MESSAGES) == 0

        async def caught_up() -> bool:
            progress, now = await own_store.progress(), datetime.now(UTC)
            return lag_seconds(progress, groups=KINDS.groups, now=now) == 0

        await eventually(caught_up, within=30)
    await cable.cut()


def backing_off(runtime: Runtime) -> bool:
    checks: Sequence[Any] = runtime.health.failing(required=False)
    return any(check.name == f"consumer.{MESSAGES}" for check in checks)


@pytest.mark.alone
async def test_a_large_import_is_indexed_in_seconds(
    indexing: Callable[..., Any], publish: Callable[..., Any], said: Callable[..., Outgoing],
    own_store: Store, tenant: str,
) -> None:  # fmt: skip
    count = 16_466
    words = "the nightly build of 报表 failed again on host 10.1.2.3, see https://ci.example/run/"
    await publish(
        *(said(n, f"{words}{n}", conversation=f"cnv_{n % 20}") for n in range(1, count + 1))
    )

    async with indexing():
        began = time.monotonic()

        async def all_there() -> bool:
            return (await own_store.count(tenant_id=tenant))[MESSAGE] == count

        await eventually(all_there, within=120, every=0.2)
        # some 8 s on two cores; the rest is room for other processes
        assert time.monotonic() - began < 60
