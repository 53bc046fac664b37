"""The consumer runner on a real broker: at least once, in order, no record skipped."""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from plexus.topics import (
    GATEWAY_FANOUT,
    MESSAGING_CONVERSATION_V1,
    NOTIFY_MESSAGES,
    SEARCH_MESSAGES,
    Consumer,
)
from plexus_testkit.probes import healthy
from plexus_testkit.variables import kafka_variables
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import (
    InvalidRecord,
    KafkaUnavailable,
    Outgoing,
    Record,
    consumer,
    dlq_depth,
    dlq_list,
    group_name,
    lag,
    producer,
    provision,
    subscription,
    topic_name,
)
from plexuskit.kafka.clients import admin, partitions_of
from plexuskit.runtime import Runtime
from prometheus_client import REGISTRY

TOPIC = "messaging.conversation.v1"
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


class Effects:
    """A handler that records its calls, and fails on request of the test."""

    def __init__(
        self, failing: Callable[[Sequence[Record]], Exception | None] | None = None
    ) -> None:
        self.failing = failing or (lambda _: None)
        self.batches: list[list[int]] = []
        self.records: list[Record] = []
        self.calls = 0

    async def __call__(self, records: Sequence[Record]) -> None:
        self.calls += 1
        failure = self.failing(records)
        if failure is not None:
            raise failure
        self.batches.append([record.envelope.change_no for record in records])
        self.records += records

    @property
    def numbers(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


def count(group: str, outcome: str) -> float:
    labels = {"group": group, "outcome": outcome}
    return REGISTRY.get_sample_value("plexus_consumer_records_total", labels) or 0.0


async def behind(section: KafkaSection, group: Consumer = SEARCH_MESSAGES) -> int:
    return sum((await lag(section, group)).behind.values())


async def caught_up(section: KafkaSection, group: Consumer = SEARCH_MESSAGES) -> None:
    async def nothing_left() -> bool:
        return await behind(section, group) == 0

    await eventually(nothing_left, within=30)


async def committed(section: KafkaSection, group: Consumer) -> dict[int, int]:
    name = topic_name(section, TOPIC)
    async with admin(section) as client:
        partitions = (await partitions_of(client, [name]))[name]
        stored = await client.list_consumer_group_offsets(
            group_name(section, group.group), partitions=list(partitions)
        )
    return {at.partition: each.offset for at, each in stored.items() if each.offset >= 0}


def detail(runtime: Runtime) -> str:
    checks = {check.name: check for check in runtime.health.checks()}
    return checks["consumer.search.messages"].detail


async def test_records_are_handled_and_committed_in_batches(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    effects = Effects()
    handled = count("search.messages", "handled")

    async with producer(kafka_section) as out:
        await out.send_batch([posted(n, conversation=f"cnv_{n % 30}") for n in range(1, 2001)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        await eventually(lambda: len(effects.numbers) >= 2000)
        await caught_up(kafka_section)

    assert sorted(effects.numbers) == list(range(1, 2001))
    assert effects.calls <= 20
    assert max(len(batch) for batch in effects.batches) == 500
    assert count("search.messages", "handled") - handled == 2000
    assert sum((await committed(kafka_section, SEARCH_MESSAGES)).values()) == 2000


async def test_a_restart_goes_on_behind_the_last_commit(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    first, second = Effects(), Effects()

    async with producer(kafka_section) as out:
        await out.send_batch([posted(n) for n in range(1, 11)])
        async with consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(first), probe=healthy, runtime=runtime
        ):
            await caught_up(kafka_section)
        await out.send_batch([posted(n) for n in range(11, 16)])
        async with consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(second), probe=healthy, runtime=runtime
        ):
            await caught_up(kafka_section)

    assert first.numbers == list(range(1, 11))
    assert second.numbers == list(range(11, 16))


async def test_a_kill_between_effect_and_commit_brings_the_records_again(
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
    tmp_path: Path,
) -> None:
    await kafka_topics(TOPIC)
    async with producer(kafka_section) as out:
        await out.send_batch([posted(n) for n in range(1, 21)])
    effects_file = tmp_path / "effects"

    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("kafka_child.py")),
        str(effects_file),
        env={**os.environ, **kafka_variables("child", kafka_section)},
    )
    assert await asyncio.wait_for(child.wait(), 30) == -9
    assert effects_file.read_text().split() == [str(n) for n in range(1, 21)]
    assert await behind(kafka_section) == 20

    effects = Effects()
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        # the group waits for the dead member until its session ends
        await eventually(lambda: len(effects.numbers) >= 20, within=30)
        await caught_up(kafka_section)
    assert effects.numbers == list(range(1, 21))


async def test_invalid_records_are_buried_at_once_with_the_reason_and_the_rest_goes_on(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)

    def strict(records: Sequence[Record]) -> Exception | None:
        for record in records:
            if record.envelope.change_no == 3:
                return InvalidRecord(record, "a message without a body")
        return None

    effects = Effects(strict)
    garbage = (TOPIC, "cnv_a", b"\xff\xff\xff", {"raw": b"\xfe\xff"})
    stranger = posted(2, type_="DraftSaved")  # a fact of another topic
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), garbage, stranger, posted(3), posted(4), posted(5)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        await caught_up(kafka_section)

    assert effects.batches == [[1, 4, 5]]
    assert effects.calls == 2  # once with the invalid one, once without it
    letters = {
        letter.offset: letter for letter in await dlq_list(kafka_section, "search.messages", 9)
    }
    assert sorted(letters) == [1, 2, 3]
    assert "Envelope" in letters[1].reason
    assert letters[1].headers == {"raw": b"\xfe\xff"}
    assert "DraftSaved" in letters[2].reason
    assert letters[3].reason == "a message without a body"
    assert {letter.attempts for letter in letters.values()} == {1}


async def test_a_fact_of_an_owner_that_was_deployed_first_is_skipped_in_its_place(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    effects, before = Effects(), count("search.messages", "unknown")
    newer = posted(2, type_="MessageTranslated")
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), newer, posted(3)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        await caught_up(kafka_section)

    assert effects.numbers == [1, 3]
    assert await dlq_depth(kafka_section, "search.messages") == 0
    assert count("search.messages", "unknown") - before == 1


async def test_a_group_that_must_have_every_fact_keeps_unknown_ones_for_its_next_build(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    effects = Effects()
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), posted(2, type_="MessageTranslated"), posted(3)])
    async with consumer(
        kafka_section,
        subscription(SEARCH_MESSAGES, bury_unknown=True).of(effects),
        probe=healthy,
        runtime=runtime,
    ):
        await caught_up(kafka_section)

    assert effects.numbers == [1, 3]
    (letter,) = await dlq_list(kafka_section, "search.messages", 9)
    assert "redrive it after the upgrade" in letter.reason


@pytest.mark.parametrize(
    "failure",
    [DependencyDown(), ConnectionRefusedError(), ExceptionGroup("both", [DependencyDown()])],
    ids=["refusal", "system", "in a group"],
)
async def test_a_dependency_that_is_down_keeps_offset_and_order_and_shows(
    failure: Exception,
    kafka_section: KafkaSection,
    kafka_topics: Provisioned,
    posted: Posted,
    runtime: Runtime,
) -> None:
    await kafka_topics(TOPIC)
    down = True
    effects = Effects(lambda _: failure if down else None)
    facts = [posted(n, conversation=f"cnv_{n % 7}") for n in range(1, 101)]

    async with producer(kafka_section) as out:
        await out.send_batch(facts)
    async with consumer(
        kafka_section,
        subscription(SEARCH_MESSAGES, max_batch=30).of(effects),
        probe=healthy,
        runtime=runtime,
    ):
        await eventually(lambda: effects.calls >= 3)

        assert effects.numbers == []
        assert await committed(kafka_section, SEARCH_MESSAGES) == {}
        assert await behind(kafka_section) == 100
        assert detail(runtime).startswith("backing off since ")
        assert runtime.health.ready  # shown, but no reason to take the process out of service
        labels = {"group": "search.messages", "topic": TOPIC}
        await eventually(lambda: REGISTRY.get_sample_value("plexus_consumer_lag", labels) == 100)

        down = False
        await caught_up(kafka_section)
        await eventually(lambda: detail(runtime) == "running")

    assert sorted(effects.numbers) == list(range(1, 101))
    for remainder in range(7):
        own = [number for number in effects.numbers if number % 7 == remainder]
        assert own == sorted(own)
    assert await dlq_depth(kafka_section, "search.messages") == 0


async def test_a_dependency_that_fails_half_way_keeps_what_is_not_done(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    down = True

    def failing(records: Sequence[Record]) -> Exception | None:
        if len(records) > 1:
            return ValueError("one by one, please")
        if down and records[0].envelope.change_no == 4:
            return DependencyDown()
        return None

    effects = Effects(failing)
    invalid = (TOPIC, "cnv_a", b"\xff", {})  # behind the one that waits: buried once, not per try
    async with producer(kafka_section) as out:
        await out.send_batch([*(posted(n) for n in range(1, 7)), invalid])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        await eventually(lambda: effects.calls >= 8)
        assert effects.numbers == [1, 2, 3]
        assert list((await committed(kafka_section, SEARCH_MESSAGES)).values()) == [3]
        down = False
        await caught_up(kafka_section)

    assert effects.numbers == [1, 2, 3, 4, 5, 6]
    assert await dlq_depth(kafka_section, "search.messages") == 1


async def test_a_dead_letter_that_cannot_be_written_keeps_the_record(
    kafka_section: KafkaSection, posted: Posted, runtime: Runtime
) -> None:
    conversations = [MESSAGING_CONVERSATION_V1]
    await provision(kafka_section, conversations, [])  # no dead-letter topic
    effects = Effects()
    invalid = (TOPIC, "cnv_a", b"\xff", {})

    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), invalid, posted(2)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(effects), probe=healthy, runtime=runtime
    ):
        await eventually(lambda: detail(runtime).startswith("backing off"), within=40)
        assert "dead-letter" in detail(runtime)
        stored = await committed(kafka_section, SEARCH_MESSAGES)
        assert all(offset <= 1 for offset in stored.values())
        assert 2 not in effects.numbers

        await provision(kafka_section, conversations, [SEARCH_MESSAGES])
        await caught_up(kafka_section)

    assert sorted(set(effects.numbers)) == [1, 2]
    assert [each.value for each in await dlq_list(kafka_section, "search.messages", 5)] == [b"\xff"]


async def test_a_rebalance_between_two_members_loses_nothing_and_keeps_order(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> None:
    await kafka_topics(TOPIC)
    arrived: dict[str, list[int]] = defaultdict(list)
    shares = [0, 0]

    def member(index: int) -> Callable[[Sequence[Record]], Awaitable[None]]:
        async def handle(records: Sequence[Record]) -> None:
            await asyncio.sleep(0.02)
            shares[index] += len(records)
            for record in records:
                arrived[record.key].append(record.envelope.change_no)

        return handle

    def total() -> int:
        return len({(key, number) for key, each in arrived.items() for number in each})

    one, two = Runtime(service="one"), Runtime(service="two")
    async with producer(kafka_section) as out:

        async def send(start: int, stop: int) -> None:
            for first in range(start, stop, 50):
                await out.send_batch(
                    [posted(n, conversation=f"cnv_{n % 24}") for n in range(first, first + 50)]
                )
                await asyncio.sleep(0.02)

        async with consumer(
            kafka_section,
            subscription(SEARCH_MESSAGES, max_batch=40).of(member(0)),
            probe=healthy,
            runtime=one,
        ):
            await send(0, 1000)
            joining = asyncio.create_task(send(1000, 3000))  # continues while partitions move
            async with consumer(
                kafka_section,
                subscription(SEARCH_MESSAGES, max_batch=40).of(member(1)),
                probe=healthy,
                runtime=two,
            ):
                await joining
                await send(3000, 4000)
                await eventually(lambda: shares[1] > 0)
                leaving = asyncio.create_task(send(4000, 5000))
                await asyncio.sleep(0.1)
            await leaving
            await eventually(lambda: total() == 5000, within=30)
            await caught_up(kafka_section)

    assert one.exit_code == two.exit_code == 0
    for numbers in arrived.values():
        firsts = list(dict.fromkeys(numbers))  # repeats are allowed, overtaking is not
        assert firsts == sorted(firsts)
    await one.close()
    await two.close()


async def test_stopping_waits_for_the_batch_in_flight_and_commits_it(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(_: Sequence[Record]) -> None:
        begun.set()
        await asyncio.sleep(0.7)
        done.set()

    async with producer(kafka_section) as out:
        await out.send_batch([posted(n) for n in range(1, 6)])
    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(slow), probe=healthy, runtime=runtime
    ):
        await asyncio.wait_for(begun.wait(), 10)

    assert done.is_set()
    assert await behind(kafka_section) == 0


async def test_two_groups_read_the_same_topic_each_for_itself(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    search, notify = Effects(), Effects()
    async with producer(kafka_section) as out:
        await out.send_batch([posted(1), posted(2)])
    async with (
        consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(search), probe=healthy, runtime=runtime
        ),
        consumer(
            kafka_section, subscription(NOTIFY_MESSAGES).of(notify), probe=healthy, runtime=runtime
        ),
    ):
        await caught_up(kafka_section, SEARCH_MESSAGES)
        await caught_up(kafka_section, NOTIFY_MESSAGES)
    assert search.numbers == notify.numbers == [1, 2]


async def test_a_consumer_entered_while_kafka_is_away_backs_off_and_shows_it(
    runtime: Runtime,
) -> None:
    async with consumer(
        KafkaSection(url="127.0.0.1:1"),
        subscription(SEARCH_MESSAGES).of(Effects()),
        probe=healthy,
        runtime=runtime,
    ):
        assert detail(runtime).startswith("backing off since ")
        assert "Kafka" in detail(runtime)
    assert runtime.exit_code == 0


async def test_a_group_without_dead_letters_has_no_runner(
    kafka_section: KafkaSection, runtime: Runtime
) -> None:
    with pytest.raises(ValueError, match=r"gateway\.fanout"):
        async with consumer(
            kafka_section,
            subscription(GATEWAY_FANOUT).of(Effects()),
            probe=healthy,
            runtime=runtime,
        ):
            pytest.fail("a group without a dead-letter topic was consumed")


async def test_lag_of_a_kafka_that_is_away_is_a_dependency_down() -> None:
    with pytest.raises(KafkaUnavailable):
        await lag(KafkaSection(url="127.0.0.1:1"), SEARCH_MESSAGES)
