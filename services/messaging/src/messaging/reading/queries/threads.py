"""Threads with their followers (MSG-15)."""

from dataclasses import dataclass

from plexuskit.grpc import Actor

from messaging.conversations.queries.seats import seat
from messaging.messages.domain.refusals import MessageNotFound
from messaging.messages.store.messages import people_of
from messaging.reading.store.cursors import CursorKey
from messaging.reading.store.stores import Store


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as one member sees it (MSG-15).

    Followers are members of the conversation, so at most 5,000 (MSG-21).
    """

    conversation_id: str
    root_seq: int
    replies: int
    last_seq: int
    followers: tuple[str, ...]
    following: bool
    read_through_seq: int
    unread: int


async def get_thread(store: Store, *, actor: Actor, conversation_id: str, root_seq: int) -> Thread:
    """Return a thread with its followers and the caller's cursor in it (MSG-15).

    Raises:
        ConversationNotFound: see seat.
        MessageNotFound: no such root that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    if not place.sees(root_seq):
        raise MessageNotFound(conversation_id=conversation_id)
    root = await store.threads.find_root(conversation_id, root_seq)
    if root is None:
        raise MessageNotFound(conversation_id=conversation_id)
    key = CursorKey(conversation_id, actor.person_id, root_seq)
    read = (await store.cursors.find([key])).get(key)
    through = read[0] if read else 0
    repliers = await store.threads.count_replies(
        conversation_id, root_seq, ranges=place.ranges, through_seq=through
    )
    mentioned = await store.threads.mentioned(conversation_id, root_seq)
    author, named = root
    followers = {author, *people_of(named), *people_of(mentioned)}
    followers |= {replier.person_id for replier in repliers}
    choices = await store.threads.choices(conversation_id, root_seq)
    followers |= {person for person, follow in choices.items() if follow}
    followers -= {person for person, follow in choices.items() if not follow}
    # Messages may mention any number of people; members alone can follow.
    followers &= await store.conversations.active_ids(conversation_id)
    return Thread(
        conversation_id=conversation_id,
        root_seq=root_seq,
        replies=sum(replier.visible for replier in repliers),
        last_seq=max((replier.last_seq for replier in repliers), default=root_seq),
        followers=tuple(sorted(followers)),
        following=actor.person_id in followers,
        read_through_seq=through,
        unread=sum(replier.unread for replier in repliers if replier.person_id != actor.person_id),
    )
