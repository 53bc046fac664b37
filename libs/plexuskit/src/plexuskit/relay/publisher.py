"""From stored facts to Kafka: each scope in order, nothing left out, repeats recognised."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime

import structlog
from plexus.event.v1.envelope_pb2 import Envelope

from plexuskit import fault, metrics
from plexuskit.backoff import WITHIN, pause
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown
from plexuskit.kafka import MAX_FACT_BYTES, TRACEPARENT, Outgoing, Producer, RecordTooLarge
from plexuskit.kafka.producer import size_of
from plexuskit.kafka.tracing import sending
from plexuskit.mongo import Database
from plexuskit.relay.lease import Lease
from plexuskit.relay.progress import Marks, Numbers, progress_key
from plexuskit.relay.reading import omitted
from plexuskit.relay.source import Document, FactSource, Filter

TYPE_HEADER = "type"
BATCH = 500
FLUSH_EVERY = 0.2
# Facts published since the last flush are published again after a crash.
FLUSH_AT_LEAST_EVERY = 2.0

_BACK_OFF = (0.1, 5.0)
_NOTHING_DUE = 1.0

GAPS = metrics.counter(
    "plexus_relay_gaps_total", "Numbers of a dense source that its collection does not hold"
)
OMITTED = metrics.counter(
    "plexus_relay_omitted_total", "Facts that were sent without content because of their size"
)

log = structlog.get_logger()


class Publisher:
    """Publishes facts while the lease is held; used by one task at a time.

    Its state in memory is valid only within one term of the lease, and only until a call fails:
    after an error make a new one.
    """

    def __init__(
        self,
        db: Database,
        *,
        sources: Sequence[FactSource],
        out: Producer,
        lease: Lease,
        clock: Clock,
    ) -> None:
        self._out = out
        self._lease = lease
        self._clock = clock
        self._numbers = Numbers(db)
        self._marks = {s.collection: Marks(db, s) for s in sources if s.mark_published}
        # Only reads here, so the version does not matter.
        self._facts = {s.collection: db.collection(s.collection, schema_version=1) for s in sources}
        self._types: dict[str, bytes] = {}
        self._flushed = clock.monotonic()
        self._flush_every = FLUSH_EVERY
        self._unflushed = False
        self.oldest: datetime | None = None
        self.in_hand = 0
        self.failing = ""

    async def publish(self, items: Sequence[tuple[FactSource, Document]]) -> None:
        """Send facts in this order and return when Kafka has acknowledged them.

        Facts that were published before are left out. Before a fact of a dense source the ones that
        are missing in its scope are fetched and sent. While Kafka is away this waits.

        Raises:
            LeaseLost: another relay has taken over.
            DependencyDown: MongoDB cannot be reached.
        """
        if not items:
            return
        self.oldest, self.in_hand = items[0][0].stored_at(items[0][1]), len(items)
        await self._numbers.load(
            progress_key(source, source.scope(document))
            for source, document in items
            if source.numbered
        )
        batch: list[Outgoing] = []
        for source, document in items:
            if source.numbered:
                scope, number = source.scope(document), source.number(document)
                key = progress_key(source, scope)
                last = self._numbers.last(key)
                if number <= last:
                    continue
                if source.dense and number > last + 1:
                    await self._send(batch)
                    batch = []
                    await self._walk_scope(source, scope, before=number)
                self._numbers.advance(key, number)
            elif document["_id"] in self._marks[source.collection]:
                continue
            batch.append(self._record(source, document))
        await self._send(batch)
        self.oldest, self.in_hand = None, 0

    async def behind(self, source: FactSource, scopes: Mapping[str, int]) -> list[str]:
        """Return those of the scopes whose published number is less than the given one."""
        await self._numbers.load(progress_key(source, scope) for scope in scopes)
        return [
            scope
            for scope, number in scopes.items()
            if self._numbers.last(progress_key(source, scope)) < number
        ]

    def unseen(self, source: FactSource, fact_ids: Iterable[str]) -> list[str]:
        """Return those facts of a source that marks that were not published just now."""
        marks = self._marks[source.collection]
        return [fact_id for fact_id in fact_ids if fact_id not in marks]

    async def replay_scope(self, source: FactSource, scope: str) -> None:
        """Publish everything of a scope that comes after its published number.

        Raises: as `publish`.
        """
        await self._numbers.load([progress_key(source, scope)])
        await self._walk_scope(source, scope, before=None)

    async def replay_unmarked(self, source: FactSource, unpublished: Filter) -> None:
        """Publish the unpublished facts of a marking source, each scope by its numbers.

        Raises: as `publish`.
        """
        order = [(source.replay.scope_field, 1), (source.replay.number_field, 1), ("_id", 1)]
        async with aclosing(self._chunks(source, unpublished, order)) as chunks:
            async for documents in chunks:
                await self.publish([(source, document) for document in documents])

    async def flush(self) -> None:
        """Store the progress; before the stream's position, so that none of it is lost."""
        began, now = self._clock.monotonic(), self._clock.now()
        for marks in self._marks.values():
            await marks.flush(now=now)
        fault.point("relay.before_progress")
        await self._numbers.flush()
        fault.point("relay.after_progress")
        self._flushed = self._clock.monotonic()
        self._unflushed = False
        # A fifth of the time at most; meanwhile numbers of one scope become one write.
        lasted = self._flushed - began
        self._flush_every = min(FLUSH_AT_LEAST_EVERY, max(FLUSH_EVERY, 4 * lasted))

    @property
    def flush_due_in(self) -> float:
        """Seconds until `flush` should be called, at most 0 when it is due."""
        if not self._unflushed:
            return _NOTHING_DUE
        return self._flushed + self._flush_every - self._clock.monotonic()

    async def _walk_scope(self, source: FactSource, scope: str, *, before: int | None) -> None:
        """Publish a scope's facts from the collection, up to (not with) a number or to the end."""
        key = progress_key(source, scope)
        found = source.replay.after(scope, self._numbers.last(key))
        async with aclosing(self._chunks(source, found, source.replay.order)) as chunks:
            async for documents in chunks:
                self.oldest, self.in_hand = source.stored_at(documents[0]), len(documents)
                fault.point("relay.in_replay")
                wanted = [d for d in documents if before is None or source.number(d) < before]
                await self._send([self._next_record(source, key, document) for document in wanted])
                if len(wanted) < len(documents):
                    break
        if before is not None:
            self._note_gap(source, key, before)
        self.oldest, self.in_hand = None, 0

    def _next_record(self, source: FactSource, key: str, document: Document) -> Outgoing:
        number = source.number(document)
        self._note_gap(source, key, number)
        self._numbers.advance(key, number)
        return self._record(source, document)

    def _note_gap(self, source: FactSource, key: str, number: int) -> None:
        """Report numbers that cannot be published, because the collection has no such facts.

        They do not hold up the rest: consumers see the gap in `change_no` and query the owner.
        """
        last = self._numbers.last(key)
        if source.dense and number > last + 1:
            GAPS.inc(number - last - 1)
            log.error("relay.facts_missing", scope=key, after=last, before=number)

    async def _chunks(
        self, source: FactSource, found: Filter, order: Sequence[tuple[str, int]]
    ) -> AsyncGenerator[list[Document], None]:
        chunk: list[Document] = []
        documents = self._facts[source.collection].find(found, sort=order, batch_size=BATCH)
        async with aclosing(documents):
            async for document in documents:
                chunk.append(document)
                if len(chunk) == BATCH:
                    yield chunk
                    chunk = []
                    if self.flush_due_in <= 0:
                        await self.flush()
        if chunk:
            yield chunk

    def _record(self, source: FactSource, document: Document) -> Outgoing:
        """Make the record and note it as published: it is sent before anything is stored."""
        if source.mark_published:
            self._marks[source.collection].add(document["_id"])
        event = source.event(document)
        name = source.event_type(document) if source.event_type else _type_of(event)
        encoded = self._types.get(name)
        if encoded is None:
            encoded = self._types[name] = name.encode()
        headers = {TYPE_HEADER: encoded}
        traceparent = source.traceparent(document)
        if traceparent:
            headers[TRACEPARENT] = traceparent.encode()
        record = source.topic(document), source.key(document), event, headers
        return record if size_of(record) <= MAX_FACT_BYTES else self._without_fact(record)

    def _without_fact(self, record: Outgoing) -> Outgoing:
        """Return the record to send in place of one that is too large: all but its fact."""
        topic, key, event, headers = record
        envelope = Envelope.FromString(event)
        OMITTED.inc()
        log.error(
            "relay.fact_omitted",
            topic=topic,
            scope=envelope.scope,
            change_no=envelope.change_no,
            bytes=len(event),
        )
        return topic, key, omitted(envelope).SerializeToString(), headers

    async def _send(self, batch: list[Outgoing]) -> None:
        """Send records until Kafka has them; the lease is checked before every attempt."""
        if not batch:
            return
        failures = 0
        while True:
            await self._lease.ensure()
            fault.point("relay.before_publish")
            try:
                with sending(batch):
                    await self._out.send_batch(batch)
            except RecordTooLarge as error:
                # The broker's limit is below the topic's. Only a record sent alone is known to be
                # too large, so the batch continues record by record.
                if len(batch) > 1:
                    for record in batch:
                        await self._send([record])
                    return
                smaller = self._without_fact(batch[0])
                if smaller[2] == batch[0][2]:
                    self._report(error)
                batch = [smaller]
            except DependencyDown as error:
                self._report(error)
            else:
                break
            await asyncio.sleep(pause(failures, _BACK_OFF, spread=WITHIN))
            failures += 1

        fault.point("relay.after_publish")
        self._unflushed = True
        self.failing = ""
        metrics.RELAY_PUBLISHED_TOTAL.inc(len(batch))
        metrics.RELAY_BATCH_SIZE.observe(len(batch))

    def _report(self, error: DependencyDown | RecordTooLarge) -> None:
        """Log a failure once, until something succeeds."""
        if not self.failing:
            log.error("relay.cannot_publish", reason=error.reason, **error.metadata)
        self.failing = str(error)


def _type_of(event: bytes) -> str:
    """Read the fact's type from the envelope; the fact inside stays closed."""
    return Envelope.FromString(event).type
