"""The consumer groups: facts and decisions become entries, facts become history too."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from plexus.topics import AUDIT_DECISIONS, AUDIT_FACTS
from plexuskit.config import KafkaSection
from plexuskit.kafka import InvalidRecord, Owners, Probe, Record, consumer, subscription
from plexuskit.runtime import Runtime

from audit import events, operations
from audit.domain.entries import Occurrence
from audit.operations import LedgerWriter
from audit.store import Store

# The ledger must have a fact of an unknown type: it is redriven once this service knows it.
_declared = partial(subscription, max_batch=500, linger_ms=50, bury_unknown=True)


class Handlers:
    """The two groups' handlers over one store."""

    def __init__(self, store: Store, *, ledger_writer: LedgerWriter) -> None:
        self._store = store
        self._ledger_writer = ledger_writer

    @_declared(AUDIT_FACTS)
    async def facts(self, records: Sequence[Record]) -> None:
        """Write facts into the history and the ledger."""
        parsed = [each for record in records if (each := _parsed(record)) is not None]
        if parsed:
            await operations.take_facts(
                self._store, ledger_writer=self._ledger_writer, parsed=parsed
            )

    @_declared(AUDIT_DECISIONS)
    async def decisions(self, records: Sequence[Record]) -> None:
        """Write decisions into the ledger."""
        await self._ledger_writer.record([_decision(record) for record in records])


SUBSCRIPTIONS: Final = (Handlers.facts, Handlers.decisions)


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
    """Record facts and decisions, for the duration of the block.

    `probe` exercises the database, `owners` have facts that topics leave out.
    """
    handlers = Handlers(store, ledger_writer=ledger_writer)
    follow = partial(consumer, kafka, probe=probe, owners=owners, runtime=runtime)
    async with follow(handlers.facts), follow(handlers.decisions):
        yield


def _parsed(record: Record) -> events.ParsedFact | None:
    try:
        return events.parse_fact(record.envelope, traceparent=record.traceparent)
    except events.Unreadable as error:
        raise InvalidRecord(record, str(error)) from error


def _decision(record: Record) -> Occurrence:
    try:
        return events.decision(record.envelope)
    except events.Unreadable as error:
        raise InvalidRecord(record, str(error)) from error
