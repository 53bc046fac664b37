"""Entries of a ledger, the newest first."""

from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import Listing, Page, PageBudget, from_milliseconds, to_milliseconds

from audit.domain.entries import Entry
from audit.domain.refusals import LedgerDamaged
from audit.domain.verification import Placed
from audit.store import EntryFilter, Store

PAGE_DEFAULT: Final = 100
MAX_PAGE_SIZE: Final = 1_000


async def list_audit_entries(
    store: Store, *, wanted: EntryFilter, page_size: int, page_token: str
) -> Page[Entry]:
    """List entries of a tenant, the newest first, at most 2 MiB on a page.

    Args:
        store: the store to read, with majority.
        wanted: filter of entries.
        page_size: 1 to 1,000; 0 means 100.
        page_token: the end of the previous page; empty for the first.

    Refusals: InvalidArgument, InvalidPageToken, LedgerDamaged.
    """
    limit = page_limit(page_size)
    listing = Listing(name="audit.entries", filters=_shown(wanted))
    position = listing.position(page_token, shape=(int, int))
    after = None
    if position is not None:
        at, no = position
        after = (from_milliseconds(int(at)), int(no))
    found, more = await store.ledger.list_newest(
        wanted, after=after, budget=PageBudget(items=limit)
    )
    entries = tuple(map(intact_entry, found))
    token = ""
    if more:
        last = entries[-1]
        token = listing.token(to_milliseconds(last.what.occurred_at), last.no)
    return Page(items=entries, next_page_token=token)


def page_limit(page_size: int) -> int:
    """Return the size of a page. Refusals: InvalidArgument."""
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidArgument(field="page_size", problem=f"must be 0 to {MAX_PAGE_SIZE}")
    return page_size or PAGE_DEFAULT


def intact_entry(placed: Placed) -> Entry:
    """Return a stored entry. Refusals: LedgerDamaged for one that cannot be read."""
    if placed.entry is None:
        raise LedgerDamaged(no=placed.no)
    return placed.entry


def _shown(wanted: EntryFilter) -> tuple[str, ...]:
    times = (str(each.timestamp()) if each else "" for each in (wanted.since, wanted.until))
    return (
        wanted.tenant_id,
        wanted.actor_id,
        wanted.object,
        wanted.action,
        wanted.decision.value,
        *times,
        *sorted(wanted.reach.departments),
    )
