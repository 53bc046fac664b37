"""Export of a ledger, and the proof by its chain of hashes that it is complete (GW-7)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from plexuskit.errors import InvalidArgument

from audit.domain.entries import EMPTY, LedgerHead, hidden_line, line
from audit.domain.reach import Reach
from audit.domain.refusals import LedgerDamaged
from audit.domain.verification import Finding, Walk, check_previous
from audit.queries.entries import intact_entry
from audit.store import Store

MAX_ANCHORS: Final = 1_000
_HASH_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Findings of a walk over a stretch of a ledger.

    `head` is the last proved entry, for the caller to keep; `more` is true if the stretch
    continues.
    """

    verified: int
    finding: Finding | None
    head: LedgerHead
    more: bool


async def verify_audit(
    store: Store,
    *,
    tenant_id: str,
    from_no: int,
    through_no: int,
    anchors: Mapping[int, bytes],
    maximum: int,
) -> Verification:
    """Compute the chain again and report the first entry that was altered.

    The chain alone reveals every change of an entry, every removal between two others and every
    reordering. That the last entries are still there, and that the chain was not rewritten as a
    whole, can only be proved with hashes that were kept elsewhere: the anchors.

    Args:
        store: the store to read, with majority.
        tenant_id: tenant of the ledger.
        from_no: first number; 0 means the first.
        through_no: last number; 0 means the current last.
        anchors: hashes by number, at most 1,000.
        maximum: maximum number of entries to verify in one call.

    Refusals: InvalidArgument.
    """
    _check(anchors)
    first, last = await stretch(store, tenant_id=tenant_id, from_no=from_no, through_no=through_no)
    previous, finding = await _previous(store, tenant_id=tenant_id, first=first, anchors=anchors)
    if finding is not None:
        return Verification(verified=0, finding=finding, head=EMPTY, more=False)

    walk = Walk(previous=previous, anchors=anchors)
    upto = min(last, first + maximum - 1)
    async for placed in store.ledger.walk(tenant_id, first=first, last=upto):
        finding = walk.take(placed)
        if finding is not None:
            break
    more = finding is None and walk.head.no == upto and upto < last
    if finding is None and not more:
        finding = walk.finish(through=through_no)
    return Verification(verified=walk.verified, finding=finding, head=walk.head, more=more)


async def _previous(
    store: Store, *, tenant_id: str, first: int, anchors: Mapping[int, bytes]
) -> tuple[LedgerHead, Finding | None]:
    """Read the entry that a stretch begins after, and verify it on its own."""
    if first == 1:
        return EMPTY, None
    placed = await store.ledger.find(tenant_id, first - 1)
    if placed is None:
        walk = Walk(previous=EMPTY, anchors=anchors)
        return EMPTY, walk.missing(first - 1)
    finding = check_previous(placed, anchors=anchors)
    if placed.entry is None or finding is not None:
        return EMPTY, finding
    return LedgerHead(placed.no, placed.entry.hash), None


def _check(anchors: Mapping[int, bytes]) -> None:
    if len(anchors) > MAX_ANCHORS:
        raise InvalidArgument(field="anchors", problem=f"are more than {MAX_ANCHORS}")
    if any(no < 1 or len(hash_) != _HASH_BYTES for no, hash_ in anchors.items()):
        raise InvalidArgument(
            field="anchors", problem="have a number from 1 and a hash of 32 bytes"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Whole lines of an export, and the number of the last one.

    `partial` is true if lines of entries beyond the caller's reach hold their links alone.
    """

    content: bytes
    through_no: int
    partial: bool


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
        entry = intact_entry(placed)
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
