"""Recording that a held record is moved to the dead letters, before it is (GW-7)."""

from datetime import datetime

from plexuskit.mongo import Transaction
from plexuskit.request_ids import KEPT_FOR, Request, RequestIdReused

from audit.domain.entries import Entry, Occurrence
from audit.domain.refusals import LedgerDamaged
from audit.domain.verification import Placed
from audit.operations.placing import place
from audit.operations.recording import LedgerWriter
from audit.store import Store


async def record_skip(
    store: Store,
    *,
    ledger_writer: LedgerWriter,
    what: Occurrence,
    request: Request | None,
    now: datetime,
) -> Entry:
    """Append a skip to its tenant's ledger and return the entry; a repeat returns the first one.

    The entry is written here and not by a fact, because the held partition may be the one that
    carries facts to the ledger.

    Args:
        store: the ledger.
        ledger_writer: appends to it.
        what: the skip.
        request: the call as its id identifies it; None: every call is an entry of its own.
        now: when it is asked for.

    Raises:
        RequestIdReused: the request id was used for another record or another reason.
        DependencyDown: the store failed; the same request may be sent again.
        LedgerDamaged: the entry cannot be read.
    """
    earlier = await _older(store, what, request=request, now=now)
    if earlier is not None:
        return earlier
    (placed,) = await place(store, [what])

    async def work(tx: Transaction) -> int:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            first: int = answered["no"]
            return first
        entry = await ledger_writer.add(placed, tx=tx)
        await store.requests.record(request, {"no": entry.no}, now=now, tx=tx)
        return entry.no

    no = await store.transact(work)
    return _read(await store.ledger.find(what.tenant_id, no), no=no)


def _read(placed: Placed | None, *, no: int) -> Entry:
    if placed is None or placed.entry is None:
        raise LedgerDamaged(no=no)
    return placed.entry


async def _older(
    store: Store, what: Occurrence, *, request: Request | None, now: datetime
) -> Entry | None:
    """Find the entry of a request of the release before, which recorded it as the event alone.

    To be deleted in the release after the next: by then the last of them has expired.

    Raises:
        RequestIdReused, LedgerDamaged: as `record_skip`.
    """
    if request is None:
        return None
    placed = await store.ledger.find_event(f"skip:{request.key}")
    if placed is None:
        return None
    entry = _read(placed, no=placed.no)
    if entry.recorded_at <= now - KEPT_FOR:
        return None
    if (entry.what.object, entry.what.reason) != (what.object, what.reason):
        raise RequestIdReused(request_id=request.request_id)
    return entry
