"""Conversations as one member sees them in a list, with what is unread (MSG-8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plexuskit.grpc import Actor

from messaging.domain.conversations import Conversation, Kind, Member
from messaging.domain.settings import ConversationSettings
from messaging.queries.seats import seat
from messaging.store import Store
from messaging.store.cursors import CursorKey
from messaging.store.entries import EVERYBODY

UNREAD_WINDOW = 1_000


@dataclass(frozen=True, slots=True)
class View:
    """A conversation as one member sees it in a list."""

    conversation: Conversation
    member: Member
    change_no: int
    last_seq: int
    read_through_seq: int
    unread: int
    mention_unread: int
    unread_in_threads: bool
    settings: ConversationSettings


async def get_view(store: Store, *, actor: Actor, conversation_id: str) -> View:
    """Give one conversation with exact numbers and unread counts.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    heads = {conversation_id: (place.head.change_no, place.head.seq)}
    (view,) = await _views(
        store, actor, [place.member], {conversation_id: place.conversation}, heads
    )
    return view


async def list_views(
    store: Store, *, actor: Actor, offset: int, limit: int, include_archived: bool
) -> tuple[list[View], bool]:
    """List the caller's conversations, last active first; and whether more follow."""
    members = {m.conversation_id: m for m in await store.conversations.memberships(actor.person_id)}
    heads = await store.conversations.heads(members)
    conversations = await store.conversations.find_many(members)
    shown = [
        id_
        for id_, conversation in conversations.items()
        if include_archived or not conversation.archived
    ]
    shown.sort(key=lambda id_: (heads[id_]["last_at"], id_), reverse=True)
    page = shown[offset : offset + limit]
    numbers = {id_: (heads[id_]["change_no"], heads[id_]["seq"]) for id_ in page}
    views = await _views(store, actor, [members[id_] for id_ in page], conversations, numbers)
    return views, len(shown) > offset + limit


async def _views(
    store: Store,
    actor: Actor,
    members: Sequence[Member],
    conversations: Mapping[str, Conversation],
    heads: Mapping[str, tuple[int, int]],
) -> list[View]:
    """Count what is unread on a page of conversations: six reads, whatever its size (MSG-8)."""
    ids = [member.conversation_id for member in members]
    person = actor.person_id
    keys = {id_: CursorKey(id_, person) for id_ in ids}
    read = await store.cursors.find(keys.values())
    begins = await store.cursors.begins(person, ids)
    through = {id_: read[keys[id_]][0] if keys[id_] in read else 0 for id_ in ids}
    floors = {
        member.conversation_id: max(
            member.stays[-1].first_seq - 1,
            heads[member.conversation_id][1] - UNREAD_WINDOW,
        )
        for member in members
    }
    windows = {
        id_: max(floors[id_], through[id_])
        for id_ in ids
        if heads[id_][1] > max(floors[id_], through[id_])
    }
    unread = await store.entries.count_unread(person, windows)
    # Departments as they are now: who changes one finds what the new one was told (MSG-13).
    addressed_as = (person, EVERYBODY, *(await store.people.above(person) if windows else ()))
    mentioned = await store.entries.count_unread(person, windows, addressed_as=addressed_as)
    reply_windows = {
        id_: max(floors[id_], begins.get(id_, 0))
        for id_ in ids
        if heads[id_][1] > max(floors[id_], begins.get(id_, 0))
    }
    replies = await store.entries.list_last_replies(person, reply_windows)
    threads = await store.cursors.threads(person, replies)
    settings = await store.settings.find(person, ids)
    return [
        View(
            conversation=conversations[member.conversation_id],
            member=member,
            change_no=heads[member.conversation_id][0],
            last_seq=heads[member.conversation_id][1],
            read_through_seq=through[member.conversation_id],
            unread=unread.get(member.conversation_id, 0),
            mention_unread=mentioned.get(member.conversation_id, 0),
            unread_in_threads=any(
                last > threads.get((member.conversation_id, root), 0)
                for root, last in replies.get(member.conversation_id, {}).items()
            ),
            settings=settings.get(member.conversation_id)
            or ConversationSettings(conversation_id=member.conversation_id, person_id=person),
        )
        for member in members
    ]


def peer_of(view: View, person_id: str) -> str:
    """Give the other person of a direct conversation; empty for groups."""
    pair = view.conversation.pair
    if view.conversation.kind is not Kind.DIRECT or pair is None:
        return ""
    return pair[0] if pair[1] == person_id else pair[1]
