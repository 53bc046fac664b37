"""Conversations as one member sees them in a list, with unread counts (MSG-8)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from plexuskit.grpc import Actor
from plexuskit.paging import cut

from messaging.conversations.domain.settings import ConversationSettings
from messaging.conversations.queries.seats import seat
from messaging.conversations.store.conversations import STAY_BYTES
from messaging.log.domain.states import Conversation, Kind, Member
from messaging.log.store.heads import Position
from messaging.messages.store.messages import EVERYBODY
from messaging.reading.store.cursors import CursorKey
from messaging.reading.store.stores import Store

UNREAD_WINDOW = 1_000
# Heads reach the store up to a second after the message, later while it is slow.
MOVED_BEFORE = timedelta(minutes=1)
VIEW_BYTES = 600


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Position at which a page of conversations ended.

    Attributes:
        after: the last conversation of the page.
        since: the server time from which on conversations count as moved.
        moved: true once the listing has reached those that moved.
    """

    after: Position
    since: datetime
    moved: bool


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


async def get_conversation(store: Store, *, actor: Actor, conversation_id: str) -> View:
    """Return one conversation with exact numbers and unread counts.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    heads = {conversation_id: (place.head.change_no, place.head.seq)}
    (view,) = await _views(
        store, actor, [place.member], {conversation_id: place.conversation}, heads
    )
    return view


async def list_conversations(
    store: Store,
    *,
    actor: Actor,
    position: ListPosition | None,
    limit: int,
    include_archived: bool,
) -> tuple[list[View], ListPosition | None]:
    """List the caller's conversations, last active first, with those that move up meanwhile.

    Pages go down by last activity. A conversation that gets a message before its page is reached
    moves up, past the end of the pages that were read; so the last pages list, in the order in
    which their heads were saved, all conversations that moved since shortly before the listing
    began. A conversation in which the caller is all the time is on one page at least, and on a
    second one where it moved; the later one is newer.

    Sorted and paged from indexes alone: only the page's documents are read.

    Args:
        store: the service's database.
        actor: the caller.
        position: the end of the last page; None for the first page.
        limit: maximum number, within the bytes of a page.
        include_archived: archived conversations too.

    Returns:
        The page, and its end; None when it was the last.
    """
    ids = set(await store.conversations.conversation_ids(actor.person_id))
    if not include_archived:
        ids -= await store.conversations.archived(ids)
    stretch = await _next_stretch(store, ids, position, limit=limit)
    wanted = [each.conversation_id for each in stretch.page]
    members = await store.conversations.members_of(actor.person_id, wanted)
    heads = await store.heads.find(wanted)
    conversations = await store.conversations.find_many(wanted)
    kept, left = cut(
        stretch.page,
        limit=limit,
        size_of=lambda each: _view_bytes(
            conversations.get(each.conversation_id), members.get(each.conversation_id)
        ),
    )
    # A conversation that the caller was removed from meanwhile is not shown.
    shown = [
        members[each.conversation_id]
        for each in kept
        if each.conversation_id in members and members[each.conversation_id].active
    ]
    numbers = {id_: (head["change_no"], head["seq"]) for id_, head in heads.items()}
    views = await _views(store, actor, shown, conversations, numbers)
    if left:
        return views, ListPosition(after=kept[-1], since=stretch.since, moved=stretch.moved)
    return views, stretch.following


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Positions of one page, and the position after all of them."""

    page: Sequence[Position]
    since: datetime
    moved: bool
    following: ListPosition | None


async def _next_stretch(
    store: Store, ids: Collection[str], position: ListPosition | None, *, limit: int
) -> _Stretch:
    if position is not None and position.moved:
        page = await store.heads.list_moved(ids, after=position.after, limit=limit + 1)
        more = len(page) > limit
        return _Stretch(
            page[:limit],
            position.since,
            moved=True,
            following=replace(position, after=page[limit - 1]) if more else None,
        )
    before = None if position is None else position.after
    page, now = await store.heads.list_before(ids, before=before, limit=limit + 1)
    since = position.since if position is not None else now - MOVED_BEFORE
    following: ListPosition | None
    if len(page) > limit:
        following = ListPosition(after=page[limit - 1], since=since, moved=False)
    elif position is None:
        following = None  # all of it is on one page
    else:
        following = ListPosition(after=Position(since, ""), since=since, moved=True)
    return _Stretch(page[:limit], since, moved=False, following=following)


def _view_bytes(conversation: Conversation | None, member: Member | None) -> int:
    """Return the approximate size of a view on a page in bytes."""
    words = "" if conversation is None else conversation.name + conversation.topic
    return VIEW_BYTES + len(words.encode()) + STAY_BYTES * (len(member.stays) if member else 0)


async def _views(
    store: Store,
    actor: Actor,
    members: Sequence[Member],
    conversations: Mapping[str, Conversation],
    heads: Mapping[str, tuple[int, int]],
) -> list[View]:
    """Count unread messages on a page of conversations: a few reads for any size (MSG-8)."""
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
    unread = await store.unread.count_unread(person, windows)
    # Current departments: after a change of department, past mentions of the new one count
    # (MSG-13).
    addressed_as = (person, EVERYBODY, *(await store.people.above(person) if windows else ()))
    mentioned = await store.unread.count_unread(person, windows, addressed_as=addressed_as)
    reply_windows = {
        id_: max(floors[id_], begins.get(id_, 0))
        for id_ in ids
        if heads[id_][1] > max(floors[id_], begins.get(id_, 0))
    }
    replies = await store.unread.list_last_replies(person, reply_windows)
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
            mention_unread=mentioned.get(member.conversation_id, 0)
            + _mentioned_again(
                settings.get(member.conversation_id), through=through[member.conversation_id]
            ),
            unread_in_threads=any(
                last > threads.get((member.conversation_id, root), 0)
                for root, last in replies.get(member.conversation_id, {}).items()
            ),
            settings=settings.get(member.conversation_id)
            or ConversationSettings(conversation_id=member.conversation_id, person_id=person),
        )
        for member in members
    ]


def _mentioned_again(settings: ConversationSettings | None, *, through: int) -> int:
    """Count messages that were read before an edit mentioned the person in them (MSG-11)."""
    seqs = () if settings is None else settings.mention_seqs
    return sum(seq <= through for seq in seqs)


def peer_of(view: View, person_id: str) -> str:
    """Return the other person of a direct conversation; empty for groups."""
    pair = view.conversation.pair
    if view.conversation.kind is not Kind.DIRECT or pair is None:
        return ""
    return pair[0] if pair[1] == person_id else pair[1]
