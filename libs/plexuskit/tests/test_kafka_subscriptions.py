"""Declarations of handlers: they name the topics of a group, and bind methods to instances."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
from faststream.kafka import KafkaBroker
from plexus.directory.v1.events_pb2 import PersonChanged, SessionRevoked
from plexus.tasks.v1.events_pb2 import TaskChanged
from plexus.topics import GATEWAY_RELATIONS, MESSAGING_PEOPLE, NOTIFY_TASKS, SEARCH_MESSAGES
from plexus_testkit import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import Outgoing, Record, consumer, dlq_depth, lag, producer, subscription
from plexuskit.service import Runtime

TASK_CHANGED = TaskChanged.DESCRIPTOR.full_name


class Handlers:
    def __init__(self) -> None:
        self.seen = 0

    @subscription(NOTIFY_TASKS, TaskChanged, max_batch=7)
    async def tasks(self, records: Sequence[Record]) -> None:
        """Count records
        of tasks.

        This paragraph describes no more.
        """
        self.seen += len(records)


async def test_a_method_is_declared_by_its_class_and_handles_for_its_instance() -> None:
    handlers = Handlers()
    await handlers.tasks([])
    await handlers.tasks([Record(topic="tasks.task.v1", partition=0, offset=0, key="", value=b"")])

    assert handlers.seen == 1
    assert handlers.tasks.subscription is Handlers.tasks
    assert Handlers.tasks.facts == {TASK_CHANGED}
    assert Handlers.tasks.handler == f"{__name__}.Handlers.tasks"
    assert Handlers.tasks.description == "Count records of tasks."


def test_without_facts_all_of_the_topics_are_taken() -> None:
    declared = subscription(MESSAGING_PEOPLE)
    assert {PersonChanged.DESCRIPTOR.full_name, SessionRevoked.DESCRIPTOR.full_name} < (
        declared.facts
    )
    assert TASK_CHANGED not in declared.facts


def test_a_fact_or_a_topic_that_the_group_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match=TASK_CHANGED):
        subscription(MESSAGING_PEOPLE, TaskChanged)
    with pytest.raises(ValueError, match=r"tasks\.task\.v1"):
        subscription(MESSAGING_PEOPLE, topics=["tasks.task.v1"])


async def test_the_subscriber_of_faststream_has_the_declaration() -> None:
    section = KafkaSection(topic_prefix="a.")
    broker = KafkaBroker()
    of_group = Handlers.tasks.declare(broker, section)
    ephemeral = subscription(GATEWAY_RELATIONS, topics=["tasks.task.v1"]).declare(broker, section)

    assert of_group.topic_names == ephemeral.topic_names == ["a.tasks.task.v1"]
    assert (of_group.group_id, of_group.max_records) == ("a.notify.tasks", 7)
    assert ephemeral.group_id is None
    # FastStream starts its own loop for a subscriber with a handler.
    assert not of_group.calls


async def test_facts_that_a_handler_does_not_take_are_finished_without_it(
    kafka_section: KafkaSection,
    kafka_topics: Callable[..., Awaitable[object]],
    posted: Callable[..., Outgoing],
    runtime: Runtime,
) -> None:
    await kafka_topics(*SEARCH_MESSAGES.topics)
    seen: list[int] = []

    async def handle(records: Sequence[Record]) -> None:
        seen.extend(record.envelope.change_no for record in records)

    async def healthy() -> None:
        """Probe of nothing."""

    async def caught_up() -> bool:
        return sum((await lag(kafka_section, SEARCH_MESSAGES)).behind.values()) == 0

    async with producer(kafka_section) as out:
        kinds = ("MessagePosted", "MessageReacted", "MessageEdited", "MessagePosted", "ChainBegun")
        await out.send_batch([posted(n, type_=kind) for n, kind in enumerate(kinds, start=1)])
    declared = subscription(
        SEARCH_MESSAGES, "plexus.messaging.v1.MessagePosted", "plexus.messaging.v1.MessageEdited"
    )
    async with consumer(kafka_section, declared.of(handle), probe=healthy, runtime=runtime):
        await eventually(caught_up, within=30)

    assert seen == [1, 3, 4]
    assert await dlq_depth(kafka_section, SEARCH_MESSAGES.group) == 0
