"""Walking a ledger: the first entry that was altered, removed or put elsewhere (GW-7)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from audit.domain.entries import Entry, LedgerHead, hash_of


class Flaw(enum.Enum):
    """Kind of damage to a ledger at a number."""

    ALTERED = "altered"
    REMOVED = "removed"
    REORDERED = "reordered"
    ANCHOR = "anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The first number at which a ledger was altered, and the evidence."""

    no: int
    flaw: Flaw
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A stored document: the number of its place, and its entry unless it can be read as none."""

    no: int
    tenant_id: str
    entry: Entry | None


class Walk:
    """Takes the documents of one ledger in order of their places until something is wrong.

    Attributes:
        head: the last verified entry.
        verified: number of verified entries.
    """

    def __init__(self, *, previous: LedgerHead, anchors: Mapping[int, bytes]) -> None:
        """Begin after an entry.

        Args:
            previous: the entry before the first that will be taken; EMPTY for the whole ledger.
            anchors: hashes by number that were kept elsewhere.
        """
        self.head = previous
        self.verified = 0
        self._anchors = anchors

    def take(self, placed: Placed) -> Finding | None:
        """Verify the next document; return the finding, or None."""
        expected = self.head.no + 1
        if placed.no != expected:
            return self.missing(expected)
        entry = placed.entry
        if entry is None:
            return _finding(expected, Flaw.ALTERED, "what is stored can no longer be read")
        if entry.no != expected or entry.what.tenant_id != placed.tenant_id:
            return _finding(expected, Flaw.REORDERED, f"entry {entry.no} stands in its place")
        finding = self._broken(entry)
        if finding is None:
            self.head = LedgerHead(expected, entry.hash)
            self.verified += 1
        return finding

    def _broken(self, entry: Entry) -> Finding | None:
        """Find an error in the hashes of an entry at its own place."""
        if hash_of(entry) != entry.hash:
            return _finding(entry.no, Flaw.ALTERED, "its content has another hash than it says")
        if entry.previous != self.head.hash:
            # A forger keeps the previous link and renews the hash of the altered entry.
            text = f"entry {entry.no} was written after another content of it"
            return _finding(max(self.head.no, 1), Flaw.ALTERED, text)
        kept = self._anchors.get(entry.no)
        if kept is not None and kept != entry.hash:
            return _finding(entry.no, Flaw.ANCHOR, "it has another hash than was kept of it")
        return None

    def missing(self, no: int) -> Finding:
        """Return the finding that an entry is missing."""
        return _finding(no, Flaw.REMOVED, "there is no such entry")

    def finish(self, *, through: int) -> Finding | None:
        """Verify that the ledger reaches a number, and every anchor if the whole of it is verified.

        Args:
            through: the last number requested; 0 for the current end.
        """
        last = through or max(self._anchors, default=0)
        if self.head.no < last:
            return self.missing(self.head.no + 1)
        return None


def check_previous(previous: Placed, *, anchors: Mapping[int, bytes]) -> Finding | None:
    """Verify the entry before a stretch, on its own; return the finding, or None.

    The stretch is verified against its hash, so an anchor of it makes the stretch certain.
    """
    entry = previous.entry
    if entry is None:
        return _finding(previous.no, Flaw.ALTERED, "what is stored can no longer be read")
    walk = Walk(previous=LedgerHead(previous.no - 1, entry.previous), anchors=anchors)
    return walk.take(previous)


def _finding(no: int, flaw: Flaw, text: str) -> Finding:
    return Finding(no=no, flaw=flaw, text=text)
