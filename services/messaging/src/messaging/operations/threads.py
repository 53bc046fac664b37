"""Following threads (MSG-15)."""

from plexuskit.grpc import Actor

from messaging.domain.conversations import Conversation, Member, sees
from messaging.domain.refusals import ConversationNotFound, MessageNotFound
from messaging.store import Store


async def follow_thread(
    store: Store, *, actor: Actor, conversation_id: str, root_seq: int, follow: bool
) -> None:
    """Follow a thread, or stop following it in spite of having taken part.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        MessageNotFound: no such message that the caller may see.
    """
    member = await store.conversations.member(conversation_id, actor.person_id)
    conversation = await store.conversations.find(conversation_id)
    if member is None or not member.active or conversation is None:
        raise ConversationNotFound(conversation_id=conversation_id)
    await require_root(store, conversation, member, root_seq=root_seq)
    await store.threads.choose(conversation_id, root_seq, actor.person_id, follow=follow)


async def require_root(
    store: Store, conversation: Conversation, member: Member, *, root_seq: int
) -> None:
    """Refuse unless a thread begins with this message, or could.

    Raises:
        MessageNotFound: no such message that the member may see, or it is a reply itself.
    """
    refs = await store.entries.find_refs({conversation.id: [root_seq]})
    root = refs.get(conversation.id, {}).get(root_seq)
    visible = sees(member, history=conversation.history, seq=root_seq)
    if not visible or root is None or root.root_seq:
        raise MessageNotFound(conversation_id=conversation.id)
