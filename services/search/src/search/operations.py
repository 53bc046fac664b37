"""Writing the index: a batch of facts becomes documents."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from plexus.topics import Consumer
from plexuskit.config import KafkaSection
from plexuskit.errors import DependencyDown
from plexuskit.kafka import InvalidRecord, Record, lag
from plexuskit.service import Runtime

from search.domain.definitions import Reader
from search.domain.documents import Document, Unreadable, newest
from search.domain.lag import HEARTBEAT, Progress, Standing
from search.events import occurred_at
from search.store import Store

log = structlog.get_logger()

_MEASURING = timedelta(seconds=10)


class Marks:
    """In-memory progress of one indexer in one group."""

    def __init__(self, *, now: datetime) -> None:
        self.standing = Standing(caught_up_at=now, reached=now)

    def caught_up(self, *, now: datetime) -> None:
        """Record that nothing was waiting."""
        self.standing = Standing(caught_up_at=now, reached=self.standing.reached)

    def indexed(self, *, oldest: datetime) -> None:
        """Record that a batch is in the index."""
        self.standing = Standing(caught_up_at=self.standing.caught_up_at, reached=oldest)


async def index_records(
    store: Store, *, records: Sequence[Record], read: Reader, marks: Marks, now: datetime
) -> None:
    """Index the newest state in a batch of facts (SRC-3).

    Raises:
        IndexUnreachable: nothing is lost; the batch must be delivered again.
        ExceptionGroup: of InvalidRecord, one per fact that can never be indexed. All others of the
            batch are indexed when facts only break their contract with the index; they are not yet
            when facts cannot be read at all, and are delivered again without those.
    """
    documents: list[tuple[Record, Document]] = []
    invalid: list[InvalidRecord] = []
    for record in records:
        try:
            document = read(record.envelope)
        except Unreadable as why:
            invalid.append(InvalidRecord(record, str(why)))
            continue
        if document is not None:
            documents.append((record, document))
    _refuse(invalid)

    kept = newest(documents)
    rejected = await store.write([document for _, document in kept], now=now)
    _refuse([InvalidRecord(kept[each.position][0], each.why) for each in rejected])
    marks.indexed(oldest=min(occurred_at(record.envelope) for record in records))


def _refuse(invalid: Sequence[InvalidRecord]) -> None:
    if invalid:
        raise ExceptionGroup("invalid records", list(invalid))


async def report_progress(
    store: Store,
    kafka: KafkaSection,
    *,
    consumer: Consumer,
    instance: str,
    marks: Marks,
    runtime: Runtime,
) -> None:
    """Write this indexer's progress in a group every 2 s, until cancelled (SRC-4).

    While Kafka does not return the lag, or the index accepts no writes, the age of the last
    progress reports the outage.
    """
    letters = 0
    cleaned = False
    while True:
        try:
            async with asyncio.timeout(_MEASURING.total_seconds()):
                measured = await lag(kafka, consumer)
            waiting, letters = sum(measured.behind.values()), measured.letters
        except Exception as error:  # noqa: BLE001 - any error shows in the age of the last figure
            log.debug("progress.lag_unknown", group=consumer.group, cause=type(error).__name__)
            waiting = 1
        now = runtime.clock.now()
        if waiting == 0:
            marks.caught_up(now=now)
        progress = Progress(
            group=consumer.group,
            instance=instance,
            written_at=now,
            lag_seconds=marks.standing.lag_seconds(waiting=waiting, now=now),
            dead_letters=letters,
        )
        try:
            await store.write_progress(progress)
            if not cleaned:
                await store.forget_old_progress(latest=progress)
                cleaned = True
        except DependencyDown as down:
            log.debug("progress.not_written", group=consumer.group, cause=str(down))
        await asyncio.sleep(HEARTBEAT.total_seconds())
