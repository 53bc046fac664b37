"""Proof by the chain of hashes that nothing of a log is missing or altered (MSG-20)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messaging_service_pb2 import ChainLink, ChainProblem
from plexuskit.config import MEBIBYTE
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import Actor
from plexuskit.turns import ITEM_BYTES, Turns

from messaging.conversations.queries.seats import Seat, seat
from messaging.log.domain import chain
from messaging.log.domain.chain import OlderEntries
from messaging.log.domain.entries import EntryKind
from messaging.log.domain.entries import chain as chain_1
from messaging.log.domain.states import History
from messaging.log.events.recalls import emptied_fact
from messaging.log.events.seals import content_of, fact_in, header_of
from messaging.log.store.checkpoints import APART
from messaging.log.store.entries import entry_size, version_of
from messaging.log.store.older_entries import digest_of_older, take_older, without_words_hash
from messaging.messages.events.states import stored_hash
from messaging.messages.queries.columns import columns_agree
from messaging.messages.queries.shown import Shown, compare_shown
from messaging.messages.store.stores import Store

MAX_ENTRIES: Final = 10_000
MAX_LINK_BYTES: Final = 2 * MEBIBYTE
# Bytes of entries that one call decodes and hashes, whether the caller may read them or not.
MAX_READ_BYTES: Final = 8 * MEBIBYTE
PAGE: Final = 250


@dataclass(slots=True)
class Verification:
    """A verified stretch of a log."""

    previous: bytes
    links: list[ChainLink] = field(default_factory=list)
    problems: list[ChainProblem] = field(default_factory=list)
    through: int = 0
    more: bool = False


async def verify_conversation(
    store: Store, *, actor: Actor, conversation_id: str, first: int, last: int
) -> Verification:
    """Verify a stretch of the log, and the current state derived from it.

    No number is missing; every link follows from the previous one; header and content of every
    stored event have the hashes that its link was made of; every column agrees with its event;
    messages, members and the conversation are the result of the entries; `seq` counts messages
    without a gap.

    Every member receives every link. The inputs of a link go only to members who may read the
    entry. A page ends early where its events exceed 2 MiB, where more than 8 MiB of entries were
    read, hidden ones too, or where the comparison with current state read more than that.

    Args:
        store: the store to read, with majority.
        actor: a member.
        conversation_id: the conversation.
        first: first number; 0 means 1.
        last: last number; 0 means the end.

    Raises:
        ConversationNotFound: see seat.
        InvalidArgument: `last` is before `first`.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    begin, end = first or 1, min(last or place.head.change_no, place.head.change_no)
    if begin < 1 or (last and last < begin):
        raise InvalidArgument(field="to_change_no", problem="lies before from_change_no")
    previous = await store.entries.find_change(conversation_id, begin - 1) if begin > 1 else None
    whole = begin == 1 or (
        _reads_all(place, through=begin - 1)
        and not await store.proofs.any_purged(conversation_id, through=begin - 1)
    )
    walk = _Walk(store, place, previous, begin=begin, whole=whole)
    upto = await walk.run(min(end, begin + MAX_ENTRIES - 1))
    found = walk.found
    problems, compared = await compare_shown(store, place, walk.shown, first=begin, last=upto)
    if compared < upto:
        found.links = [link for link in found.links if link.change_no <= compared]
        found.problems = [each for each in found.problems if each.change_no <= compared]
    found.problems += problems
    found.through, found.more = max(compared, begin - 1), compared < end
    return found


def _reads_all(place: Seat, *, through: int) -> bool:
    """Return whether the member may read every entry up to a number."""
    first = place.member.stays[0]
    return place.conversation.history is History.ALL or (
        first.joined_version == 1 and (not first.left_version or first.left_version >= through)
    )


def reads(place: Seat, entry: Mapping[str, Any]) -> bool:
    """Return whether a member may read an entry: a message by its seq, the rest by the stay."""
    seq = entry.get("seq") or entry.get("about_seq")
    if seq:
        return place.sees(seq)
    number = entry["change_no"]
    return place.conversation.history is History.ALL or any(
        stay.joined_version <= number and (not stay.left_version or number <= stay.left_version)
        for stay in place.member.stays
    )


class _Walk:
    """Checks entries in order, records problems, and returns the part that the reader may see."""

    def __init__(
        self,
        store: Store,
        place: Seat,
        previous: Mapping[str, Any] | None,
        *,
        begin: int,
        whole: bool,
    ) -> None:
        self._store = store
        self._place = place
        self._link = chain.GENESIS if previous is None else bytes(previous["chain_hash"])
        open_ = previous is None or whole or version_of(previous) == chain.VERSION
        self.found = Verification(previous=self._link if open_ else b"")
        self.shown = Shown()
        self._number = begin - 1
        self._seq = 0 if previous is None else int(previous["last_seq"])
        # True while the caller may read every entry so far and none was recalled.
        self._whole = whole
        self._size = 0
        # The digest of all entries so far, if checkpoints allow computing it piece by piece.
        self._older: OlderEntries | None = None
        self._checkpoints: dict[int, bytes] = {}
        self._turns = Turns()

    async def run(self, last: int) -> int:
        """Read entries up to a number or until the page is full; return the last one read."""
        conversation_id = self._place.conversation.id
        await self._resume_older(last)
        while self._number < last:
            limit = min(PAGE, last - self._number)
            entries, more = await self._store.proofs.list_entries(
                conversation_id, since=self._number, limit=limit
            )
            for entry in entries:
                if entry["change_no"] > last:
                    more = False
                    break
                if self._size > MAX_LINK_BYTES or self._turns.total > MAX_READ_BYTES:
                    return self._number
                await self._take(entry)
                await self._turns.taken(ITEM_BYTES + entry_size(entry))
            if not more:
                break
        self._finish(last)
        return last

    async def _take(self, entry: Mapping[str, Any]) -> None:
        number, kind = int(entry["change_no"]), EntryKind(entry["kind"])
        self._finish(number - 1)
        readable = reads(self._place, entry)
        name = entry["entity_id"] if readable else ""
        expected, stored = self._expected(entry, kind), bytes(entry["chain_hash"])
        if expected is not None and expected != stored:
            self._note(ChainProblem.KIND_BROKEN_LINK, number, name)
        elif (problem := await self._look_into(entry, kind)) is not None:
            self._note(problem, number, name)
        if not self._fold(entry):
            self._note(ChainProblem.KIND_ALTERED_HEADER, number, name)
        wanted = self._seq + (kind is EntryKind.POSTED)
        if entry["last_seq"] != wanted or (kind is EntryKind.POSTED and entry["seq"] != wanted):
            self._note(ChainProblem.KIND_SEQ_GAP, number, name)
        self._link, self._number, self._seq = stored, number, int(entry["last_seq"])
        self._whole = self._whole and readable and not entry.get("purged", False)
        link = self._link_of(entry, kind, readable=readable, computable=expected is not None)
        self._size += link.ByteSize()
        self.found.links.append(link)

    async def _resume_older(self, last: int) -> None:
        """Continue from the last checkpoint before the stretch, if one is near and more follow.

        A long log is verified in several calls. Each computes the checkpoints of its stretch from
        the one before, so that all of them together prove what version 2 began with.
        """
        conversation_id = self._place.conversation.id
        store = self._store.checkpoints
        self._checkpoints = await store.between(conversation_id, self._number + 1, last)
        older = await store.last(conversation_id, max_number=self._number)
        if self._number - older.through > APART or not (self._checkpoints or older.through):
            return
        while older.through < self._number:
            page, _ = await self._store.proofs.list_entries(
                conversation_id, since=older.through, limit=min(PAGE, self._number - older.through)
            )
            if not page:
                return
            for entry in page:
                take_older(older, entry)
                await self._turns.taken(ITEM_BYTES + entry_size(entry))
        self._older = older

    def _fold(self, entry: Mapping[str, Any]) -> bool:
        """Add an entry to the digest; False if a checkpoint differs from the result."""
        if self._older is None:
            return True
        take_older(self._older, entry)
        expected = self._checkpoints.get(self._older.through)
        return expected is None or expected == self._older.digest()

    def _expected(self, entry: Mapping[str, Any], kind: EntryKind) -> bytes | None:
        """Compute the entry's link again; None for one of version 1 whose hash is erased."""
        if version_of(entry) == chain.VERSION:
            return chain.link(
                chain.GENESIS if kind is EntryKind.CHAIN_BEGUN else self._link,
                change_no=entry["change_no"],
                header_hash=bytes(entry["header_hash"]),
                body_hash=bytes(entry["body_hash"]),
            )
        if "content_hash" not in entry:
            return None
        return chain_1(
            self._link,
            change_no=entry["change_no"],
            kind=kind,
            entity_id=entry["entity_id"],
            content_hash=bytes(entry["content_hash"]),
        )

    async def _look_into(
        self, entry: Mapping[str, Any], kind: EntryKind
    ) -> ChainProblem.Kind.ValueType | None:
        """Compare an entry's event with its hashes and columns; None: all is as it should be."""
        try:
            envelope = Envelope.FromString(bytes(entry["event"]))
            fact = fact_in(envelope)
        except (DecodeError, AttributeError):
            return ChainProblem.KIND_ALTERED_CONTENT
        self.shown.take(entry, kind, fact)
        if not columns_agree(self._place.conversation, entry, envelope, fact):
            return ChainProblem.KIND_ALTERED_HEADER
        if kind is EntryKind.CHAIN_BEGUN and await self._altered_before(entry):
            return ChainProblem.KIND_ALTERED_HEADER
        if version_of(entry) < chain.VERSION:
            return _altered_1(entry, kind, envelope, fact)
        return _altered_2(entry, kind, envelope, fact)

    async def _altered_before(self, entry: Mapping[str, Any]) -> bool:
        """Compute the digest of everything before version 2 again."""
        through = int(entry["change_no"]) - 1
        if self._older is not None and self._older.through == through:
            digest = self._older.digest()
        else:
            digest = await digest_of_older(
                self._store.proofs, self._place.conversation.id, through=through
            )
        return chain.salted(bytes(entry["content_salt"]), digest) != bytes(entry["body_hash"])

    def _link_of(
        self, entry: Mapping[str, Any], kind: EntryKind, *, readable: bool, computable: bool
    ) -> ChainLink:
        """Return the part of an entry that the caller may see."""
        purged = entry.get("purged", False)
        link = ChainLink(change_no=entry["change_no"], purged=purged, version=version_of(entry))
        if readable:
            link.kind, link.entity_id = kind.value, entry["entity_id"]
            link.event = bytes(entry["event"])
        if link.version == chain.VERSION:
            link.chain_hash = bytes(entry["chain_hash"])
            link.header_hash = bytes(entry["header_hash"])
            link.body_hash = bytes(entry["body_hash"])
            if kind is EntryKind.CHAIN_BEGUN:
                link.kind = kind.value  # so that every caller knows the starting link
                if self._whole:
                    link.content_salt = bytes(entry["content_salt"])
            return link
        if self._whole:
            link.chain_hash = bytes(entry["chain_hash"])
        if readable:
            link.event = _without_hashes(link.event)
            link.reply_to_seq = entry.get("reply_to_seq", 0)
        computable = computable and readable and not purged
        if computable:
            link.content_hash = bytes(entry["content_hash"])
        link.unverifiable = not (computable and self._whole)
        return link

    def _finish(self, upto: int) -> None:
        """Record missing numbers up to this one."""
        for number in range(self._number + 1, upto + 1):
            self._note(ChainProblem.KIND_MISSING, number, "")
        self._number = max(self._number, upto)

    def _note(self, kind: ChainProblem.Kind.ValueType, number: int, entity_id: str) -> None:
        self.found.problems.append(ChainProblem(change_no=number, kind=kind, entity_id=entity_id))


def _altered_2(
    entry: Mapping[str, Any], kind: EntryKind, envelope: Envelope, fact: Any
) -> ChainProblem.Kind.ValueType | None:
    """Compare an event of version 2 with the two hashes of its link."""
    header = chain.salted(fact.header_salt, header_of(envelope, fact))
    if header != bytes(entry["header_hash"]):
        return ChainProblem.KIND_ALTERED_HEADER
    if kind is EntryKind.CHAIN_BEGUN:
        return None  # its content is the older entries
    if entry.get("purged"):
        return _not_empty(fact)
    body = chain.salted(fact.content_salt, content_of(fact, words_hash=stored_hash))
    altered = body != bytes(entry["body_hash"])
    return ChainProblem.KIND_ALTERED_CONTENT if altered else None


def _altered_1(
    entry: Mapping[str, Any], kind: EntryKind, envelope: Envelope, fact: Any
) -> ChainProblem.Kind.ValueType | None:
    """Compare an event of version 1 with its hash, as far as version 1 bound it."""
    if entry.get("purged"):
        return _not_empty(fact)
    content_hash = bytes(entry["content_hash"])
    altered = envelope.content_hash != content_hash
    if kind in {EntryKind.POSTED, EntryKind.EDITED}:
        fact.message.reply_to_seq = entry.get("reply_to_seq", 0)
        altered = altered or stored_hash(fact.message) != content_hash
    return ChainProblem.KIND_ALTERED_CONTENT if altered else None


def _not_empty(fact: Any) -> ChainProblem.Kind.ValueType | None:
    """Find content where a recall has left none: it would be bound by nothing."""
    fact.message.ClearField("content_hash")  # of version 1, until it is erased
    size = fact.ByteSize()
    emptied_fact(fact)
    return ChainProblem.KIND_ALTERED_CONTENT if fact.ByteSize() != size else None


def _without_hashes(event: bytes) -> bytes:
    envelope = Envelope.FromString(without_words_hash(event))
    envelope.ClearField("chain_hash")
    envelope.ClearField("content_hash")
    return envelope.SerializeToString()
