"""Dead letters can be listed, counted and redriven for exactly the group that failed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest
from plexus.topics import NOTIFY_MESSAGES, SEARCH_MESSAGES
from plexus_testkit.probes import healthy
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import (
    MAX_FACT_BYTES,
    DeadLettersUnknown,
    InvalidRecord,
    KafkaUnavailable,
    Outgoing,
    Record,
    RedriveScattered,
    consumer,
    dlq_depth,
    dlq_list,
    dlq_redrive,
    lag,
    producer,
    subscription,
)
from plexuskit.kafka.dlq import Progress, read_offsets, written
from plexuskit.kafka.letters import dead_letter
from plexuskit.kafka.provision import MAX_LETTER_BYTES
from plexuskit.runtime import Runtime

TOPIC = "messaging.conversation.v1"
GROUP = "search.messages"
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
Posted = Callable[..., Outgoing]
Provisioned = Callable[..., Awaitable[object]]


@pytest.fixture
def bury(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted
) -> Callable[[int], Awaitable[None]]:
    """A function that puts facts 1 to n into the dead letters of `search.messages`."""

    async def buried(count: int) -> None:
        await kafka_topics(TOPIC)
        async with producer(kafka_section, max_bytes=MAX_LETTER_BYTES) as out:
            letters = [
                dead_letter(
                    Record(
                        topic=TOPIC,
                        partition=0,
                        offset=number,
                        key="cnv_a",
                        value=posted(number)[2],
                        headers={"traceparent": b"00-a"},
                    ),
                    group=GROUP,
                    reason=f"number {number}",
                    attempts=5,
                    now=NOW,
                )
                for number in range(1, count + 1)
            ]
            await out.send_batch(letters)

    return buried


def numbers(seen: Sequence[Record]) -> list[int]:
    return [record.envelope.change_no for record in seen]


async def test_redriven_records_reach_the_named_group_and_no_other(
    kafka_section: KafkaSection, kafka_topics: Provisioned, posted: Posted, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    broken = True
    search: list[Record] = []
    notify: list[Record] = []

    async def index(records: Sequence[Record]) -> None:
        for record in records:
            if broken and record.envelope.change_no in {2, 3}:
                raise InvalidRecord(record, "the index does not take it yet")
        search.extend(records)

    async def remind(records: Sequence[Record]) -> None:
        notify.extend(records)

    async def all_read() -> bool:
        lags = [await lag(kafka_section, each) for each in (SEARCH_MESSAGES, NOTIFY_MESSAGES)]
        return not any(sum(each.behind.values()) for each in lags)

    async with (
        producer(kafka_section) as out,
        consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(index), probe=healthy, runtime=runtime
        ),
        consumer(
            kafka_section, subscription(NOTIFY_MESSAGES).of(remind), probe=healthy, runtime=runtime
        ),
    ):
        await out.send_batch([posted(n, traceparent=b"00-a") for n in range(1, 5)])
        await eventually(all_read)
        assert numbers(search) == [1, 4]
        assert numbers(notify) == [1, 2, 3, 4]

        broken = False
        report = await dlq_redrive(kafka_section, GROUP, 10)
        await eventually(lambda: len(search) == 4)
        await eventually(all_read)

    assert (report.redriven, report.waiting) == (2, 0)
    assert numbers(search) == [1, 4, 2, 3]
    assert numbers(notify) == [1, 2, 3, 4]
    assert search[2].key == "cnv_a"
    assert search[2].value == posted(2)[2]
    assert search[2].traceparent == "00-a"
    assert search[2].redriven_for == GROUP
    assert await dlq_depth(kafka_section, GROUP) == 0


async def test_a_repeat_that_fails_again_becomes_a_new_letter_without_old_marks(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]], runtime: Runtime
) -> None:
    await bury(1)

    async def refuse(records: Sequence[Record]) -> None:
        raise InvalidRecord(records[0], "still no")

    async with consumer(
        kafka_section, subscription(SEARCH_MESSAGES).of(refuse), probe=healthy, runtime=runtime
    ):
        await dlq_redrive(kafka_section, GROUP, 10)

        async def again() -> bool:
            return await dlq_depth(kafka_section, GROUP) == 1

        await eventually(again)

    (letter,) = await dlq_list(kafka_section, GROUP, 10)
    assert letter.reason == "still no"
    assert letter.headers == {"traceparent": b"00-a"}
    assert letter.position == (0, 1)


async def test_letters_are_listed_oldest_first_and_not_consumed_by_looking(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]]
) -> None:
    await bury(5)

    for _ in range(2):
        letters = await dlq_list(kafka_section, GROUP, 3)
        assert [letter.reason for letter in letters] == ["number 1", "number 2", "number 3"]
    assert letters[0].position == (0, 0)
    assert (letters[0].topic, letters[0].partition, letters[0].offset) == (TOPIC, 0, 1)
    assert letters[0].at == NOW
    assert letters[0].envelope is not None
    assert letters[0].envelope.event_id == "evt_cnv_a_1"
    assert await dlq_depth(kafka_section, GROUP) == 5


async def test_a_limited_redrive_goes_on_where_the_last_one_ended(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]]
) -> None:
    await bury(5)

    first = await dlq_redrive(kafka_section, GROUP, 2)
    left = await dlq_list(kafka_section, GROUP, 10)
    second = await dlq_redrive(kafka_section, GROUP, 10)
    third = await dlq_redrive(kafka_section, GROUP, 10)

    assert (first.redriven, first.waiting) == (2, 3)
    assert [letter.reason for letter in left] == ["number 3", "number 4", "number 5"]
    assert (second.redriven, second.waiting) == (3, 0)
    assert (third.redriven, third.waiting) == (0, 0)


async def test_chosen_letters_are_sent_out_of_turn_and_never_twice(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]]
) -> None:
    await bury(6)

    chosen = await dlq_redrive(
        kafka_section, GROUP, 10, only=lambda letter: letter.offset in {2, 3, 5}
    )
    left = [letter.offset for letter in await dlq_list(kafka_section, GROUP, 10)]
    depth = await dlq_depth(kafka_section, GROUP)
    rest = await dlq_redrive(kafka_section, GROUP, 10)

    assert (chosen.redriven, chosen.waiting) == (3, 3)
    assert left == [1, 4, 6]
    assert depth == 3
    assert (await lag(kafka_section, SEARCH_MESSAGES)).letters == 0
    assert (rest.redriven, rest.waiting) == (3, 0)
    assert sum((await lag(kafka_section, SEARCH_MESSAGES)).behind.values()) == 6


async def test_more_chosen_letters_than_can_be_remembered_are_refused_before_sending(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]]
) -> None:
    await bury(4000)

    with pytest.raises(RedriveScattered):
        await dlq_redrive(kafka_section, GROUP, 4000, only=lambda letter: letter.offset % 2 == 0)

    sent = sum((await lag(kafka_section, SEARCH_MESSAGES)).behind.values())
    assert await dlq_depth(kafka_section, GROUP) == 4000 - sent


async def test_what_someone_else_wrote_is_listed_but_never_sent_round(
    kafka_section: KafkaSection, bury: Callable[[int], Awaitable[None]]
) -> None:
    await bury(1)
    async with producer(kafka_section) as out:
        await out.send_batch([(f"{GROUP}.dlq", "k", b"\xff", {"plexus-dlq-offset": b"junk"})])

    report = await dlq_redrive(kafka_section, GROUP, 10)
    (stranger,) = await dlq_list(kafka_section, GROUP, 10)

    assert (report.redriven, report.waiting) == (1, 1)
    assert stranger.topic == ""
    assert stranger.envelope is None


async def test_the_largest_record_fits_into_a_letter_and_back(
    kafka_section: KafkaSection, kafka_topics: Provisioned, runtime: Runtime
) -> None:
    await kafka_topics(TOPIC)
    value = b"\xff" * (MAX_FACT_BYTES - len("cnv_a"))  # no envelope, so it is buried

    async def handle(_: Sequence[Record]) -> None:
        pytest.fail("an invalid record was handled")

    async with (
        producer(kafka_section) as out,
        consumer(
            kafka_section, subscription(SEARCH_MESSAGES).of(handle), probe=healthy, runtime=runtime
        ),
    ):
        await out.send_batch([(TOPIC, "cnv_a", value, {})])

        async def buried() -> bool:
            return await dlq_depth(kafka_section, GROUP) == 1

        await eventually(buried)
    report = await dlq_redrive(kafka_section, GROUP, 1)
    assert (report.redriven, report.waiting) == (1, 0)


async def test_a_group_without_dead_letters_is_refused_by_name(
    kafka_section: KafkaSection,
) -> None:
    for ask in (dlq_depth(kafka_section, "nobody"), dlq_list(kafka_section, "nobody", 1)):
        with pytest.raises(DeadLettersUnknown):
            await ask


async def test_kafka_away_is_a_dependency_down() -> None:
    with pytest.raises(KafkaUnavailable):
        await dlq_depth(KafkaSection(url="127.0.0.1:1"), GROUP)


def test_progress_is_kept_in_its_shortest_form() -> None:
    progress = Progress(3, frozenset()).with_done([5, 6, 9])

    assert progress == Progress(3, frozenset({5, 6, 9}))
    assert progress.waiting(10) == 4
    assert progress.with_done([3, 4]) == Progress(7, frozenset({9}))
    assert progress.with_done([3, 4, 7, 8]) == Progress(10, frozenset())
    assert [offset for offset in range(10) if not progress.has(offset)] == [3, 4, 7, 8]


@pytest.mark.parametrize(
    ("offsets", "text"),
    [([], ""), ([7], "7"), ([7, 8], "7-8"), ([1, 2, 3, 9, 11, 12], "1-3,9,11-12")],
)
def test_offsets_are_written_as_ranges_and_read_back(offsets: list[int], text: str) -> None:
    assert written(offsets) == text
    assert read_offsets(text) == frozenset(offsets)


def test_metadata_of_someone_else_counts_as_nothing() -> None:
    assert read_offsets("hello,-4,3-x") == frozenset()
