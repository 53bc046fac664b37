"""Consumer runner: batches in, offsets committed only after effects, three classes of errors.

Handlers are declared on subscribers of FastStream, whose `KafkaBroker` creates and closes the
consumer. The loop, the commits and the seeks are here, on the `AIOKafkaConsumer` underneath (ADR
33), because the loop that FastStream 0.7.8 runs around a handler can lose records:

- an exception that leaves the handler, or its own parser at a header that is not UTF-8, is
  swallowed with the position already after the batch, so that the next commit loses it;
- it hides every `KafkaError`, sleeps 5 s, and polls a client whose coordination has died for ever;
- `msg.ack()` commits the positions of all assigned partitions, not of the handled records.

Here one batch is in flight per consumer and exactly its finished offsets are committed, per
partition; the position is reset to the unfinished records before the next poll. When partitions are
revoked, the batch in flight gets a moment to finish and commit; if it does not, its result is
dropped and the records are delivered again, to the new consumer of the partition. The waits here,
all together, stay below `max_poll_interval_ms`.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import chain
from types import MappingProxyType

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError, KafkaError
from faststream.kafka import KafkaBroker
from plexus.topics import TOPICS

from plexuskit import fault
from plexuskit.config import KafkaSection
from plexuskit.kafka.batches import Batches, Outcome
from plexuskit.kafka.clients import milliseconds
from plexuskit.kafka.evidence import Patience, Probe, Remembered
from plexuskit.kafka.holding import Holding
from plexuskit.kafka.lag import watch_lag
from plexuskit.kafka.letters import dead_letter
from plexuskit.kafka.names import catalogue_name, topic_name
from plexuskit.kafka.omitted import Owners, completed
from plexuskit.kafka.producer import Producer, producer
from plexuskit.kafka.provision import MAX_LETTER_BYTES
from plexuskit.kafka.records import Record, record_of
from plexuskit.kafka.refusals import KafkaUnavailable
from plexuskit.kafka.remembering import read_evidence, store_evidence
from plexuskit.kafka.security import broker_security
from plexuskit.kafka.skips import read_skips, report_held
from plexuskit.kafka.subscriptions import Subscriber
from plexuskit.kafka.verdicts import back_off
from plexuskit.runtime import Runtime

log = structlog.get_logger()

_POLL = timedelta(milliseconds=250)
_MAX_POLL_INTERVAL = timedelta(minutes=5)
_REQUEST_TIMEOUT = timedelta(seconds=20)
_STARTING = timedelta(seconds=60)
_FIRST_START = timedelta(seconds=10)
_COMMITTING = timedelta(seconds=10)
_FINISHING = timedelta(seconds=8)
_LEAVING = timedelta(seconds=5)
_LAG_EVERY = timedelta(seconds=5)
_RECALL_EVERY = timedelta(seconds=30)
# Of a session: one may be late, and one lost.
_HEARTBEATS = 3
_RUNNING = "running"


class Runner(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """One member of a consumer group: subscribes, hands batches over, commits, backs off."""

    def __init__(
        self,
        section: KafkaSection,
        subscriber: Subscriber,
        *,
        probe: Probe,
        letters: Producer,
        runtime: Runtime,
    ) -> None:
        declared = subscriber.subscription
        self._section = section
        self._subscription = declared
        self._consumer = declared.consumer
        self._letters = letters
        self._runtime = runtime
        self._max_batch = declared.max_batch
        self._linger = timedelta(milliseconds=declared.linger_ms)
        self._interrupt = asyncio.Event()  # partitions move or the process ends: do not wait now
        patience = Patience.of(section)
        self._max_pause = patience.max_pause
        self._batches = Batches(
            group=self._consumer.group,
            handle=subscriber.handle,
            handled=declared.facts,
            probe=probe,
            bury=self._bury,
            patience=patience,
            give_way=self._interrupt.is_set,
            bury_unknown=declared.bury_unknown,
        )
        self._holding = Holding(
            group=self._consumer.group,
            health=runtime.health,
            clock=runtime.clock,
            degraded_after=patience.degraded_after,
        )
        self._paused: dict[TopicPartition, float] = {}  # until when, by the loop's clock
        self.started = asyncio.Event()
        self._stopping = False
        self._idle = asyncio.Event()  # no batch is in flight
        self._idle.set()
        self._left = asyncio.Event()  # it is no member of the group
        self._left.set()
        self._assignments = 0
        self._reported_held: dict[tuple[str, int], int] = {}
        # Stored state of the assigned partitions; None until it has been read.
        self._stored: Mapping[tuple[str, int], Remembered] | None = None
        self._recall_at = 0.0  # not before, by the loop's clock
        self._uncommitted: dict[TopicPartition, int] = {}
        self._downs_in_a_row = 0
        self._down_since = ""

    async def serve(self) -> None:
        """Consume until `finish`; when Kafka fails, build a new consumer after a while."""
        failures = 0
        while not self._stopping:
            try:
                async with self._subscribed() as client:
                    failures = 0
                    self._left.clear()
                    self._running()
                    self.started.set()
                    await self._consume(client)
            except (KafkaError, ConsumerStoppedError, OSError) as error:
                failures += 1
                self._backing_off(f"Kafka: {type(error).__name__}: {error}")
                self.started.set()
                await self._pause(back_off(failures))
            finally:
                self._left.set()

    async def finish(self) -> None:
        """Fetch nothing new, let the batch in flight end, leave the group; 13 s at most."""
        self._stopping = True
        self._interrupt.set()
        with suppress(TimeoutError):
            async with asyncio.timeout((_FINISHING + _LEAVING).total_seconds()):
                await self._left.wait()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let the batch in flight finish and commit before its partitions are revoked."""
        self._interrupt.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FINISHING.total_seconds()):
                await self._idle.wait()
        self._forget_assignment()
        log.debug("consumer.revoked", group=self._consumer.group, partitions=len(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Resume from the committed offsets."""
        if not self._stopping:
            self._interrupt.clear()
        log.info("consumer.assigned", group=self._consumer.group, partitions=len(assigned))

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[AIOKafkaConsumer]:
        session = timedelta(seconds=self._section.session_seconds)
        broker = KafkaBroker(
            self._section.url,
            consumer_only=True,
            allow_auto_create_topics=False,
            security=broker_security(self._section),
            request_timeout_ms=milliseconds(_REQUEST_TIMEOUT),
            logger=None,
        )
        subscriber = self._subscription.declare(
            broker,
            self._section,
            auto_offset_reset="earliest",
            max_poll_interval_ms=milliseconds(_MAX_POLL_INTERVAL),
            session_timeout_ms=milliseconds(session),
            heartbeat_interval_ms=milliseconds(session / _HEARTBEATS),
            rebalance_timeout_ms=milliseconds(_FINISHING * 3),
            listener=self,
        )
        self._forget_assignment()
        if not self._stopping:
            self._interrupt.clear()
        try:
            async with asyncio.timeout(_STARTING.total_seconds()):
                await broker.start()
            yield subscriber.consumer
        finally:
            # not cut off: a client that is half stopped keeps its membership, and its partitions
            await broker.stop()

    async def _consume(self, client: AIOKafkaConsumer) -> None:
        while not self._stopping:
            self._resume(client)
            await self._report_held()
            raws = await self._fetch(client)
            if not raws:
                self._holding.show()
                await self._commit(client, {})
                continue

            # nothing is awaited between the fetch and here: a rebalance sees either none or all
            self._idle.clear()
            try:
                down = await self._settle(client, raws)
            finally:
                self._idle.set()

            if down:
                self._downs_in_a_row += 1
                self._backing_off(down)
                await self._pause(back_off(self._downs_in_a_row, max_pause=self._max_pause))
            else:
                self._downs_in_a_row = 0
                self._running()

    async def _fetch(self, client: AIOKafkaConsumer) -> list[ConsumerRecord]:
        """Wait for records, then a moment longer for more of them."""
        raws = _flat(
            await client.getmany(timeout_ms=milliseconds(_POLL), max_records=self._max_batch)
        )
        # not before: a poll waits for a rebalance and then returns records of the new assignment
        assignment = self._assignments
        if not raws or len(raws) >= self._max_batch or not self._linger:
            return raws

        await asyncio.sleep(self._linger.total_seconds())
        more = _flat(await client.getmany(max_records=self._max_batch - len(raws)))
        if assignment != self._assignments:
            return more  # the first ones were given back; they come again where they belong
        return raws + more

    async def _settle(self, client: AIOKafkaConsumer, raws: list[ConsumerRecord]) -> str:
        """Run one batch to its outcome; return which dependency is broken, empty for none."""
        assignment = self._assignments
        await self._recall(client)
        records = [record_of(self._section, raw) for raw in raws]
        skips = await self._skips(records)
        outcome = await self._batches.run(records, skips=skips)
        fault.point("consumer.after_effect")
        if assignment != self._assignments:
            log.info("consumer.batch_overtaken", group=self._consumer.group, records=len(raws))
            return outcome.down

        for partition, offset in self._named(outcome.unfinished).items():
            client.seek(partition, offset)
        self._hold(client, outcome)
        # Before the offset: a record set aside counts in its partition also if this process ends.
        await self._store_evidence(assignment)
        await self._commit(client, self._named(outcome.finished))
        return outcome.down

    async def _recall(self, client: AIOKafkaConsumer) -> None:
        """Continue with the evidence of the partitions' previous process, once for each."""
        now = asyncio.get_running_loop().time()
        if self._stored is not None or now < self._recall_at:
            return
        assignment = self._assignments
        places = [
            (catalogue_name(self._section, place.topic), place.partition)
            for place in client.assignment()
        ]
        try:
            found = await read_evidence(
                self._section,
                self._consumer.group,
                places,
                now=now,
                at=self._runtime.clock.now(),
            )
        except KafkaUnavailable as error:
            # Batches continue without it: most have no record at fault.
            self._recall_at = now + _RECALL_EVERY.total_seconds()
            log.warning("consumer.evidence_unknown", group=self._consumer.group, error=str(error))
            return
        if assignment == self._assignments:
            self._stored = found
            self._batches.recall(found)

    async def _store_evidence(self, assignment: int) -> None:
        """Store this batch's changes of the evidence; they are stored again if that fails."""
        stored = self._stored or {}
        known = self._batches.evidence()
        changed = {place: each for place, each in known.items() if stored.get(place) != each}
        if not changed or self._stored is None:
            return
        try:
            await store_evidence(
                self._section,
                self._consumer.group,
                changed,
                now=asyncio.get_running_loop().time(),
                at=self._runtime.clock.now(),
            )
        except KafkaUnavailable as error:
            log.warning("consumer.evidence_kept", group=self._consumer.group, error=str(error))
            return
        if assignment == self._assignments:
            self._stored = {**stored, **changed}

    def _hold(self, client: AIOKafkaConsumer, outcome: Outcome) -> None:
        """Fetch nothing from held partitions until their records are due again."""
        self._holding.note(outcome)
        for (topic, number), hold in outcome.held.items():
            partition = TopicPartition(topic_name(self._section, topic), number)
            client.pause(partition)
            self._paused[partition] = hold.again_at

    def _resume(self, client: AIOKafkaConsumer) -> None:
        now = asyncio.get_running_loop().time()
        for partition in [each for each, until in self._paused.items() if until <= now]:
            del self._paused[partition]
            client.resume(partition)

    async def _report_held(self) -> None:
        """Store long holds, for `plexus admin doctor`, when they have changed."""
        late = self._holding.late()
        places = {partition: offset for partition, (offset, _) in late.items()}
        if not late or places == self._reported_held:
            return
        try:
            await report_held(self._section, self._consumer.group, late)
        except KafkaUnavailable as error:
            log.warning("consumer.held_not_told", group=self._consumer.group, error=str(error))
        else:
            self._reported_held = places

    async def _skips(self, records: Sequence[Record]) -> Mapping[tuple[str, int], tuple[int, str]]:
        """Return the offsets that operators skip in held partitions being fetched again."""
        held = {(each.topic, each.partition) for each in records} & {*self._holding.partitions}
        if not held:
            return {}
        try:
            return await read_skips(self._section, self._consumer.group, held)
        except KafkaUnavailable as error:
            # The record is tried again anyway, and the request stays where it is.
            log.warning("consumer.skips_unknown", group=self._consumer.group, error=str(error))
            return {}

    async def _commit(
        self, client: AIOKafkaConsumer, finished: Mapping[TopicPartition, int]
    ) -> None:
        """Commit finished offsets, and those that could not be committed before.

        A failure loses nothing: the offsets are committed with the next batch or the next idle
        poll, or the records come again.
        """
        self._uncommitted.update(finished)
        if not self._uncommitted:
            return
        try:
            async with asyncio.timeout(_COMMITTING.total_seconds()):
                await client.commit(dict(self._uncommitted))
        except (KafkaError, TimeoutError) as error:
            log.warning(
                "consumer.commit_failed", group=self._consumer.group, error=type(error).__name__
            )
        else:
            self._uncommitted.clear()

    async def _bury(self, record: Record, reason: str, attempts: int) -> None:
        letter = dead_letter(
            record,
            group=self._consumer.group,
            reason=reason,
            attempts=attempts,
            now=self._runtime.clock.now(),
        )
        await self._letters.send_batch([letter])

    def _forget_assignment(self) -> None:
        self._assignments += 1
        self._uncommitted.clear()
        self._paused.clear()
        self._stored, self._recall_at = None, 0.0
        self._batches.forget()
        self._holding.forget()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._interrupt.wait()

    def _named(self, offsets: Mapping[tuple[str, int], int]) -> dict[TopicPartition, int]:
        return {
            TopicPartition(topic_name(self._section, topic), partition): offset
            for (topic, partition), offset in offsets.items()
        }

    def _running(self) -> None:
        if self._down_since != _RUNNING:
            self._down_since = _RUNNING
            self._show(ok=True, detail="running")

    def _backing_off(self, why: str) -> None:
        if self._down_since in {"", _RUNNING}:
            self._down_since = self._runtime.clock.now().isoformat(timespec="seconds")
            log.warning("consumer.backing_off", group=self._consumer.group, why=why)
        self._show(ok=False, detail=f"backing off since {self._down_since}: {why}")

    def _show(self, *, ok: bool, detail: str) -> None:
        self._runtime.health.set(
            f"consumer.{self._consumer.group}",
            ok,
            detail,
            required=False,
            remedy="" if ok else "Nothing is lost: restore what is down and it goes on by itself.",
        )


def _flat(fetched: Mapping[TopicPartition, list[ConsumerRecord]]) -> list[ConsumerRecord]:
    return list(chain.from_iterable(fetched.values()))


@asynccontextmanager
async def consumer(
    section: KafkaSection,
    subscriber: Subscriber,
    *,
    probe: Probe,
    runtime: Runtime,
    owners: Owners = MappingProxyType({}),
) -> AsyncIterator[None]:
    """Consume a group's topics for the duration of the block.

    Every record with a fact that the subscription names reaches the handler at least once, in order
    per partition, and its offset is committed after the handler has returned. The class of what the
    handler raises decides: an `InvalidRecord` or a `DocumentRefused` makes that record a dead
    letter and the rest is handled again; a broken dependency keeps the offsets, and the batch comes
    again after a back-off; anything else holds the partition at the record that fails alone until
    there is evidence against it, see `evidence`. A fact of a type that this build does not know is
    skipped: its owner was deployed first.

    Kafka may be away when the block is entered; consuming begins when it is there. The check
    `consumer.<group>` shows the state, `consumer.<group>.held` which partitions have not moved for
    long; neither is required for readiness.

    Args:
        section: Address of Kafka and prefix of names.
        subscriber: The handler with its declaration; called with one batch at a time, must be
            idempotent and finish within 60 s.
        probe: Exercises every dependency of the handler (writes and reads a probe document, asks
            the owner's health); raises what is broken.
        runtime: The process; a runner that fails itself is started again.
        owners: Whom to ask for facts that a topic leaves out because they are too large.

    Raises:
        ValueError: The group has no dead-letter topic (use `tail`) or reads a topic that the
            catalogue does not know.
    """
    group = subscriber.subscription.consumer
    unknown = set(group.topics) - {topic.name for topic in TOPICS}
    if unknown or not group.dlq:
        raise ValueError(f"{group.group}: unknown topics {sorted(unknown)} or no dead letters")

    async with producer(section, max_bytes=MAX_LETTER_BYTES) as letters:
        runner = Runner(
            section,
            subscriber.subscription.of(completed(subscriber.handle, owners)),
            probe=probe,
            letters=letters,
            runtime=runtime,
        )
        runtime.on_drain(runner.finish)
        async with (
            runtime.kept(f"consumer.{group.group}", runner.serve),
            runtime.kept(f"lag.{group.group}", lambda: watch_lag(section, group, every=_LAG_EVERY)),
        ):
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FIRST_START.total_seconds()):
                        await runner.started.wait()
                yield
            finally:
                await runner.finish()
