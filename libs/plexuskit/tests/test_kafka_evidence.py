"""One record that fails for an unknown reason, on a real broker, with compressed time."""

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import pytest
from plexus.topics import SEARCH_MESSAGES
from plexus_testkit.probes import healthy
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import (
    HeldRecord,
    Outgoing,
    Record,
    RecordNotHeld,
    ask_to_skip,
    consumer,
    dlq_depth,
    dlq_list,
    lag,
    producer,
    read_held,
    subscription,
)
from plexuskit.kafka.evidence import Hold, Patience
from plexuskit.kafka.verdicts import back_off
from plexuskit.ops import readiness
from plexuskit.runtime import Runtime
from prometheus_client import REGISTRY

TOPIC = "messaging.conversation.v1"
GROUP = "search.messages"
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


@pytest.fixture
def impatient(kafka_section: KafkaSection) -> KafkaSection:
    """Five minutes of evidence in one second, ten minutes in two."""
    return kafka_section.model_copy(
        update={
            "evidence_seconds": 1.0,
            "set_aside_every_seconds": 2.0,
            "held_degraded_seconds": 2.0,
        }
    )


class Poisoned:
    """A handler that fails on some numbers, and remembers when each was tried alone."""

    def __init__(self, *numbers: int, error: Exception | None = None) -> None:
        self.numbers = set(numbers)
        self.error = error or RuntimeError("five is right out")
        self.handled: list[int] = []
        self.alone: list[float] = []

    async def __call__(self, records: Sequence[Record]) -> None:
        found = [record.envelope.change_no for record in records]
        if self.numbers & {*found}:
            if len(records) == 1:
                self.alone.append(time.monotonic())
            raise self.error
        self.handled += found


async def caught_up(section: KafkaSection) -> None:
    async def nothing_left() -> bool:
        return sum((await lag(section, SEARCH_MESSAGES)).behind.values()) == 0

    await eventually(nothing_left, within=60)


@pytest.mark.rule("MSG-4")
@pytest.mark.parametrize("error", [RuntimeError("no"), TimeoutError()], ids=["error", "timeout"])
async def test_a_record_that_fails_alone_is_set_aside_after_evidence_and_its_partition_moves_on(
    error: Exception,
    impatient: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    handler = Poisoned(5, error=error)
    async with producer(impatient) as out:
        await out.send_batch([posted(n, traceparent=b"00-a") for n in range(1, 11)])
    async with consumer(
        impatient, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
    ):
        await caught_up(impatient)

    assert handler.handled == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert len(handler.alone) >= 5
    assert handler.alone[-1] - handler.alone[0] >= 1.0
    (letter,) = await dlq_list(impatient, GROUP, 10)
    assert letter.key == "cnv_a"
    assert letter.value == posted(5)[2]
    assert letter.headers == {"traceparent": b"00-a"}
    assert (letter.topic, letter.offset, letter.attempts) == (TOPIC, 4, len(handler.alone))
    assert letter.reason.startswith(type(error).__name__)


async def test_other_partitions_go_on_while_one_is_held(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    handler = Poisoned(1)
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1, conversation="cnv_a")])
        async with consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
        ):
            await eventually(lambda: len(handler.alone) >= 2)
            for number in range(2, 42):
                await out.send_batch([posted(number, conversation=f"cnv_{number}")])
            await eventually(lambda: len(handler.handled) >= 25, within=30)
            assert await dlq_depth(kafka_section, GROUP) == 0


async def test_nothing_is_set_aside_while_the_probe_fails(
    impatient: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    handler = Poisoned(1)
    broken, probed = True, 0

    async def probe() -> None:
        nonlocal probed
        probed += 1
        if broken:
            raise ValueError("the index lost its mind")

    async with producer(impatient) as out:
        await out.send_batch([posted(n, conversation=f"cnv_{n}") for n in range(1, 9)])
    async with consumer(
        impatient, subscription(SEARCH_MESSAGES).of(handler), probe=probe, runtime=runtime
    ):
        await eventually(lambda: probed >= 30, within=60)  # six times the evidence that is needed
        assert await dlq_depth(impatient, GROUP) == 0
        (held,) = [c for c in runtime.health.checks() if c.name == f"consumer.{GROUP}"]
        assert "the probe failed: ValueError" in held.detail
        broken = False
        handler.numbers.clear()
        await caught_up(impatient)
    assert sorted(handler.handled) == list(range(1, 9))


async def test_a_handler_that_is_broken_for_all_does_not_drain_the_topic(
    impatient: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    handler = Poisoned(*range(1, 201), error=KeyError("a mistake in the code"))
    async with producer(impatient) as out:
        await out.send_batch([posted(n) for n in range(1, 201)])

    began = time.monotonic()
    async with consumer(
        impatient, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
    ):

        async def two_are_set_aside() -> bool:
            return await dlq_depth(impatient, GROUP) >= 2

        await eventually(two_are_set_aside, within=60)
        lasted = time.monotonic() - began
        buried = await dlq_depth(impatient, GROUP)
        assert buried <= 1 + lasted / 2.0
        handler.numbers.clear()
        await caught_up(impatient)

    assert len(handler.handled) + await dlq_depth(impatient, GROUP) == 200


@pytest.mark.parametrize(
    "error", [DependencyDown(dependency="mongodb"), RuntimeError("no")], ids=["known", "unknown"]
)
async def test_a_partition_held_for_long_is_degraded_and_an_operator_can_skip_its_record(
    error: Exception,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    section = kafka_section.model_copy(
        update={"held_degraded_seconds": 0.5, "evidence_seconds": 60.0}
    )
    handler = Poisoned(2, error=error)
    async with producer(section) as out:
        await out.send_batch([posted(n) for n in range(1, 4)])
    async with consumer(
        section, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
    ):

        def degraded() -> list[dict[str, str]]:
            found = readiness(runtime)["degraded"]
            assert isinstance(found, list)
            return [each for each in found if each["check"] == f"consumer.{GROUP}.held"]

        await eventually(lambda: "offset 1 since" in str(degraded()), within=30)
        (shown,) = degraded()
        assert readiness(runtime)["ready"]
        assert "plexus admin dlq skip messaging.conversation.v1" in shown["remedy"]
        seconds = REGISTRY.get_sample_value("plexus_consumer_held_seconds", {"group": GROUP})
        assert seconds is not None
        assert seconds >= 0.5
        partition = int(shown["remedy"].partition(f"skip {TOPIC} ")[2].split()[0])

        async def told() -> list[HeldRecord]:
            return await read_held(section, SEARCH_MESSAGES)

        await eventually(told, within=30)
        (held,) = await told()
        assert (held.topic, held.partition, held.offset) == (TOPIC, partition, 1)
        assert type(error).__name__ in held.words
        with pytest.raises(RecordNotHeld):
            await ask_to_skip(
                section, topic=TOPIC, partition=partition, offset=2, actor="ann", reason="no"
            )
        groups = await ask_to_skip(
            section, topic=TOPIC, partition=partition, offset=1, actor="ann", reason="CASE-7"
        )
        assert GROUP in groups
        await caught_up(section)
        await eventually(lambda: not degraded())
        assert await told() == []

    assert handler.handled == [1, 3]
    (letter,) = await dlq_list(section, GROUP, 10)
    assert letter.reason == "skipped by ann: CASE-7"


async def test_a_request_to_skip_an_earlier_record_does_not_skip_the_held_one(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), posted(2)])
        for partition in range(6):
            # Offsets that are not held yet: in the other partitions that would be their first
            # record.
            await ask_to_skip(
                kafka_section, topic=TOPIC, partition=partition, offset=0, actor="ann", reason="no"
            )
        handler = Poisoned(2)
        async with consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
        ):
            await eventually(lambda: len(handler.alone) >= 3, within=30)
            assert handler.handled == [1]
            handler.numbers.clear()
            await caught_up(kafka_section)
    assert handler.handled == [1, 2]
    assert await dlq_depth(kafka_section, GROUP) == 0


async def test_evidence_outlives_the_process_that_gathered_it(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    section = kafka_section.model_copy(
        update={"evidence_seconds": 2.0, "set_aside_every_seconds": 600.0}
    )
    async with producer(section) as out:
        await out.send_batch([posted(n) for n in range(1, 5)])

    lives = 0

    async def has_letters() -> bool:
        return await dlq_depth(section, GROUP) > 0

    while not await has_letters():
        lives += 1
        assert lives <= 30, "two attempts of every life never add up"
        handler = Poisoned(2)
        async with consumer(
            section, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
        ):
            # No life of a process has the evidence alone.
            await eventually(partial(_tried_twice_or_gone, handler, has_letters), within=60)

    assert lives >= 3
    (letter,) = await dlq_list(section, GROUP, 10)
    assert letter.offset == 1
    assert letter.attempts >= 5


async def _tried_twice_or_gone(handler: Poisoned, gone: Callable[[], Awaitable[bool]]) -> bool:
    return len(handler.alone) >= 2 or await gone()


async def test_a_restarted_process_sets_no_second_record_aside_before_its_time(
    impatient: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    spaced = impatient.model_copy(update={"set_aside_every_seconds": 600.0})
    async with producer(impatient) as out:
        await out.send_batch([posted(n) for n in range(1, 4)])
    async with consumer(
        spaced, subscription(SEARCH_MESSAGES).of(Poisoned(1, 2)), probe=healthy, runtime=runtime
    ):
        await eventually(partial(_depth_is, spaced, 1), within=60)

    handler = Poisoned(1, 2)
    async with consumer(
        spaced, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
    ):
        # Evidence over and over, and the interval is not.
        await eventually(lambda: len(handler.alone) >= 15, within=60)
        assert await dlq_depth(spaced, GROUP) == 1
    # As soon as the interval is over, the existing evidence is enough.
    async with consumer(
        impatient, subscription(SEARCH_MESSAGES).of(handler), probe=healthy, runtime=runtime
    ):
        await caught_up(impatient)

    letters = await dlq_list(impatient, GROUP, 10)
    assert [letter.offset for letter in letters] == [0, 1]


async def _depth_is(section: KafkaSection, depth: int) -> bool:
    return await dlq_depth(section, GROUP) == depth


async def test_evidence_that_a_broken_dependency_ended_is_not_revived_by_a_restart(
    impatient: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    section = impatient.model_copy(update={"evidence_attempts": 4})
    async with producer(section) as out:
        await out.send_batch([posted(1), posted(2)])
    handler, broken, probed = Poisoned(1), False, 0

    async def probe() -> None:
        nonlocal probed, broken
        probed += 1
        broken = broken or probed > 3
        if broken:
            raise ValueError("away")

    async with consumer(
        section, subscription(SEARCH_MESSAGES).of(handler), probe=probe, runtime=runtime
    ):
        await eventually(lambda: probed >= 6, within=60)
    again = Poisoned(1)
    async with consumer(
        section, subscription(SEARCH_MESSAGES).of(again), probe=healthy, runtime=runtime
    ):
        await eventually(partial(_depth_is, section, 1), within=60)

    assert len(again.alone) >= 4
    assert again.alone[-1] - again.alone[0] >= 1.0


def test_by_the_settings_a_record_that_always_fails_is_set_aside_within_ten_minutes() -> None:
    """The waits between attempts, each as long as it can be, with an attempt that takes none."""
    patience = Patience.of(KafkaSection())
    hold, now = Hold(offset=0), 0.0
    hold.failed_alone(reason="no", now=now)
    while not hold.is_proved(patience, last_set_aside=None, now=now):
        hold.tries += 1
        now += min(0.5 * 2.0 ** (hold.tries - 1), patience.max_pause)
        hold.failed_alone(reason="no", now=now)

    assert patience.over == 300
    assert now < 600
    assert back_off(100, max_pause=patience.max_pause) <= patience.max_pause == 30
