"""The consumer groups: facts and decisions become entries, facts become history too."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from plexus.topics import AUDIT_DECISIONS, AUDIT_FACTS
from plexuskit.config import KafkaSection
from plexuskit.kafka import InvalidRecord, Owners, Probe, Record, consumer
from plexuskit.runtime import Runtime

from audit import events, operations
from audit.domain.entries import Occurrence
from audit.operations import LedgerWriter
from audit.store import Store

BATCH: Final = 500
LINGER_MS: Final = 50


class Handlers:
    """The two groups' handlers over one store."""

    def __init__(self, store: Store, *, ledger_writer: LedgerWriter) -> None:
        self._store = store
        self._ledger_writer = ledger_writer

    async def facts(self, records: Sequence[Record]) -> None:
        """Write facts into the history and the ledger."""
        told = [each for record in records if (each := _told(record)) is not None]
        if told:
            await operations.take_facts(self._store, ledger_writer=self._ledger_writer, told=told)

    async def decisions(self, records: Sequence[Record]) -> None:
        """Write decisions into the ledger."""
        await self._ledger_writer.record([_decision(record) for record in records])


@asynccontextmanager
async def consuming(
    store: Store,
    *,
    ledger_writer: LedgerWriter,
    probe: Probe,
    owners: Owners,
    kafka: KafkaSection,
    runtime: Runtime,
) -> AsyncIterator[None]:
    """Record what happens, for the time of the block.

    `probe` exercises the database, `owners` have facts that topics leave out.
    """
    handlers = Handlers(store, ledger_writer=ledger_writer)
    async with (
        consumer(
            kafka,
            AUDIT_FACTS,
            handlers.facts,
            probe=probe,
            owners=owners,
            runtime=runtime,
            max_batch=BATCH,
            linger_ms=LINGER_MS,
            # The ledger must have it: it is handed in again once this service knows it.
            bury_unknown=True,
        ),
        consumer(
            kafka,
            AUDIT_DECISIONS,
            handlers.decisions,
            probe=probe,
            owners=owners,
            runtime=runtime,
            max_batch=BATCH,
            linger_ms=LINGER_MS,
            bury_unknown=True,
        ),
    ):
        yield


def _told(record: Record) -> events.Told | None:
    try:
        return events.told(record.envelope, traceparent=record.traceparent)
    except events.Unreadable as error:
        raise InvalidRecord(record, str(error)) from error


def _decision(record: Record) -> Occurrence:
    try:
        return events.decision(record.envelope)
    except events.Unreadable as error:
        raise InvalidRecord(record, str(error)) from error
