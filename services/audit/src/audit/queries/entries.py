"""Reading the ledger: pages, the newest first, and lines for keeping elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.paging import Listing, Page, PageBudget, from_milliseconds, to_milliseconds

from audit.domain.entries import Entry, hidden_line, line
from audit.domain.reach import Reach
from audit.domain.refusals import LedgerDamaged
from audit.domain.verification import Placed
from audit.store import EntryFilter, Store

PAGE_DEFAULT: Final = 100
MAX_PAGE_SIZE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Whole lines of an export, and the number of the last one.

    `partial` is true if lines of entries beyond the caller's reach hold their links alone.
    """

    content: bytes
    through_no: int
    partial: bool


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
    entries = tuple(map(_entry, found))
    token = ""
    if more:
        last = entries[-1]
        token = listing.token(to_milliseconds(last.what.occurred_at), last.no)
    return Page(items=entries, next_page_token=token)


async def export_audit(
    store: Store, *, tenant_id: str, reach: Reach, from_no: int, through_no: int, frame_bytes: int
) -> AsyncIterator[Lines]:
    """Yield entries in order as lines of canonical JSON; the same numbers give the same bytes.

    Args:
        store: the store to read, with majority.
        tenant_id: tenant of the ledger.
        reach: entries beyond it are exported as links without content.
        from_no: first number; 0 means the first.
        through_no: last number; 0 means the current last.
        frame_bytes: size at which a frame is full.

    Refusals: InvalidArgument, LedgerDamaged when an entry is missing or cannot be read.
    """
    first, last = await stretch(store, tenant_id=tenant_id, from_no=from_no, through_no=through_no)
    content, no = bytearray(), first - 1
    async for placed in store.ledger.walk(tenant_id, first=first, last=last):
        if placed.no != no + 1:
            break
        entry = _entry(placed)
        content += line(entry) if reach.shows(entry.what) else hidden_line(entry)
        no = placed.no
        if len(content) >= frame_bytes:
            yield Lines(content=bytes(content), through_no=no, partial=not reach.everything)
            content.clear()
    if content:
        yield Lines(content=bytes(content), through_no=no, partial=not reach.everything)
    if no < last:
        raise LedgerDamaged(no=no + 1)


async def stretch(
    store: Store, *, tenant_id: str, from_no: int, through_no: int
) -> tuple[int, int]:
    """Return the first and last number requested; 0 as the last means the current end.

    Refusals: InvalidArgument for numbers below 0, and an end before the beginning.
    """
    if from_no < 0:
        raise InvalidArgument(field="from_no", problem="is negative; use 0 for the first")
    if through_no < 0:
        raise InvalidArgument(field="through_no", problem="is negative; use 0 for the last")
    first = from_no or 1
    if not through_no:
        head = await store.ledger.head(tenant_id)
        return first, head.no
    if through_no < first:
        raise InvalidArgument(field="through_no", problem="lies before from_no")
    return first, through_no


def page_limit(page_size: int) -> int:
    """Return the size of a page. Refusals: InvalidArgument."""
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidArgument(field="page_size", problem=f"must be 0 to {MAX_PAGE_SIZE}")
    return page_size or PAGE_DEFAULT


def _entry(placed: Placed) -> Entry:
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
