"""Changes of a conversation, as far as one member may see them (MSG-6, MSG-14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget, cut

from messaging.conversations.queries.seats import Seat, seat
from messaging.log.domain.entries import ABOUT_MESSAGES, EntryKind
from messaging.log.domain.states import Member
from messaging.log.store.entries import entry_size
from messaging.messages.queries.quotes import complete
from messaging.messages.store.messages import message_of
from messaging.messages.store.stores import Store


@dataclass(frozen=True, slots=True)
class Changes:
    """Current state of objects that changed after a number, each once, in order (MSG-6)."""

    messages: tuple[tuple[int, messages_pb2.Message], ...]
    conversation_change: int
    members: tuple[tuple[int, tuple[Member, ...]], ...]
    seat: Seat
    through: int
    more: bool


async def list_changes(
    store: Store, *, actor: Actor, conversation_id: str, since: int, limit: int
) -> Changes:
    """Read the changes after `since`; `through` also advances over changes hidden from the caller.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    fetched, more = await store.history.page_changes(
        conversation_id,
        since=since,
        through=place.head.change_no,
        budget=PageBudget(items=limit),
    )
    page, left = await _within_bytes(store, place, fetched)
    more = more or left
    posted: dict[int, messages_pb2.Message] = {}
    last: dict[int, int] = {}
    touched: dict[str, int] = {}
    conversation_change = 0
    for entry in page:
        kind, change_no = EntryKind(entry["kind"]), entry["change_no"]
        if kind is EntryKind.POSTED:
            if place.sees(entry["seq"]):
                posted[entry["seq"]] = message_of(entry)
                last[entry["seq"]] = change_no
        elif kind in ABOUT_MESSAGES:
            if place.sees(entry["about_seq"]):
                last[entry["about_seq"]] = change_no
        elif kind in {EntryKind.MEMBERS_ADDED, EntryKind.MEMBERS_REMOVED, EntryKind.CREATED}:
            touched |= dict.fromkeys(_touched(entry["event"]), change_no)
            conversation_change = change_no
        elif kind is not EntryKind.CHAIN_BEGUN:
            conversation_change = change_no
    messages = [*posted.values()]
    messages += await store.messages.find_messages(conversation_id, last.keys() - posted.keys())
    await complete(store, place, messages)
    members = await store.conversations.members(conversation_id, person_ids=touched)
    by_change: dict[int, list[Member]] = {}
    for member in members:
        if member.version > place.head.change_no:
            continue  # that change is read with the next page
        by_change.setdefault(touched[member.person_id], []).append(member)
    return Changes(
        messages=tuple((last[message.seq], message) for message in messages),
        conversation_change=conversation_change,
        members=tuple((change_no, tuple(group)) for change_no, group in sorted(by_change.items())),
        seat=place,
        through=page[-1]["change_no"] if page else max(since, place.head.change_no),
        more=more,
    )


async def _within_bytes(
    store: Store, place: Seat, page: Sequence[Mapping[str, Any]]
) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """Cut a page of entries where the messages that they changed would not fit any more (MSG-21).

    An entry may be small and the message that it changed large; each message comes once.
    """
    posted = {entry["seq"] for entry in page if entry["kind"] == EntryKind.POSTED.value}
    about = {entry.get("about_seq", 0) for entry in page} - posted - {0}
    sizes = await store.history.message_sizes(
        place.conversation.id, [seq for seq in about if place.sees(seq)]
    )
    if not sizes:
        return page, False
    return cut(
        page,
        limit=len(page),
        # The first entry about a message pays for it.
        size_of=lambda entry: entry_size(entry) + sizes.pop(entry.get("about_seq", 0), 0),
    )


def _touched(event: bytes) -> list[str]:
    envelope = Envelope.FromString(event)
    fact_type = getattr(events_pb2, envelope.type.rpartition(".")[2])
    return [member.person_id for member in fact_type.FromString(envelope.fact).members]
