"""Events of a conversation itself, as far as one member may see it (MSG-14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationEvent
from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.conversations.queries.seats import Seat, seat
from messaging.conversations.store.stores import Store
from messaging.log.domain.entries import Head
from messaging.log.domain.states import History

_FIELDS: Final = ("name", "topic", "history", "archived", "confidential")


@dataclass(frozen=True, slots=True)
class Page:
    """Events that the caller may see, and where the next page begins; 0 at the end."""

    events: tuple[ConversationEvent, ...]
    following: int


async def list_conversation_events(
    store: Store,
    *,
    actor: Actor,
    conversation_id: str,
    after_seq: int,
    through_seq: int,
    after_change: int,
    limit: int,
) -> Page:
    """List events between two messages in the order of the log.

    Args:
        store: the service's database.
        actor: who asks.
        conversation_id: which conversation.
        after_seq: message before the first one; 0: from the beginning.
        through_seq: last message before the last one; 0: to the end.
        after_change: where the page before ended.
        limit: how many are read for the page.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    first, last = await _between(
        store, conversation_id, head=place.head, after_seq=after_seq, through_seq=through_seq
    )
    entries, more = await store.events.page(
        conversation_id,
        after=max(first, after_change),
        before=last,
        budget=PageBudget(items=limit),
    )
    previous = await _fields_before(store, conversation_id, entries)
    events: list[ConversationEvent] = []
    for entry in entries:
        event = _event_of(entry, previous)
        if event.HasField("conversation"):
            previous = event.conversation
        if _sees(place, event.change_no):
            events.append(event)
    return Page(tuple(events), entries[-1]["change_no"] if more else 0)


async def _between(
    store: Store, conversation_id: str, *, head: Head, after_seq: int, through_seq: int
) -> tuple[int, int]:
    """Return the `change_no` of the first message and of the one that follows the last message.

    The end of the log where there is no such message: later entries are not known to be visible.
    """
    end = head.change_no + 1
    following = through_seq + 1 if through_seq else 0
    wanted = {seq for seq in (after_seq, following) if 0 < seq <= head.seq}
    found = await store.events.find_changes(conversation_id, wanted) if wanted else {}
    return found.get(after_seq, end) if after_seq else 0, found.get(following, end)


def _sees(place: Seat, change_no: int) -> bool:
    """Return whether an event lies in a stay of the reader, or the group shows everything."""
    return place.conversation.history is History.ALL or any(
        stay.joined_version <= change_no
        and (not stay.left_version or change_no <= stay.left_version)
        for stay in place.member.stays
    )


async def _fields_before(
    store: Store, conversation_id: str, entries: Sequence[Mapping[str, Any]]
) -> Conversation | None:
    """Return the conversation as it was before the first of the entries."""
    if not entries:
        return None
    found = await store.events.find_fields(conversation_id, before=entries[0]["change_no"])
    if found is None:
        return None
    _, fact = _read(found)
    conversation: Conversation = fact.conversation
    return conversation


def _event_of(entry: Mapping[str, Any], previous: Conversation | None) -> ConversationEvent:
    envelope, fact = _read(entry)
    event = ConversationEvent(
        change_no=entry["change_no"],
        after_seq=entry["last_seq"],
        at=envelope.occurred_at,
        actor_id=envelope.actor_id,
    )
    match fact:
        case events_pb2.ConversationCreated():
            event.kind = ConversationEvent.KIND_CREATED
            event.conversation.CopyFrom(fact.conversation)
            event.members.extend(fact.members)
        case events_pb2.MembersAdded():
            # A stay that begins does so at the time of its entry; a new role keeps the stay.
            joins = any(each.joined_at == envelope.occurred_at for each in fact.members)
            event.kind = (
                ConversationEvent.KIND_JOINED if joins else ConversationEvent.KIND_ROLE_CHANGED
            )
            event.members.extend(fact.members)
        case events_pb2.MembersRemoved():
            event.kind = (
                ConversationEvent.KIND_LEFT if fact.left else ConversationEvent.KIND_REMOVED
            )
            event.members.extend(fact.members)
        case _:
            event.kind = ConversationEvent.KIND_CHANGED
            event.conversation.CopyFrom(fact.conversation)
            event.changed.extend(_changed(previous, fact.conversation))
    return event


def _changed(previous: Conversation | None, current: Conversation) -> list[str]:
    before = Conversation() if previous is None else previous
    return [name for name in _FIELDS if getattr(before, name) != getattr(current, name)]


def _read(entry: Mapping[str, Any]) -> tuple[Envelope, Any]:
    envelope = Envelope.FromString(entry["event"])
    fact_type = getattr(events_pb2, envelope.type.rpartition(".")[2])
    return envelope, fact_type.FromString(envelope.fact)
