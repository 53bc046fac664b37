"""What people are shown now, against what the entries of the log lead to (MSG-20)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.conversations_pb2 import Conversation, Member
from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import ChainProblem

from messaging.domain.log import EntryKind
from messaging.events import conversation_to_proto, member_to_proto
from messaging.events.sealing import fact_in, placed
from messaging.queries.seats import Seat
from messaging.store import Store
from messaging.store.entries import EVERYBODY, message_of
from messaging.store.present import emptied

_AT_ONCE: Final = 250
_OF_MEMBERS: Final = frozenset(
    {EntryKind.CREATED, EntryKind.MEMBERS_ADDED, EntryKind.MEMBERS_REMOVED}
)
_OF_CONVERSATION: Final = frozenset({EntryKind.CREATED, EntryKind.CHANGED, EntryKind.ARCHIVED})
_WORDS: Final = ("text", "spans", "mentions", "attachments", "edited_at")


@dataclass(slots=True)
class Shown:
    """What entries of a stretch touched."""

    # Messages whose state must be compared.
    seqs: set[int] = field(default_factory=set)
    # By number of the entry: who it made what.
    members: dict[int, dict[str, Member]] = field(default_factory=dict)
    # By version of the conversation: number of the entry and its fields.
    versions: dict[int, tuple[int, Conversation]] = field(default_factory=dict)

    def take(self, entry: Mapping[str, Any], kind: EntryKind, fact: Any) -> None:
        """Note what an entry touched."""
        number = int(entry["change_no"])
        if kind is EntryKind.POSTED:
            if "current" in entry or entry.get("purged"):
                self.seqs.add(int(entry["seq"]))
        elif "about_seq" in entry:
            self.seqs.add(int(entry["about_seq"]))
        if kind in _OF_MEMBERS:
            self.members[number] = {member.person_id: member for member in fact.members}
        if kind in _OF_CONVERSATION:
            self.versions[int(entry["revision"])] = number, fact.conversation


async def compare_shown(
    store: Store, place: Seat, shown: Shown, *, first: int, last: int
) -> list[ChainProblem]:
    """Compare messages, members and the conversation with what a stretch says of them.

    A message is compared with the stretch that has its last change, a member with the one that has
    theirs.
    """
    problems: list[ChainProblem] = []
    seqs = sorted(shown.seqs)
    for start in range(0, len(seqs), _AT_ONCE):
        part = seqs[start : start + _AT_ONCE]
        problems += await _compare_messages(store, place, part, last=last)
    problems += await _compare_members(store, place, shown, first=first, last=last)
    problems += await _compare_conversation(store, place, shown, first=first, last=last)
    return problems


async def _compare_messages(
    store: Store, place: Seat, seqs: Sequence[int], *, last: int
) -> list[ChainProblem]:
    # The messages first: what changes them in between is then among the entries read after them.
    posted = await store.proofs.find_posted(place.conversation.id, seqs)
    changes: dict[int, list[Mapping[str, Any]]] = {}
    for entry in await store.proofs.find_about_many(place.conversation.id, seqs):
        changes.setdefault(entry["about_seq"], []).append(entry)
    problems = []
    for seq in seqs:
        about = changes.get(seq, [])
        known = [entry for entry in about if entry["change_no"] <= place.head.change_no]
        number = known[-1]["change_no"] if known else 0
        if number > last:
            continue  # compared with the stretch that has this change
        post = posted.get(seq)
        if post is None or not _as_the_log_says(post, about, at_least=len(known)):
            posted_no = last if post is None else post["change_no"]
            problems.append(
                ChainProblem(
                    change_no=number or posted_no,
                    kind=ChainProblem.KIND_ALTERED_STATE,
                    entity_id=post["entity_id"] if post is not None and place.sees(seq) else "",
                )
            )
    return problems


def _as_the_log_says(
    entry: Mapping[str, Any], about: Sequence[Mapping[str, Any]], *, at_least: int
) -> bool:
    """Return whether a message is what its entries lead to, or lead to with newer ones."""
    try:
        held = _plain(message_of(entry))
        state = _plain(message_of({**entry, "current": None}))
        if at_least == 0 and _matches(entry, held, state, recalled=False):
            return True
        for position, change in enumerate(about, start=1):
            fact = fact_in(Envelope.FromString(bytes(change["event"])))
            state = _after(state, EntryKind(change["kind"]), fact, change)
            if position >= at_least and _matches(entry, held, state, recalled=state.recalled):
                return True
    except (DecodeError, AttributeError):
        return False
    return False


def _matches(entry: Mapping[str, Any], held: Message, state: Message, *, recalled: bool) -> bool:
    """Compare the message, and the columns by which it is counted and found."""
    system = state.origin != "" and state.kind == Message.KIND_SYSTEM
    return (
        held == state
        and entry.get("purged", False) == recalled
        and entry.get("recalled", False) == recalled
        and entry["silent"] == (recalled or system)
        and ("pinned_at" in entry) == state.HasField("pin")
        and list(entry.get("mentioned", ())) == _mentioned_by(state)
    )


def _after(state: Message, kind: EntryKind, fact: Any, entry: Mapping[str, Any]) -> Message:
    """Give a message after one of its changes."""
    after, told = Message(), fact.message
    after.CopyFrom(state)
    if kind is EntryKind.EDITED:
        _take(after, told, _WORDS)
        after.version = told.version
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
        after.recalled, after.recalled_by = True, told.recalled_by
        after.recalled_at.CopyFrom(told.recalled_at)
    after.revision, after.change_no = entry["revision"], entry["change_no"]
    return after


def _take(after: Message, told: Message, names: Iterable[str]) -> None:
    part = Message()
    part.CopyFrom(told)
    for descriptor, _ in told.ListFields():
        if descriptor.name not in names:
            part.ClearField(descriptor.name)  # type: ignore[arg-type] # names of the contract
    for name in names:
        after.ClearField(name)  # type: ignore[arg-type] # names of the contract
    after.MergeFrom(part)


def _plain(message: Message) -> Message:
    message.ClearField("content_hash")
    return message


def _mentioned_by(message: Message) -> list[str]:
    """Give whom a stored message addresses, in the order of `mentioned_in`."""
    people = [mention.person_id for mention in message.mentions if mention.person_id]
    everybody = [EVERYBODY] if any(mention.all for mention in message.mentions) else []
    departments = [m.department_id for m in message.mentions if m.department_id]
    return [*people, *everybody, *departments]


async def _compare_members(
    store: Store, place: Seat, shown: Shown, *, first: int, last: int
) -> list[ChainProblem]:
    members = await store.conversations.members(place.conversation.id)
    held = {member.person_id: member_to_proto(member) for member in members}
    wrong: set[int] = set()
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
    complete = first == 1 and last == place.head.change_no
    if complete and held.version not in shown.versions:
        newer = await store.entries.list_changes(held.id, since=last, limit=_AT_ONCE)
        if all(
            entry["revision"] != held.version or EntryKind(entry["kind"]) not in _OF_CONVERSATION
            for entry in newer
        ):
            wrong.add(last)
    return [_state_problem(number) for number in sorted(wrong)]


def _same(held: Conversation, said: Conversation) -> bool:
    """Compare what a change of the conversation itself sets: not its numbers, nor its members."""
    one, other = Conversation(), Conversation()
    one.CopyFrom(held)
    other.CopyFrom(said)
    for each in (one, other):
        for name in ("change_no", "last_seq", "membership_version", "member_count"):
            each.ClearField(name)
    return one == other


def _state_problem(number: int) -> ChainProblem:
    return ChainProblem(change_no=number, kind=ChainProblem.KIND_ALTERED_STATE)
