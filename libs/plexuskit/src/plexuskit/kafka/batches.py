"""The three destinies of a batch: what is finished, what must come again, what is dead.

No offset is touched here; the runner commits and seeks by the `Outcome`. A record is finished when
the handler returned for it, when it is for another group, or when its dead letter is acknowledged.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta

import structlog

from plexuskit import metrics
from plexuskit.kafka.records import Handler, InvalidRecord, Record, check_fact
from plexuskit.kafka.verdicts import (
    Failures,
    Verdict,
    invalid_records,
    is_dead,
    retry_pause,
    verdict,
)
from plexuskit.telemetry import extracted, span

log = structlog.get_logger()

HANDLER_TIME = timedelta(seconds=60)
"""How long a handler may take for one batch; longer counts as something being down."""

ISOLATION_TIME = timedelta(seconds=60)
"""How long records are tried one by one before the rest is fetched again."""

Bury = Callable[[Record, str, int], Awaitable[None]]
"""Writes a dead letter (record, reason, attempts) and returns when Kafka has acknowledged it."""

Partition = tuple[str, int]
"""Topic (the catalogue's name) and number."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch.

    Attributes:
        finished: per partition with progress, the offset to commit: the next one to read.
        unfinished: per partition with something left, the offset to seek back to.
        down: what is away, in a few words; empty when nothing is.
    """

    finished: Mapping[Partition, int]
    unfinished: Mapping[Partition, int]
    down: str


class _DownError(Exception):
    """Ends the work on a batch because something that it needs is away."""


class Batches:
    """Runs a group's handler over batches; remembers how often single records have failed."""

    def __init__(
        self,
        *,
        group: str,
        handle: Handler,
        bury: Bury,
        attempts: int,
        give_way: Callable[[], bool],
    ) -> None:
        """Prepare for a group.

        Args:
            group: The catalogue's name of the group.
            handle: The service's handler.
            bury: Writes dead letters.
            attempts: How often a record is tried alone before it becomes a dead letter.
            give_way: Whether to stop between records, because partitions move or the process ends.
        """
        self._group = group
        self._handle = handle
        self._bury_letter = bury
        self._attempts = attempts
        self._give_way = give_way
        self._failures: dict[tuple[str, int, int], Failures] = {}
        self._deaths_in_a_row = 0
        # Finished, but behind one that is not, so they come again and must not be buried again.
        self._finished: set[tuple[str, int, int]] = set()

    def forget(self) -> None:
        """Forget what is known of single records: the partitions may be someone else's now."""
        self._failures.clear()
        self._finished.clear()

    async def run(self, records: Sequence[Record]) -> Outcome:
        """Bring every record of the batch to its end as far as possible; never raises an error."""
        down = ""
        metrics.CONSUMER_BATCH_SIZE.labels(self._group).observe(len(records))
        try:
            await self._run(records)
        except _DownError as error:
            down = str(error)
        except Exception as error:
            # a mistake in this module must cost time, never a record
            log.exception("consumer.runner_failed", group=self._group)
            down = f"the runner itself failed: {type(error).__name__}"
        return self._outcome(records, down)

    async def _run(self, records: Sequence[Record]) -> None:
        valid = []
        for record in records:
            if _place(record) in self._finished:
                continue
            if record.redriven_for not in ("", self._group):
                self._finish(record, "skipped")
                continue
            try:
                check_fact(record)
            except InvalidRecord as invalid:
                await self._bury(record, invalid.reason, Verdict.INVALID, attempts=1)
            else:
                valid.append(record)

        if len(valid) > 1:
            valid = await self._together(valid)
        await self._one_by_one(valid)

    async def _together(self, records: list[Record]) -> list[Record]:
        """Handle the records as one batch; return those that have to be tried one by one."""
        while records:
            error = await self._call(records)
            if error is None:
                self._succeeded(records)
                return []
            named = {_place(each.record): each for each in invalid_records(error)}
            invalid = [record for record in records if _place(record) in named]
            if verdict(error) is not Verdict.INVALID or not invalid:
                return records
            for record in invalid:
                await self._bury(record, named[_place(record)].reason, Verdict.INVALID, attempts=1)
            records = [record for record in records if _place(record) not in named]
        return records

    async def _one_by_one(self, records: Sequence[Record]) -> None:
        """Try the records alone, in order per partition, until all are finished or time is up.

        A partition waits at the record that fails while the others go on, so that it is seen
        whether it fails alone.
        """
        queues: dict[Partition, deque[Record]] = {}
        for record in records:
            queues.setdefault((record.topic, record.partition), deque()).append(record)

        ends = _now() + ISOLATION_TIME.total_seconds()
        round_ = 0
        while queues:
            for queue in queues.values():
                await self._drain(queue, ends)
            queues = {partition: queue for partition, queue in queues.items() if queue}
            if queues and (self._give_way() or _now() >= ends):
                return
            if queues:
                await asyncio.sleep(retry_pause(round_))
                round_ += 1

    async def _drain(self, queue: deque[Record], ends: float) -> None:
        while queue and _now() < ends and not self._give_way():
            if not await self._alone(queue[0]):
                return
            queue.popleft()

    async def _alone(self, record: Record) -> bool:
        """Try one record; return whether it is finished."""
        error = await self._call([record])
        if error is None:
            self._succeeded([record])
            return True

        invalid = [each for each in invalid_records(error) if _place(each.record) == _place(record)]
        if invalid:
            await self._bury(record, invalid[0].reason, Verdict.INVALID, attempts=1)
            return True

        failures = self._failures.setdefault(_place(record), Failures(0, _now()))
        failures.count += 1
        dead = is_dead(
            failures, attempts=self._attempts, deaths_in_a_row=self._deaths_in_a_row, now=_now()
        )
        if not dead:
            return False
        reason = f"{type(error).__name__}: {error}"
        await self._bury(record, reason, Verdict.FAILED, attempts=failures.count)
        self._deaths_in_a_row += 1
        return True

    async def _call(self, records: Sequence[Record]) -> Exception | None:
        """Run the handler; return what it failed with, unless something is down.

        Raises:
            _DownError: A dependency is away, or a single record is not done in its time.
        """
        deadline = asyncio.timeout(HANDLER_TIME.total_seconds())
        try:
            async with deadline:
                with _trace_of(records), span("consumer.batch", group=self._group):
                    await self._handle(records)
        except Exception as error:
            if verdict(error) is Verdict.DOWN:
                raise _DownError(f"{type(error).__name__}: {error}") from error
            if deadline.expired() and len(records) == 1:
                raise _DownError("the handler does not return") from error
            log.warning(
                "consumer.handler_failed",
                group=self._group,
                records=len(records),
                error=type(error).__name__,
                exc_info=error if verdict(error) is Verdict.FAILED else None,
            )
            return error
        return None

    async def _bury(self, record: Record, reason: str, why: Verdict, *, attempts: int) -> None:
        """Write the dead letter, then count the record as finished.

        Raises:
            _DownError: The letter was not acknowledged; the record must come again.
        """
        try:
            await self._bury_letter(record, reason, attempts)
        except Exception as error:
            log.exception("consumer.dead_letter_failed", group=self._group, topic=record.topic)
            raise _DownError(f"the dead-letter topic: {error}") from error
        log.error(
            "consumer.dead_letter",
            group=self._group,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            why=why.value,
            attempts=attempts,
        )
        self._finish(record, why.value)

    def _succeeded(self, records: Sequence[Record]) -> None:
        self._deaths_in_a_row = 0
        for record in records:
            self._finish(record, "handled")

    def _finish(self, record: Record, outcome: str) -> None:
        place = _place(record)
        self._finished.add(place)
        self._failures.pop(place, None)
        metrics.CONSUMER_RECORDS_TOTAL.labels(self._group, outcome).inc()

    def _outcome(self, records: Sequence[Record], down: str) -> Outcome:
        finished: dict[Partition, int] = {}
        unfinished: dict[Partition, int] = {}
        kept = 0
        for record in records:
            partition = (record.topic, record.partition)
            if partition in unfinished:
                kept += 1
            elif _place(record) in self._finished:
                finished[partition] = record.offset + 1
                self._finished.discard(_place(record))
            else:
                unfinished[partition] = record.offset
                kept += 1
        metrics.CONSUMER_RECORDS_TOTAL.labels(self._group, "kept").inc(kept)
        return Outcome(finished=finished, unfinished=unfinished, down=down)


def _trace_of(records: Sequence[Record]) -> AbstractContextManager[None]:
    """Continue the trace of a single record; a batch of many has no one trace to continue."""
    return extracted(records[0].traceparent) if len(records) == 1 else nullcontext()


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _now() -> float:
    return asyncio.get_running_loop().time()
