"""Best-effort records never wait for Kafka, are bounded, and are counted when dropped."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from plexus_testkit import FrozenClock
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import BestEffortProducer, Outgoing, Record, best_effort_producer, tail
from plexuskit.kafka.best_effort import DROPPED, FULL, STALE, UNAVAILABLE
from plexuskit.runtime import Runtime

TOPIC = "messaging.conversation.v1"
NOWHERE = KafkaSection(url="127.0.0.1:9")
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


def dropped(reason: str) -> float:
    return DROPPED.labels(reason)._value.get()


async def test_what_is_offered_arrives_in_order(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    async with (
        best_effort_producer(kafka_section, runtime=runtime) as queue,
        tail(kafka_section, [TOPIC]) as seen,
    ):
        for number in range(1, 101):
            queue.offer(posted(number))
        records: list[Record] = []
        async for batch in seen:
            records += batch
            if len(records) >= 100:
                break

    assert [record.envelope.change_no for record in records] == list(range(1, 101))


async def test_without_kafka_nothing_waits_and_what_is_lost_is_counted(
    posted: Posted, runtime: Runtime
) -> None:
    before = dropped(UNAVAILABLE)
    async with best_effort_producer(NOWHERE, runtime=runtime, maximum=50) as queue:
        for number in range(1, 11):
            queue.offer(posted(number))
        await eventually(lambda: dropped(UNAVAILABLE) >= before + 10, within=30)
        check = next(each for each in runtime.health.checks() if each.name == "signals")

    assert not check.ok
    assert not check.required


async def test_beyond_the_bound_the_oldest_goes(posted: Posted, clock: FrozenClock) -> None:
    queue = BestEffortProducer(
        NOWHERE, clock=clock, maximum=3, fresh=timedelta(seconds=3), check="signals"
    )
    before = dropped(FULL)
    for number in range(1, 6):
        queue.offer(posted(number))

    assert queue.waiting == 3
    assert dropped(FULL) == before + 2
    assert queue._take()[0] == posted(3)


async def test_what_has_waited_too_long_does_not_leave(posted: Posted, clock: FrozenClock) -> None:
    queue = BestEffortProducer(
        NOWHERE, clock=clock, maximum=3, fresh=timedelta(seconds=3), check="signals"
    )
    before = dropped(STALE)
    queue.offer(posted(1))
    clock.advance(timedelta(seconds=4))
    queue.offer(posted(2))

    assert queue._take() == [posted(2)]
    assert dropped(STALE) == before + 1


async def test_a_tail_can_begin_with_what_was_produced_lately(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    began = datetime.now(UTC) - timedelta(seconds=1)
    async with (
        best_effort_producer(kafka_section, runtime=runtime) as queue,
        tail(kafka_section, [TOPIC]) as seen,
    ):
        queue.offer(posted(1))
        await anext(seen)

    async with tail(kafka_section, [TOPIC], since=began) as later:
        (record,) = await anext(later)
        assert record.envelope.change_no == 1
    async with tail(kafka_section, [TOPIC], since=datetime.now(UTC)) as late:
        assert sum(late.end_offsets.values()) == 1
