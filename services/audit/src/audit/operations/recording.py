"""Recording of events: each once, with dense numbers, by any number of processes (GW-7)."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from plexuskit.backoff import FULL, jittered
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown
from plexuskit.mongo import Transaction

from audit.domain.entries import Entry, LedgerHead, Occurrence, append
from audit.operations.placing import place
from audit.store import Store
from audit.store.ledger import EVENT_INDEX

log = structlog.get_logger()

BATCH: Final = 500
FRUITLESS_ROUNDS: Final = 50
_MAX_PAUSE: Final = 0.05


class LedgerWriter:
    """Appends to ledgers; caches their ends while no other process writes.

    The unique number of an entry is the fence: the writer of number n has seen everything up to n -
    1. A taken number means that another process wrote, so the end is read again and the rest is
    decided again. A taken event means a repeat, which is skipped.
    """

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._heads: dict[str, LedgerHead] = {}

    async def record(self, occurrences: Sequence[Occurrence]) -> int:
        """Record new occurrences; return how many entries were added.

        Returns only when all of them are durably in their ledgers, in the order given per tenant.

        Raises:
            DependencyDown: the store failed or writes kept conflicting; some may be recorded.
        """
        added = 0
        by_tenant: dict[str, dict[str, Occurrence]] = {}
        for each in occurrences:
            by_tenant.setdefault(each.tenant_id, {}).setdefault(each.event_id, each)
        for tenant_id, events in by_tenant.items():
            waiting = await place(self._store, list(events.values()))
            for start in range(0, len(waiting), BATCH):
                added += await self._append(tenant_id, waiting[start : start + BATCH])
        return added

    async def add(self, occurrence: Occurrence, *, tx: Transaction) -> Entry:
        """Write one entry in a transaction of the caller, and return it.

        Raises:
            Retry: another process took the number.
            DependencyDown: the store failed.
        """
        head = await self._store.ledger.head(occurrence.tenant_id, tx=tx)
        (entry,) = self._entries(head, [occurrence])
        await self._store.ledger.add(entry, tx=tx)
        return entry

    async def _append(self, tenant_id: str, waiting: list[Occurrence]) -> int:
        added = fruitless = 0
        try:
            while waiting and fruitless < FRUITLESS_ROUNDS:
                if fruitless:
                    await asyncio.sleep(jittered(_MAX_PAUSE, spread=FULL))
                inserted, waiting = await self._attempt(tenant_id, waiting)
                added += inserted
                fruitless = 0 if inserted else fruitless + 1
        except BaseException:
            # The outcome of the write is unknown: the end is read before the next number is
            # assigned.
            self._heads.pop(tenant_id, None)
            raise
        if waiting:
            log.warning("ledger.contended", entries=len(waiting))
            raise DependencyDown(dependency="ledger", problem="others write all the time")
        return added

    async def _attempt(
        self, tenant_id: str, waiting: list[Occurrence]
    ) -> tuple[int, list[Occurrence]]:
        """Write as far as possible; return the number of new entries and the rest."""
        head = self._heads.get(tenant_id)
        if head is None:
            head = await self._store.ledger.head(tenant_id)
        entries = self._entries(head, waiting)
        outcome = await self._store.ledger.append(entries)
        if outcome.inserted:
            last = entries[outcome.inserted - 1]
            head = LedgerHead(last.no, last.hash)
        rest = waiting[outcome.inserted :]
        if outcome.failure is None:
            self._heads[tenant_id] = head
        elif outcome.failure.index == EVENT_INDEX:
            self._heads[tenant_id] = head
            known = await self._store.ledger.recorded(each.event_id for each in rest)
            rest = [each for each in rest if each.event_id not in known]
        else:
            self._heads.pop(tenant_id, None)
        return outcome.inserted, rest

    def _entries(self, head: LedgerHead, waiting: Sequence[Occurrence]) -> list[Entry]:
        now = self._clock.now()
        entries: list[Entry] = []
        for what in waiting:
            entry = append(head, what, now=now)
            head = LedgerHead(entry.no, entry.hash)
            entries.append(entry)
        return entries
