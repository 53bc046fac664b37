"""Processing of one batch: finished records, records to repeat, records set aside.

No offset is touched here; the runner commits and seeks by the `Outcome`. A record is finished when
the handler returned for it, when it is for another group, or when its dead letter is acknowledged.
A record that fails for an unknown reason holds its partition, and only that: the others go on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from plexuskit import metrics
from plexuskit.kafka.evidence import Hold, Patience, Probe, Remembered
from plexuskit.kafka.records import Handler, InvalidRecord, Record, Standing, standing_of, topics_of
from plexuskit.kafka.tracing import processing
from plexuskit.kafka.verdicts import Verdict, back_off, invalid_records, verdict

log = structlog.get_logger()

HANDLER_TIME = timedelta(seconds=60)
"""Time limit of a handler for one batch; exceeding it is a failure of unknown reason."""

PROBE_TIME = timedelta(seconds=20)
"""Time limit of a probe of the dependencies; exceeding it counts as a broken dependency."""

ISOLATION_TIME = timedelta(seconds=60)
"""Time in which records are tried one by one before the rest is fetched again."""

_DOWNS_TOGETHER = 3

Bury = Callable[[Record, str, int], Awaitable[None]]
"""Writes a dead letter (record, reason, attempts) and returns when Kafka has acknowledged it."""

Partition = tuple[str, int]
"""Topic (the catalogue's name) and number."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of a batch.

    Attributes:
        finished: per partition with progress, the offset to commit: the next one to read.
        unfinished: per partition with unfinished records, the offset to seek back to.
        down: the broken dependency, in a few words; empty for none.
        held: per held partition its first unfinished record, with its known state.
    """

    finished: Mapping[Partition, int]
    unfinished: Mapping[Partition, int]
    down: str
    held: Mapping[Partition, Hold]


class _DownError(Exception):
    """Ends the work on a batch because a dependency is broken."""


class Batches:
    """Runs a group's handler over batches; gathers evidence about records that fail alone."""

    def __init__(
        self,
        *,
        group: str,
        handle: Handler,
        handled: Collection[str],
        probe: Probe,
        bury: Bury,
        patience: Patience,
        give_way: Callable[[], bool],
        bury_unknown: bool = False,
    ) -> None:
        """Prepare for a group.

        Args:
            group: The catalogue's name of the group.
            handle: The service's handler.
            handled: Full names of the facts that it takes; others are finished without it.
            probe: Exercises the handler's dependencies.
            bury: Writes dead letters.
            patience: Evidence that is needed to set a record aside.
            give_way: Whether to stop between records, because partitions move or the process ends.
            bury_unknown: Whether facts of types that this build does not know become dead letters
                instead of being skipped.
        """
        self._group = group
        self._handle = handle
        self._handled = topics_of(handled)
        self._probe = probe
        self._bury_letter = bury
        self._patience = patience
        self._give_way = give_way
        self._bury_unknown = bury_unknown
        self._unknown: set[str] = set()  # types that were logged
        self._holds: dict[Partition, Hold] = {}
        self._downs_in_a_row = 0
        self._last_set_aside: dict[Partition, tuple[int, float]] = {}
        # Finished, but after an unfinished one, so they come again and must not be buried again.
        self._finished: set[tuple[str, int, int]] = set()

    def forget(self) -> None:
        """Forget held records: the partitions may belong to another process now."""
        self._holds.clear()
        self._last_set_aside.clear()
        self._finished.clear()

    def recall(self, evidence: Mapping[Partition, Remembered]) -> None:
        """Continue with evidence of another process, or of this one before it lost partitions.

        Args:
            evidence: Per partition, in the seconds of the loop.
        """
        for partition, each in evidence.items():
            if each.set_aside_at is not None and partition not in self._last_set_aside:
                self._last_set_aside[partition] = (each.offset, each.set_aside_at)
            # Evidence gathered here meanwhile is newer.
            if each.attempts and each.proving_since is not None and partition not in self._holds:
                self._holds[partition] = Hold(
                    offset=each.offset,
                    tries=each.attempts,
                    attempts=each.attempts,
                    proving_since=each.proving_since,
                )

    def evidence(self) -> dict[Partition, Remembered]:
        """Return the state of partitions for the process that has them next."""
        found = {}
        for partition in {*self._holds, *self._last_set_aside}:
            hold = self._holds.get(partition)
            offset, set_aside_at = self._last_set_aside.get(partition, (-1, None))
            found[partition] = Remembered(
                offset=hold.offset if hold else offset,
                attempts=hold.attempts if hold else 0,
                proving_since=hold.proving_since if hold and hold.attempts else None,
                set_aside_at=set_aside_at,
            )
        return found

    async def run(
        self, records: Sequence[Record], *, skips: Mapping[Partition, tuple[int, str]]
    ) -> Outcome:
        """Process every record of the batch as far as possible; never raises an error.

        Args:
            records: In order per partition.
            skips: Per partition the offset that an operator skips, and the text for its letter.
        """
        down = ""
        self._downs_in_a_row += 1
        metrics.CONSUMER_BATCH_SIZE.labels(self._group).observe(len(records))
        try:
            await self._run(records, skips)
            self._downs_in_a_row = 0
        except _DownError as error:
            down = str(error)
        except Exception as error:
            # a mistake in this module must cost time, never a record
            log.exception("consumer.runner_failed", group=self._group)
            down = f"the runner itself failed: {type(error).__name__}"
        return self._outcome(records, down)

    async def _run(
        self, records: Sequence[Record], skips: Mapping[Partition, tuple[int, str]]
    ) -> None:
        valid = []
        for record in records:
            if _place(record) in self._finished:
                continue
            if record.redriven_for not in ("", self._group):
                self._finish(record, "skipped")
                continue
            offset, words = skips.get(_partition(record), (-1, ""))
            try:
                standing = standing_of(record, self._handled)
            except InvalidRecord as invalid:
                await self._bury(record, invalid.reason, Verdict.RECORD, attempts=1)
                continue
            if record.offset == offset:
                await self._bury(record, words, Verdict.RECORD, attempts=1)
            elif standing is Standing.HANDLED:
                valid.append(record)
            elif standing is Standing.OTHER:
                self._finish(record, "skipped")
            else:
                await self._pass_over(record)

        # A record that failed alone before does not spoil a whole batch again.
        suspects = [record for record in valid if _partition(record) in self._holds]
        others = [record for record in valid if _partition(record) not in self._holds]
        # Alone, the one record for which a dependency never works is seen and can be skipped.
        if len(others) > 1 and self._downs_in_a_row <= _DOWNS_TOGETHER:
            others = await self._together(others)
        await self._one_by_one([*others, *suspects])

    async def _pass_over(self, record: Record) -> None:
        """Skip a fact of a type that this build does not know, or bury it for the next build."""
        type_ = record.envelope.type
        if self._bury_unknown:
            reason = f"this build knows no fact {type_!r}; redrive it after the upgrade"
            await self._bury(record, reason, Verdict.RECORD, attempts=1)
            return
        if type_ not in self._unknown:
            self._unknown.add(type_)
            log.warning("consumer.fact_unknown", group=self._group, type=type_)
        self._finish(record, "unknown")

    async def _together(self, records: list[Record]) -> list[Record]:
        """Handle the records as one batch; return those that have to be tried one by one."""
        while records:
            error = await self._call(records)
            if error is None:
                self._succeeded(records)
                return []
            named = {_place(each.record): each for each in invalid_records(error)}
            invalid = [record for record in records if _place(record) in named]
            if verdict(error) is not Verdict.RECORD or not invalid:
                return records
            for record in invalid:
                await self._bury(record, named[_place(record)].reason, Verdict.RECORD, attempts=1)
            records = [record for record in records if _place(record) not in named]
        return records

    async def _one_by_one(self, records: Sequence[Record]) -> None:
        """Try the records alone, in order per partition, until all are finished or time is up.

        A partition is held at the record that fails while the others continue.
        """
        queues: dict[Partition, deque[Record]] = {}
        for record in records:
            queues.setdefault(_partition(record), deque()).append(record)

        ends = _now() + ISOLATION_TIME.total_seconds()
        for queue in queues.values():
            await self._drain(queue, ends)

    async def _drain(self, queue: deque[Record], ends: float) -> None:
        while queue and _now() < ends and not self._give_way():
            if not await self._alone(queue[0]):
                return
            queue.popleft()

    async def _alone(self, record: Record) -> bool:
        """Try one record; return whether it is finished.

        Raises:
            _DownError: A dependency is broken, by the handler's word or by the probe's.
        """
        error = await self._call([record])
        if error is None:
            self._succeeded([record])
            return True

        reason = f"{type(error).__name__}: {error}"
        invalid = invalid_records(error)
        named = [each for each in invalid if _place(each.record) == _place(record)]
        if named or (verdict(error) is Verdict.RECORD and not invalid):
            why = named[0].reason if named else reason
            await self._bury(record, why, Verdict.RECORD, attempts=1)
            return True

        hold = self._hold(record)
        hold.tries += 1
        await self._look_at_dependencies(hold, reason=reason)
        _, last = self._last_set_aside.get(_partition(record), (-1, None))
        if hold.is_proved(self._patience, last_set_aside=last, now=_now()):
            await self._bury(record, reason, Verdict.UNKNOWN, attempts=hold.tries)
            self._last_set_aside[_partition(record)] = (record.offset, _now())
            return True
        hold.again_at = _now() + back_off(hold.tries, max_pause=self._patience.max_pause)
        return False

    def _hold(self, record: Record) -> Hold:
        hold = self._holds.get(_partition(record))
        if hold is None or hold.offset != record.offset:
            hold = Hold(offset=record.offset)
            self._holds[_partition(record)] = hold
        return hold

    async def _look_at_dependencies(self, hold: Hold, *, reason: str) -> None:
        """Count the failure as evidence if every dependency works.

        Raises:
            _DownError: One of them does not.
        """
        try:
            async with asyncio.timeout(PROBE_TIME.total_seconds()):
                await self._probe()
        except Exception as broken:
            words = f"the probe failed: {type(broken).__name__}: {broken}"
            hold.proves_nothing(reason=words)
            raise _DownError(words) from broken
        hold.failed_alone(reason=reason, now=_now())

    async def _call(self, records: Sequence[Record]) -> Exception | None:
        """Run the handler; return its error, unless a dependency is broken.

        Raises:
            _DownError: A dependency is broken.
        """
        try:
            async with asyncio.timeout(HANDLER_TIME.total_seconds()):
                with processing(records, group=self._group):
                    await self._handle(records)
        except Exception as error:
            found = verdict(error)
            if found is Verdict.DEPENDENCY:
                raise _DownError(f"{type(error).__name__}: {error}") from error
            log.warning(
                "consumer.handler_failed",
                group=self._group,
                records=len(records),
                error=type(error).__name__,
                exc_info=error if self._is_news(records, found) else None,
            )
            return error
        return None

    def _is_news(self, records: Sequence[Record], found: Verdict) -> bool:
        """Return whether to log a failure's trace: once per held record."""
        hold = self._holds.get(_partition(records[0])) if len(records) == 1 else None
        known = hold is not None and hold.offset == records[0].offset
        return found is Verdict.UNKNOWN and not known

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
        for record in records:
            self._finish(record, "handled")

    def _finish(self, record: Record, outcome: str) -> None:
        place = _place(record)
        self._finished.add(place)
        hold = self._holds.get(_partition(record))
        if hold is not None and hold.offset <= record.offset:
            del self._holds[_partition(record)]
        metrics.CONSUMER_RECORDS_TOTAL.labels(self._group, outcome).inc()

    def _outcome(self, records: Sequence[Record], down: str) -> Outcome:
        finished: dict[Partition, int] = {}
        unfinished: dict[Partition, int] = {}
        kept = 0
        for record in records:
            partition = _partition(record)
            if partition in unfinished:
                kept += 1
            elif _place(record) in self._finished:
                finished[partition] = record.offset + 1
                self._finished.discard(_place(record))
            else:
                unfinished[partition] = record.offset
                kept += 1
        metrics.CONSUMER_RECORDS_TOTAL.labels(self._group, "kept").inc(kept)
        held = {
            partition: self._holds[partition]
            for partition, offset in unfinished.items()
            if partition in self._holds and self._holds[partition].offset == offset
        }
        return Outcome(finished=finished, unfinished=unfinished, down=down, held=held)


def _partition(record: Record) -> Partition:
    return record.topic, record.partition


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset


def _now() -> float:
    return asyncio.get_running_loop().time()
