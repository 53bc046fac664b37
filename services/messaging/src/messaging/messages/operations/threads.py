"""Roots of threads (MSG-15)."""

from messaging.log.domain.states import Conversation, Member, sees
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.store.stores import Store


async def require_root(
    store: Store, conversation: Conversation, member: Member, *, root_seq: int
) -> None:
    """Refuse unless a thread begins with this message, or could.

    Raises:
        MessageNotFound: no such message that the member may see, or it is a reply itself.
    """
    refs = await store.messages.find_refs({conversation.id: [root_seq]})
    root = refs.get(conversation.id, {}).get(root_seq)
    visible = sees(member, history=conversation.history, seq=root_seq)
    if not visible or root is None or root.root_seq:
        raise MessageNotFound(conversation_id=conversation.id)
