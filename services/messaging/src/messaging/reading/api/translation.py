"""Responses about conversations, cursors and threads, as one member sees them."""

from plexus.messaging.v1 import (
    conversations_pb2,
    messages_pb2,
    messaging_service_pb2,
)
from plexuskit.errors import Refusal
from plexuskit.grpc import Actor
from plexuskit.paging import Listing, from_milliseconds, to_milliseconds

from messaging.contract.api import to_refusal
from messaging.conversations.events.conversations import conversation_to_proto, member_to_proto
from messaging.conversations.events.settings import settings_to_proto
from messaging.log.store.heads import Position
from messaging.reading.events import cursor_to_proto
from messaging.reading.operations.cursors import Reading
from messaging.reading.queries.conversations import ListPosition, View, peer_of
from messaging.reading.queries.threads import Thread


def conversations_of(actor: Actor, *, include_archived: bool) -> Listing:
    """Name the listing of a person's conversations."""
    return Listing(name="conversations", filters=(actor.person_id, str(include_archived)))


def to_list_position(listing: Listing, token: str) -> ListPosition | None:
    """Read the position in a page token of conversations.

    Raises:
        InvalidPageToken: not of this listing, or of other filters.
    """
    position = listing.position(token, shape=(int, str, int, int))
    if position is None:
        return None
    at, conversation_id, since, moved = position
    return ListPosition(
        after=Position(from_milliseconds(int(at)), str(conversation_id)),
        since=from_milliseconds(int(since)),
        moved=bool(moved),
    )


def from_list_position(listing: Listing, position: ListPosition) -> str:
    """Make the token for the next page of conversations."""
    after = position.after
    return listing.token(
        to_milliseconds(after.at),
        after.conversation_id,
        to_milliseconds(position.since),
        int(position.moved),
    )


def to_cursor_verdict(verdict: Reading | Refusal) -> messaging_service_pb2.CursorVerdict:
    """Return one advance's verdict as protobuf."""
    if isinstance(verdict, Refusal):
        return messaging_service_pb2.CursorVerdict(refused=to_refusal(verdict))
    cursor = cursor_to_proto(
        conversation_id=verdict.key.conversation_id,
        person_id=verdict.key.person_id,
        through_seq=verdict.through_seq,
        root_seq=verdict.key.root_seq,
        read_at=verdict.read_at,
    )
    return messaging_service_pb2.CursorVerdict(cursor=cursor)


def to_view(view: View, *, person_id: str) -> conversations_pb2.ConversationView:
    """Return a conversation as protobuf, as one member sees it."""
    return conversations_pb2.ConversationView(
        conversation=conversation_to_proto(
            view.conversation, change_no=view.change_no, seq=view.last_seq
        ),
        member=member_to_proto(view.member),
        read_through_seq=view.read_through_seq,
        unread=view.unread,
        mention_unread=view.mention_unread,
        unread_in_threads=view.unread_in_threads,
        peer_id=peer_of(view, person_id),
        settings=settings_to_proto(view.settings),
    )


def to_thread(thread: Thread) -> messages_pb2.ThreadView:
    """Return a thread as protobuf, as one member sees it."""
    return messages_pb2.ThreadView(
        conversation_id=thread.conversation_id,
        root_seq=thread.root_seq,
        replies=thread.replies,
        last_seq=thread.last_seq,
        follower_ids=thread.followers,
        following=thread.following,
        read_through_seq=thread.read_through_seq,
        unread=thread.unread,
    )
