"""Recording that a held record is moved to the dead letters, before it is (GW-7)."""

from plexuskit.requests import RequestIdReused

from audit.domain.entries import Entry, Occurrence
from audit.domain.refusals import LedgerDamaged
from audit.operations.recording import LedgerWriter
from audit.store import Store


async def record_skip(
    store: Store, *, ledger_writer: LedgerWriter, what: Occurrence, request_id: str
) -> Entry:
    """Append a skip to its tenant's ledger and return the entry; a repeat returns the first one.

    The entry is written here and not by a fact, because the held partition may be the one that
    carries facts to the ledger.

    Args:
        store: the ledger.
        ledger_writer: appends to it.
        what: the skip.
        request_id: the client's id of the request, for the refusal.

    Raises:
        RequestIdReused: the request id was used for another record or another reason.
        DependencyDown: the store failed; the same request may be sent again.
        LedgerDamaged: the entry cannot be read.
    """
    await ledger_writer.record([what])
    placed = await store.ledger.find_event(what.event_id)
    if placed is None or placed.entry is None:
        raise LedgerDamaged(no=placed.no if placed else 0)
    first = placed.entry.what
    if (first.object, first.reason) != (what.object, what.reason):
        raise RequestIdReused(request_id=request_id)
    return placed.entry
