"""Dead letters of a group: list, count and redrive.

A dead-letter topic keeps its letters until they expire. Which of them were redriven is remembered
by the offset that the group `<group>.redrive` has committed: all before it, and the offsets that
its metadata names, which are letters redriven out of turn.
"""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata

from plexuskit.config import KafkaSection
from plexuskit.errors import Kind, Refusal
from plexuskit.kafka.clients import (
    REQUEST_TIMEOUT,
    admin,
    milliseconds,
    partitions_of,
    reader,
)
from plexuskit.kafka.letters import DeadLetter, read_letter, redriven
from plexuskit.kafka.names import dlq_topic, group_name, redrive_group, topic_name
from plexuskit.kafka.producer import Producer, producer
from plexuskit.kafka.provision import MAX_LETTER_BYTES
from plexuskit.kafka.refusals import DeadLettersUnknown, kafka_errors

_CHUNK = 200
_FETCH = timedelta(milliseconds=500)
_METADATA_BYTES = 4000  # brokers take 4096


class RedriveScattered(Refusal):
    """Too many single letters were redriven out of turn; redrive the older ones first."""

    kind: ClassVar[Kind] = Kind.FAILED_PRECONDITION


@dataclass(frozen=True, slots=True)
class RedriveReport:
    """Result of a redrive: letters sent again, and letters still waiting."""

    redriven: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Progress:
    """Completed letters of one partition: all before `before`, and those in `beyond`."""

    before: int
    beyond: frozenset[int]

    def has(self, offset: int) -> bool:
        """Return whether the letter at this offset was redriven."""
        return offset < self.before or offset in self.beyond

    def with_done(self, offsets: Iterable[int]) -> "Progress":
        """Return the progress after these letters too, in its shortest form."""
        before, beyond = self.before, self.beyond.union(offsets)
        while before in beyond:
            before += 1
        return Progress(before, frozenset(offset for offset in beyond if offset >= before))

    def waiting(self, end: int) -> int:
        """Return the number of letters before the offset `end` that are not done."""
        return max(end - self.before, 0) - sum(1 for offset in self.beyond if offset < end)


@dataclass(frozen=True, slots=True)
class _Desk:
    """The clients for work on a group's letters, and the progress of each partition."""

    consumer: AIOKafkaConsumer
    progress: dict[TopicPartition, Progress]
    ends: Mapping[TopicPartition, int]


async def dlq_list(section: KafkaSection, group: str, limit: int) -> list[DeadLetter]:
    """Return the letters of a group that wait, oldest first, at most `limit`.

    Raises:
        DeadLettersUnknown: The group has no dead-letter topic.
        KafkaUnavailable: Kafka does not answer.
    """
    async with _desk(section, group) as desk:
        return [letter async for letter in _waiting(desk, limit, lambda _: True)]


async def dlq_depth(section: KafkaSection, group: str) -> int:
    """Return the number of waiting letters of a group; refusals as for `dlq_list`."""
    async with _desk(section, group) as desk:
        return _depth(desk)


async def dlq_redrive(
    section: KafkaSection,
    group: str,
    limit: int,
    only: Callable[[DeadLetter], bool] | None = None,
) -> RedriveReport:
    """Send waiting letters back to their topics, oldest first, for this group only.

    The repeat has the original key, value and headers and the header `plexus-redriven-for`; readers
    of other groups skip it. A crash in between may send some again, which consumers bear.

    Args:
        section: Address of Kafka.
        group: The catalogue's name of the group.
        limit: Maximum number of letters to send.
        only: Filter of the letters to send; the others stay. None sends all.

    Raises:
        DeadLettersUnknown: The group has no dead-letter topic.
        RedriveScattered: Too many letters would be done out of turn; this chunk was not sent.
        KafkaUnavailable: Kafka does not answer; letters not counted may have been sent.
    """

    def chosen(letter: DeadLetter) -> bool:
        return letter.topic != "" and (only is None or only(letter))

    sent = 0
    async with _desk(section, group) as desk, producer(section, max_bytes=MAX_LETTER_BYTES) as out:
        letters = [letter async for letter in _waiting(desk, limit, chosen)]
        for start in range(0, len(letters), _CHUNK):
            chunk = letters[start : start + _CHUNK]
            await _send(desk, out, group, chunk)
            sent += len(chunk)
        return RedriveReport(redriven=sent, waiting=_depth(desk))


@asynccontextmanager
async def _desk(section: KafkaSection, group: str) -> AsyncIterator[_Desk]:
    remembering = group_name(section, redrive_group(group))
    async with (
        admin(section) as administration,
        reader(section, group=remembering, offset_reset="earliest") as consumer,
    ):
        with kafka_errors("look at dead letters"):
            topic = topic_name(section, dlq_topic(group))
            partitions = (await partitions_of(administration, [topic]))[topic]
            if not partitions:
                raise DeadLettersUnknown(group=group)
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            first = await consumer.beginning_offsets(partitions)
            done = await progress_of(administration, remembering, first)
            yield _Desk(consumer=consumer, progress=done, ends=ends)


async def progress_of(
    client: AIOKafkaAdminClient, remembering: str, first: Mapping[TopicPartition, int]
) -> dict[TopicPartition, Progress]:
    """Return the position up to which each partition of a dead-letter topic was redriven.

    Args:
        client: Connected client.
        remembering: The broker's name of the redrive group.
        first: The oldest offset that each partition still has; letters before it have expired.
    """
    committed = await client.list_consumer_group_offsets(remembering, partitions=list(first))
    progress = {}
    for partition, oldest in first.items():
        stored = committed.get(partition, OffsetAndMetadata(-1, ""))
        start = Progress(max(stored.offset, oldest), frozenset())
        progress[partition] = start.with_done(read_offsets(stored.metadata or ""))
    return progress


def _depth(desk: _Desk) -> int:
    return sum(done.waiting(desk.ends[at]) for at, done in desk.progress.items())


async def _waiting(
    desk: _Desk, limit: int, chosen: Callable[[DeadLetter], bool]
) -> AsyncIterator[DeadLetter]:
    """Yield waiting letters up to the ends that were noted, oldest first per partition.

    Raises:
        TimeoutError: Nothing came for a while though there is more.
    """
    left = limit
    for partition, done in list(desk.progress.items()):
        desk.consumer.seek(partition, done.before)
        position, silent = done.before, timedelta(0)
        while left > 0 and position < desk.ends[partition]:
            fetched = await desk.consumer.getmany(
                partition, timeout_ms=milliseconds(_FETCH), max_records=_CHUNK
            )
            silent = timedelta(0) if fetched else silent + _FETCH
            if silent > REQUEST_TIMEOUT:
                raise TimeoutError(f"no letter after offset {position}")
            for raw in fetched.get(partition, []):
                position = raw.offset + 1
                letter = read_letter(raw)
                if left > 0 and not done.has(raw.offset) and chosen(letter):
                    left -= 1
                    yield letter


async def _send(desk: _Desk, out: Producer, group: str, letters: Sequence[DeadLetter]) -> None:
    """Send the letters round again, then remember that.

    Raises:
        RedriveScattered: There is no room to remember them; none was sent.
    """
    after = dict(desk.progress)
    for letter in letters:
        number, offset = letter.position
        partition = next(each for each in after if each.partition == number)
        after[partition] = after[partition].with_done([offset])
    offsets = {partition: (done.before, written(done.beyond)) for partition, done in after.items()}
    if any(len(metadata) > _METADATA_BYTES for _, metadata in offsets.values()):
        raise RedriveScattered(group=group)

    await out.send_batch([redriven(letter, group=group) for letter in letters])
    await desk.consumer.commit(offsets)
    desk.progress.update(after)


def written(offsets: Collection[int]) -> str:
    """Write offsets as ranges, `17,19-25`: the inverse of `read_offsets`."""
    ranges: list[list[int]] = []
    for offset in sorted(offsets):
        if ranges and ranges[-1][1] == offset - 1:
            ranges[-1][1] = offset
        else:
            ranges.append([offset, offset])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def read_offsets(text: str) -> frozenset[int]:
    """Read the text that `written` wrote; any other text counts as empty."""
    offsets: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            offsets.update(range(int(first), int(last or first) + 1))
    return frozenset(offsets)
