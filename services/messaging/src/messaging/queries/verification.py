"""Proof by the chain of hashes that nothing of a log is missing or altered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.messaging_service_pb2 import ChainLink, ChainProblem
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import Actor

from messaging.domain.log import GENESIS, EntryKind, chain
from messaging.queries.seats import seat
from messaging.store import Store
from messaging.store.entries import message_of
from messaging.store.present import message_in, stored_hash

STRETCH_MOST = 10_000
_WITH_CONTENT = frozenset({EntryKind.POSTED, EntryKind.EDITED})


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
    """Walk the log from one number to another and compare everything that is stored twice.

    Every number is there; every link follows from the one before; the envelope that Kafka carried
    says the same as the entry; what was said has the hash that the chain holds; `seq` counts
    messages without a hole. Links are no content, so every member may see all of them.

    Args:
        store: what is read, with majority.
        actor: a member.
        conversation_id: which log.
        first: number to begin with; 0 means 1.
        last: number to end with; 0 means the end.

    Raises:
        ConversationNotFound: see seat.
        InvalidArgument: the stretch ends before it begins.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    begin, end = first or 1, min(last or place.head.change_no, place.head.change_no)
    if begin < 1 or (last and last < begin):
        raise InvalidArgument(field="to_change_no", problem="lies before from_change_no")
    upto = min(end, begin + STRETCH_MOST - 1)
    before = await store.entries.find_change(conversation_id, begin - 1) if begin > 1 else None
    walk = _Walk(before, begin=begin)
    count = upto - begin + 1
    entries = (
        await store.entries.list_changes(conversation_id, since=begin - 1, limit=count)
        if count > 0
        else []
    )
    for entry in entries:
        if entry["change_no"] > upto:
            break
        walk.take(entry)
    walk.finish(upto)
    walk.compare_present()
    found = walk.found
    found.through, found.more = max(upto, begin - 1), upto < end
    return found


class _Walk:
    """Takes entries in order and notes what is wrong."""

    def __init__(self, previous: Mapping[str, Any] | None, *, begin: int) -> None:
        link = GENESIS if previous is None else bytes(previous["chain_hash"])
        self.found = Verification(previous=link)
        self._link = link
        self._number = begin - 1
        self._seq = 0 if previous is None else int(previous["last_seq"])
        # By seq of the message: its posted entry, and how often and to which hash it was edited.
        self._posted: dict[int, Mapping[str, Any]] = {}
        self._edits: dict[int, tuple[int, bytes]] = {}

    def take(self, entry: Mapping[str, Any]) -> None:
        """Verify the next entry that is there."""
        number = int(entry["change_no"])
        self.finish(number - 1)
        kind, content_hash = EntryKind(entry["kind"]), bytes(entry["content_hash"])
        expected = chain(
            self._link,
            change_no=number,
            kind=kind,
            entity_id=entry["entity_id"],
            content_hash=content_hash,
        )
        stored = bytes(entry["chain_hash"])
        if expected != stored:
            self._note(ChainProblem.KIND_BROKEN_LINK, number, entry["entity_id"])
        elif not _tells_the_same(entry, kind):
            self._note(ChainProblem.KIND_ALTERED_CONTENT, number, entry["entity_id"])
        wanted = self._seq + (kind is EntryKind.POSTED)
        if entry["last_seq"] != wanted or (kind is EntryKind.POSTED and entry["seq"] != wanted):
            self._note(ChainProblem.KIND_SEQ_GAP, number, entry["entity_id"])
        if kind is EntryKind.POSTED:
            self._posted[entry["seq"]] = entry
        elif kind is EntryKind.EDITED:
            times, _ = self._edits.get(entry["about_seq"], (0, b""))
            self._edits[entry["about_seq"]] = (times + 1, content_hash)
        self._link, self._number, self._seq = stored, number, int(entry["last_seq"])
        self.found.links.append(
            ChainLink(
                change_no=number,
                kind=kind.value,
                entity_id=entry["entity_id"],
                content_hash=content_hash,
                chain_hash=stored,
                purged=entry.get("purged", False),
            )
        )

    def finish(self, upto: int) -> None:
        """Note the numbers that nothing has, up to this one."""
        for number in range(self._number + 1, upto + 1):
            self._note(ChainProblem.KIND_MISSING, number, "")
        self._number = max(self._number, upto)

    def compare_present(self) -> None:
        """Compare what people read now with the last words that the log has of it."""
        for seq, entry in self._posted.items():
            message = message_of(entry)
            times, last_hash = self._edits.get(seq, (0, bytes(entry["content_hash"])))
            if "current" not in entry or message.recalled or message.version != times:
                continue  # never changed, empty, or edited beyond the stretch
            if stored_hash(message, reply_to_seq=_reply_to(entry)) != last_hash:
                self._note(
                    ChainProblem.KIND_ALTERED_CONTENT, entry["change_no"], entry["entity_id"]
                )

    def _note(self, kind: ChainProblem.Kind.ValueType, number: int, entity_id: str) -> None:
        self.found.problems.append(ChainProblem(change_no=number, kind=kind, entity_id=entity_id))


def _tells_the_same(entry: Mapping[str, Any], kind: EntryKind) -> bool:
    """Tell whether the stored event is the entry's, and its content has the entry's hash."""
    content_hash = bytes(entry["content_hash"])
    try:
        envelope = Envelope.FromString(bytes(entry["event"]))
        if (
            envelope.change_no != entry["change_no"]
            or envelope.entity_id != entry["entity_id"]
            or envelope.content_hash != content_hash
            or envelope.chain_hash != bytes(entry["chain_hash"])
        ):
            return False
        if kind not in _WITH_CONTENT or entry.get("purged"):
            return True
        message = message_in(bytes(entry["event"]))
    except DecodeError:
        return False
    if message.content_hash != content_hash:
        return False
    return stored_hash(message, reply_to_seq=_reply_to(entry)) == content_hash


def _reply_to(entry: Mapping[str, Any]) -> int:
    return int(entry.get("reply_to_seq", 0))
