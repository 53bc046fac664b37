"""Who has read a message, and threads with their followers (MSG-9, MSG-15)."""

from dataclasses import dataclass
from datetime import datetime

from plexus.messaging.v1 import messages_pb2
from plexuskit.grpc import Actor

from messaging.domain.policy import Receipts as Shown
from messaging.domain.refusals import MessageNotFound, ReceiptsAreOff
from messaging.events import IMPORT
from messaging.queries.history import get_message
from messaging.queries.seats import seat
from messaging.store import Store
from messaging.store.cursors import CursorKey
from messaging.store.entries import people_of


@dataclass(frozen=True, slots=True)
class Receipts:
    """Who of a message's audience has read it, and when (MSG-9)."""

    page: tuple[tuple[str, datetime | None], ...]
    audience: int
    read: int
    more: bool
    counts_only: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as one member sees it (MSG-15)."""

    conversation_id: str
    root_seq: int
    replies: int
    last_seq: int
    followers: tuple[str, ...]
    following: bool
    read_through_seq: int
    unread: int


async def list_receipts(
    store: Store, *, actor: Actor, conversation_id: str, seq: int, after: str, limit: int
) -> Receipts:
    """Tell who has read a message: members at its membership version without the sender (MSG-9).

    Imported messages have no audience (MSG-19). What the tenant's policy hides is left out: names,
    in large groups or everywhere, or all of it (MSG-10); urgent messages always show names.

    Raises:
        ConversationNotFound, MessageNotFound: see get_message.
        ReceiptsAreOff: the tenant shows nobody who has read.
    """
    policy = await store.policies.get(actor.tenant_id)
    if policy.receipts is Shown.OFF:
        raise ReceiptsAreOff
    message = await get_message(
        store, actor=actor, conversation_id=conversation_id, seq=seq, message_id=""
    )
    if message.origin == IMPORT:
        return Receipts((), 0, 0, more=False)
    members = await store.conversations.members(conversation_id)
    audience = [
        member.person_id
        for member in members
        if member.was_member_at(message.membership_version)
        and member.person_id != message.sender_id
    ]
    cursors = await store.cursors.of_conversation(conversation_id)
    read = sum(1 for person in audience if cursors.get(person, 0) >= seq)
    urgent = message.priority == messages_pb2.PRIORITY_URGENT
    large = len(audience) + 1 > policy.receipt_names_limit
    if not urgent and (large or policy.receipts is Shown.COUNTS):
        return Receipts((), len(audience), read, more=False, counts_only=True)
    page = [person for person in audience if person > after][: limit + 1]
    times = await store.cursors.read_at(conversation_id, seq=seq, person_ids=page[:limit])
    return Receipts(
        page=tuple((person, times.get(person)) for person in page[:limit]),
        audience=len(audience),
        read=read,
        more=len(page) > limit,
    )


async def get_thread(store: Store, *, actor: Actor, conversation_id: str, root_seq: int) -> Thread:
    """Give a thread with its followers and the caller's cursor in it (MSG-15).

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
