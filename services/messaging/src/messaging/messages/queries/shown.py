"""Comparison of current state with the state that the log's entries lead to (MSG-20)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem
from plexuskit.clock import to_milliseconds
from plexuskit.config import MEBIBYTE
from plexuskit.timestamps import instant_of
from plexuskit.turns import ITEM_BYTES, Turns

from messaging.conversations.events.conversations import conversation_to_proto, member_to_proto
from messaging.conversations.queries.seats import Seat
from messaging.log.domain.entries import EntryKind
from messaging.log.domain.states import Conversation as ConversationState
from messaging.log.domain.states import Member as MemberState
from messaging.log.events.recalls import emptied
from messaging.log.events.seals import fact_in, placed
from messaging.log.store.entries import entry_size
from messaging.messages.store.messages import EVERYBODY, message_of
from messaging.messages.store.stores import Store

# Bytes of messages and their changes that one call compares, beside those read together last.
MAX_COMPARED_BYTES: Final = 8 * MEBIBYTE
MAX_TOGETHER: Final = 50
_AT_ONCE: Final = 250
_OF_MEMBERS: Final = frozenset(
    {EntryKind.CREATED, EntryKind.MEMBERS_ADDED, EntryKind.MEMBERS_REMOVED}
)
_OF_CONVERSATION: Final = frozenset({EntryKind.CREATED, EntryKind.CHANGED, EntryKind.ARCHIVED})
_WORDS: Final = ("text", "spans", "mentions", "attachments", "edited_at")


@dataclass(slots=True)
class Shown:
    """Objects that the entries of a stretch changed."""

    # Messages whose state must be compared, with the number of the last entry that touched each.
    seqs: dict[int, int] = field(default_factory=dict)
    # By number of the entry: members after their change.
    members: dict[int, dict[str, Member]] = field(default_factory=dict)
    # By version of the conversation: number of the entry and its fields.
    versions: dict[int, tuple[int, Conversation]] = field(default_factory=dict)

    def through(self, last: int) -> "Shown":
        """Return the changes of members and of the conversation by entries up to a number."""
        members = {number: who for number, who in self.members.items() if number <= last}
        versions = {each: of for each, of in self.versions.items() if of[0] <= last}
        return Shown(members=members, versions=versions)

    def take(self, entry: Mapping[str, Any], kind: EntryKind, fact: Any) -> None:
        """Record the objects that an entry changed."""
        number = int(entry["change_no"])
        if kind is EntryKind.POSTED:
            if "current" in entry or entry.get("purged"):
                self.seqs[int(entry["seq"])] = number
        elif "about_seq" in entry:
            self.seqs[int(entry["about_seq"])] = number
        if kind in _OF_MEMBERS:
            self.members[number] = {member.person_id: member for member in fact.members}
        if kind in _OF_CONVERSATION:
            self.versions[int(entry["revision"])] = number, fact.conversation


async def compare_shown(
    store: Store, place: Seat, shown: Shown, *, first: int, last: int
) -> tuple[list[ChainProblem], int]:
    """Compare messages, members and the conversation with the entries of a stretch.

    A message is compared in the stretch that has its last change, and so is a member.

    Returns:
        The problems, and the number up to which all was compared: a message may have had many long
        versions, so that the stretch must end before it.
    """
    problems, compared = await _compare_all(store, place, shown.seqs, last=last)
    if compared < last:
        shown = shown.through(compared)
        problems = [each for each in problems if each.change_no <= compared]
    problems += await _compare_members(store, place, shown, first=first, last=compared)
    problems += await _compare_conversation(store, place, shown, first=first, last=compared)
    return problems, compared


async def _compare_all(
    store: Store, place: Seat, touched: Mapping[int, int], *, last: int
) -> tuple[list[ChainProblem], int]:
    """Compare messages in order of their last entries, until too much was read for one call."""
    problems: list[ChainProblem] = []
    seqs = sorted(touched, key=lambda seq: touched[seq])
    turns, at, count = Turns(), 0, MAX_TOGETHER
    while at < len(seqs):
        if turns.total > MAX_COMPARED_BYTES:
            return problems, touched[seqs[at]] - 1
        previous, part = turns.total, seqs[at : at + count]
        problems += await _compare_messages(store, place, part, last=last, turns=turns)
        at += len(part)
        # Few together where they are large: only between these can the call end.
        large = turns.total - previous > MAX_COMPARED_BYTES // MAX_TOGETHER
        count = max(count // 2, 1) if large else min(count * 2, MAX_TOGETHER)
    return problems, last


async def _compare_messages(
    store: Store, place: Seat, seqs: Sequence[int], *, last: int, turns: Turns
) -> list[ChainProblem]:
    # The messages first: concurrent changes of them are then among the entries read after them.
    posted = await store.proofs.find_posted(place.conversation.id, seqs)
    replays = {seq: _Replay(posted.get(seq), head=place.head.change_no) for seq in seqs}
    for post in posted.values():
        await turns.taken(ITEM_BYTES + entry_size(post))
    async for change in store.proofs.stream_about(place.conversation.id, seqs):
        replays[change["about_seq"]].take(change)
        await turns.taken(ITEM_BYTES + entry_size(change))
    problems = []
    for seq, replay in replays.items():
        if replay.number > last:
            continue  # compared with the stretch that has this change
        entry = posted.get(seq)
        if not replay.as_the_log_says():
            number = replay.number or (last if entry is None else int(entry["change_no"]))
            shown = entry is not None and place.sees(seq)
            problems.append(
                ChainProblem(
                    change_no=number,
                    kind=ChainProblem.KIND_ALTERED_STATE,
                    entity_id=entry["entity_id"] if entry is not None and shown else "",
                )
            )
    return problems


class _Replay:
    """Applies the changes of one message in order: it is as they lead to, or with newer ones.

    Attributes:
        number: of its last change up to the head; 0 for none.
    """

    def __init__(self, entry: Mapping[str, Any] | None, *, head: int) -> None:
        self.number = 0
        self._entry = entry
        self._head = head
        self._recalled = False
        self._found = False
        self._state = self._held = Message()
        self._readable = entry is not None
        if entry is not None:
            try:
                self._held = _plain(message_of(entry))
                self._state = _plain(message_of({**entry, "current": None}))
            except (DecodeError, AttributeError):
                self._readable = False

    def take(self, change: Mapping[str, Any]) -> None:
        """Apply one more change."""
        if change["change_no"] <= self._head:
            self.number = int(change["change_no"])
            self._found = False
        elif not self._found:
            # The state read may be older than this event.
            self._found = self._matches()
        if not self._readable or self._found:
            return
        try:
            fact = fact_in(Envelope.FromString(bytes(change["event"])))
            self._state = _after(self._state, EntryKind(change["kind"]), fact, change)
            self._recalled = self._state.recalled
        except (DecodeError, AttributeError):
            self._readable = False

    def as_the_log_says(self) -> bool:
        """Return whether the stored message equals one of its states since the head."""
        return self._found or self._matches()

    def _matches(self) -> bool:
        if not self._readable or self._entry is None:
            return False
        return _matches(self._entry, self._held, self._state, recalled=self._recalled)


def _matches(entry: Mapping[str, Any], held: Message, state: Message, *, recalled: bool) -> bool:
    """Compare the message, and the columns by which it is counted and found."""
    system = state.origin != "" and state.kind == Message.KIND_SYSTEM
    return (
        held == state
        and entry.get("purged", False) == recalled
        and entry.get("recalled", False) == recalled
        and entry["silent"] == (recalled or system)
        and entry.get("pinned_at") == _pinned_at(state)
        and list(entry.get("mentioned", ())) == _mentioned_by(state)
    )


def _after(state: Message, kind: EntryKind, fact: Any, entry: Mapping[str, Any]) -> Message:
    """Return a message after one of its changes."""
    after, changed = Message(), fact.message
    after.CopyFrom(state)
    if kind is EntryKind.EDITED:
        _take(after, changed, _WORDS)
        after.version = changed.version
    elif kind is EntryKind.REACTED:
        after.ClearField("reactions")
        after.reactions.extend(placed(fact).reactions)
    elif kind is EntryKind.PINNED:
        after.ClearField("pin")
        if placed(fact).HasField("pin"):
            after.pin.CopyFrom(placed(fact).pin)
    elif kind is EntryKind.LABELED:
        after.ClearField("labels")
        after.labels.extend(placed(fact).labels)
    elif kind is EntryKind.RECALLED:
        emptied(after)
        after.recalled, after.recalled_by = True, changed.recalled_by
        after.recalled_at.CopyFrom(changed.recalled_at)
    after.revision, after.change_no = entry["revision"], entry["change_no"]
    return after


def _take(after: Message, changed: Message, names: Iterable[str]) -> None:
    part = Message()
    part.CopyFrom(changed)
    for descriptor, _ in changed.ListFields():
        if descriptor.name not in names:
            part.ClearField(descriptor.name)  # type: ignore[arg-type] # names of the contract
    for name in names:
        after.ClearField(name)  # type: ignore[arg-type] # names of the contract
    after.MergeFrom(part)


def _plain(message: Message) -> Message:
    message.ClearField("content_hash")
    return message


def _pinned_at(message: Message) -> datetime | None:
    """Return the instant by which pins are sorted, as the database keeps it."""
    return to_milliseconds(instant_of(message.pin.pinned_at)) if message.HasField("pin") else None


def _mentioned_by(message: Message) -> list[str]:
    """Return the addressees of a stored message, in the order of `mentioned_in`."""
    people = [mention.person_id for mention in message.mentions if mention.person_id]
    everybody = [EVERYBODY] if any(mention.all for mention in message.mentions) else []
    departments = [m.department_id for m in message.mentions if m.department_id]
    return [*people, *everybody, *departments]


async def _compare_members(
    store: Store, place: Seat, shown: Shown, *, first: int, last: int
) -> list[ChainProblem]:
    members = await store.conversations.members(place.conversation.id)
    held = {member.person_id: member_to_proto(member) for member in members}
    wrong = _altered_stays(members, shown, first=first, last=last)
    if last == place.head.change_no and _miscounted(place.conversation, members):
        wrong.add(last)
    for member in held.values():
        if first <= member.version <= last:
            said = shown.members.get(member.version, {}).get(member.person_id)
            if said != member:
                wrong.add(member.version)
        elif member.version > last == place.head.change_no and not await _is_there(
            store, place, member.version
        ):
            wrong.add(last)
    for number, people in shown.members.items():
        for person_id in people:
            if person_id not in held or held[person_id].version < number:
                wrong.add(number)
    return [_state_problem(number) for number in sorted(wrong)]


def _altered_stays(
    members: Iterable[MemberState], shown: Shown, *, first: int, last: int
) -> set[int]:
    """Return numbers of entries that do not prove a stay's beginning or end there."""
    wrong: set[int] = set()
    for member in members:
        for stay in member.stays:
            ends = ((stay.joined_version, True), (stay.left_version, False))
            for number, begins in ends:
                if number > member.version:
                    wrong.add(min(number, last))
                elif first <= number <= last:
                    said = shown.members.get(number, {}).get(member.person_id)
                    if said is None or said.active != begins:
                        wrong.add(number)
        if not all(stay.joined_version for stay in member.stays):
            wrong.add(min(max(member.version, first), last))
    return wrong


def _miscounted(conversation: ConversationState, members: Sequence[MemberState]) -> bool:
    """Return whether the conversation's member count differs from the number of members.

    Members were read after it; a member changed since then is no evidence.
    """
    if any(member.version > conversation.membership_version for member in members):
        return False
    return conversation.member_count != sum(member.active for member in members)


async def _is_there(store: Store, place: Seat, number: int) -> bool:
    entry = await store.entries.find_change(place.conversation.id, number)
    return entry is not None and EntryKind(entry["kind"]) in _OF_MEMBERS


async def _compare_conversation(
    store: Store, place: Seat, shown: Shown, *, first: int, last: int
) -> list[ChainProblem]:
    held = conversation_to_proto(place.conversation, change_no=0, seq=0)
    wrong: set[int] = set()
    for version, (number, said) in shown.versions.items():
        if version > held.version or (version == held.version and not _same(held, said)):
            wrong.add(number)
    if held.membership_version < max(shown.members, default=0):
        wrong.add(max(shown.members))
    version, at_end = held.membership_version, last == place.head.change_no
    unsaid = first <= version <= last and version not in shown.members
    if unsaid or (at_end and version > last and not await _is_there(store, place, version)):
        wrong.add(min(version, last))
    complete = first == 1 and at_end
    if complete and held.version not in shown.versions:
        newer = await store.entries.list_changes(held.id, since=last, limit=_AT_ONCE)
        if all(
            entry["revision"] != held.version or EntryKind(entry["kind"]) not in _OF_CONVERSATION
            for entry in newer
        ):
            wrong.add(last)
    return [_state_problem(number) for number in sorted(wrong)]


def _same(held: Conversation, said: Conversation) -> bool:
    """Compare the fields set by a change of the conversation itself: not its numbers or members."""
    one, other = Conversation(), Conversation()
    one.CopyFrom(held)
    other.CopyFrom(said)
    for each in (one, other):
        for name in ("change_no", "last_seq", "membership_version", "member_count"):
            each.ClearField(name)
    return one == other


def _state_problem(number: int) -> ChainProblem:
    return ChainProblem(change_no=number, kind=ChainProblem.KIND_ALTERED_STATE)
