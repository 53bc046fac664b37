"""A person's seat in a conversation, the start of every read (MSG-14)."""

from collections.abc import Iterable
from dataclasses import dataclass

from plexuskit.grpc import Actor

from messaging.conversations.store.stores import Store
from messaging.log.domain.entries import Head
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Conversation, Member, sees, visible_ranges


@dataclass(frozen=True, slots=True)
class Seat:
    """Active membership in a conversation, with the last log entry for which it was verified.

    Later entries may follow a removal that is not known here, so they are not visible.
    """

    conversation: Conversation
    member: Member
    head: Head

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The numbers that the member may see (MSG-14)."""
        end = self.head.seq
        spans = visible_ranges(self.member, history=self.conversation.history)
        clipped = [(first, min(last or end, end)) for first, last in spans]
        return tuple((first, last) for first, last in clipped if first <= last)

    def sees(self, seq: int) -> bool:
        """Return whether the member may see a message (MSG-14)."""
        known = seq <= self.head.seq
        return known and sees(self.member, history=self.conversation.history, seq=seq)


async def seat(store: Store, *, actor: Actor, conversation_id: str) -> Seat:
    """Find the caller's place in a conversation.

    The end of the log is read first and the member last: the member is then as new as everything up
    to that end, and as the conversation (MSG-14).

    Raises:
        ConversationNotFound: no such conversation, or the caller is no member (GW-2).
    """
    return await _seat(store, actor.tenant_id, actor.person_id, conversation_id)


async def confirm(store: Store, place: Seat, *, through: int) -> None:
    """Check that a seat is still valid for reads beyond the log, such as a later edit.

    Args:
        store: the service's database.
        place: the seat at the start of the read.
        through: highest change_no in the data read.

    Raises:
        ConversationNotFound: the reader was removed meanwhile (MSG-14).
    """
    if through > place.head.change_no:
        await _seat(
            store, place.conversation.tenant_id, place.member.person_id, place.conversation.id
        )


async def _seat(store: Store, tenant_id: str, person_id: str, conversation_id: str) -> Seat:
    head = await store.entries.head(conversation_id)
    conversation = await store.conversations.find(conversation_id)
    member = await store.conversations.member(conversation_id, person_id)
    if member is None or not member.active:
        raise ConversationNotFound(conversation_id=conversation_id)
    if conversation is None or conversation.tenant_id != tenant_id:
        raise ConversationNotFound(conversation_id=conversation_id)
    return Seat(conversation, member, head)


async def find_seats(
    store: Store, *, actor: Actor, conversation_ids: Iterable[str]
) -> dict[str, Seat]:
    """Find the caller's places in several conversations, in three reads; see seat.

    Conversations that there are not, or in which the caller is no member, are left out (GW-2).
    """
    heads = await store.heads.actual(set(conversation_ids))
    members = await store.conversations.members_of(actor.person_id, heads)
    active = {id_: member for id_, member in members.items() if member.active}
    conversations = await store.conversations.find_many(active)
    return {
        id_: Seat(conversation, active[id_], heads[id_])
        for id_, conversation in conversations.items()
        if conversation.tenant_id == actor.tenant_id
    }
