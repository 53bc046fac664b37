"""Roots of threads (MSG-15)."""

from messaging.conversations.queries.seats import Seat
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.store.stores import Store


async def require_root(store: Store, place: Seat, *, root_seq: int) -> None:
    """Refuse unless a thread begins with this message, or could.

    Raises:
        MessageNotFound: no such message that the member may see, or it is a reply itself.
    """
    conversation_id = place.conversation.id
    refs = await store.messages.find_refs({conversation_id: [root_seq]})
    root = refs.get(conversation_id, {}).get(root_seq)
    if not place.sees(root_seq) or root is None or root.root_seq:
        raise MessageNotFound(conversation_id=conversation_id)
