"""A person's place in a conversation: what every read begins with (MSG-14)."""

from dataclasses import dataclass

from plexuskit.grpc import Actor

from messaging.domain.conversations import Conversation, Member, sees, visible_ranges
from messaging.domain.log import Head
from messaging.domain.refusals import ConversationNotFound
from messaging.store import Store


@dataclass(frozen=True, slots=True)
class Seat:
    """An active member in a conversation, with the last numbers of its log."""

    conversation: Conversation
    member: Member
    head: Head

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The numbers that the member may see (MSG-14)."""
        return visible_ranges(self.member, history=self.conversation.history)

    def sees(self, seq: int) -> bool:
        """Tell whether the member may see a message (MSG-14)."""
        return sees(self.member, history=self.conversation.history, seq=seq)


async def seat(store: Store, *, actor: Actor, conversation_id: str) -> Seat:
    """Find the caller's place in a conversation.

    Raises:
        ConversationNotFound: no such conversation, or the caller is no member (GW-2).
    """
    member = await store.conversations.member(conversation_id, actor.person_id)
    if member is None or not member.active:
        raise ConversationNotFound(conversation_id=conversation_id)
    conversation = await store.conversations.find(conversation_id)
    if conversation is None or conversation.tenant_id != actor.tenant_id:
        raise ConversationNotFound(conversation_id=conversation_id)
    head = await store.entries.head(conversation_id)
    return Seat(conversation, member, head)
