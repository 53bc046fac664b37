"""Following threads (MSG-15)."""

from plexuskit.grpc import Actor

from messaging.conversations.queries.seats import seat
from messaging.messages.operations.threads import require_root
from messaging.reading.store.stores import Store


async def follow_thread(
    store: Store, *, actor: Actor, conversation_id: str, root_seq: int, follow: bool
) -> None:
    """Follow a thread, or stop following it in spite of having taken part.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        MessageNotFound: no such message that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    await require_root(store, place, root_seq=root_seq)
    await store.threads.choose(conversation_id, root_seq, actor.person_id, follow=follow)
