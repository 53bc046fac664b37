"""Requests of the contract as domain values, and domain values as responses."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1 import (
    conversations_pb2,
    import_service_pb2,
    messages_pb2,
    messaging_service_pb2,
)
from plexuskit import bounds
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.grpc import Actor
from plexuskit.grpc.status import CODES
from plexuskit.items import item_failed
from plexuskit.paging import Listing, from_milliseconds, to_milliseconds
from plexuskit.timestamps import requested_instant, timestamp

from messaging.domain.conversations import History, Kind, Role, clean_title, clean_topic
from messaging.domain.imports import source_of
from messaging.domain.message_state import merged_reactions
from messaging.domain.messages import (
    Imported,
    MessageContent,
    NewMessage,
    Priority,
    Reaction,
    Span,
    new_message,
)
from messaging.events import conversation_to_proto, cursor_to_proto, member_to_proto
from messaging.events.personal import settings_to_proto
from messaging.operations.conversations import Begun
from messaging.operations.cursors import Reading
from messaging.operations.importing import ForeignConversation, ForeignMessage
from messaging.operations.items import Stored
from messaging.queries import Changes, ListPosition, Thread, View, peer_of
from messaging.store.heads import Position
from messaging.store.message_state import attachments_of, spans_of

_HISTORIES = {
    conversations_pb2.Conversation.HISTORY_UNSPECIFIED: History.SINCE_JOIN,
    conversations_pb2.Conversation.HISTORY_SINCE_JOIN: History.SINCE_JOIN,
    conversations_pb2.Conversation.HISTORY_ALL: History.ALL,
}
_ROLES = {
    conversations_pb2.Member.ROLE_UNSPECIFIED: Role.MEMBER,
    conversations_pb2.Member.ROLE_MEMBER: Role.MEMBER,
    conversations_pb2.Member.ROLE_ADMIN: Role.ADMIN,
    conversations_pb2.Member.ROLE_OWNER: Role.OWNER,
}
_KINDS = {
    conversations_pb2.Conversation.KIND_DIRECT: Kind.DIRECT,
    conversations_pb2.Conversation.KIND_GROUP: Kind.GROUP,
}
_PRIORITIES = {0: Priority.NORMAL, 1: Priority.NORMAL, 2: Priority.IMPORTANT, 3: Priority.URGENT}
_LATEST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def kind_of(number: conversations_pb2.Conversation.Kind.ValueType) -> Kind:
    """Read the kind of a conversation.

    Raises:
        InvalidArgument: neither direct nor group.
    """
    if number not in _KINDS:
        raise InvalidArgument(field="kind", problem="must be direct or group")
    return _KINDS[number]


def history_of(number: conversations_pb2.Conversation.History.ValueType) -> History:
    """Read the history policy; unspecified: since joining."""
    if number not in _HISTORIES:
        raise InvalidArgument(field="history", problem="is not a known policy")
    return _HISTORIES[number]


def role_of(number: conversations_pb2.Member.Role.ValueType) -> Role:
    """Read a role; unspecified: member."""
    if number not in _ROLES:
        raise InvalidArgument(field="role", problem="is not a known role")
    return _ROLES[number]


def page_size(asked: int, *, default: int, maximum: int) -> int:
    """Read a page size.

    Raises:
        InvalidArgument: negative or above the most.
    """
    if not 0 <= asked <= maximum:
        raise InvalidArgument(
            field="page_size", problem=f"takes 1 to {maximum}, or 0 for {default}"
        )
    return asked or default


def conversations_of(actor: Actor, *, include_archived: bool) -> Listing:
    """Name the listing of a person's conversations."""
    return Listing(name="conversations", filters=(actor.person_id, str(include_archived)))


def to_list_position(listing: Listing, token: str) -> ListPosition | None:
    """Read where a page of conversations ended.

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
    """Make the token to go on after a page of conversations."""
    after = position.after
    return listing.token(
        to_milliseconds(after.at),
        after.conversation_id,
        to_milliseconds(position.since),
        int(position.moved),
    )


def from_timestamp(stamp: Timestamp, *, field: str) -> datetime:
    """Read an instant, milliseconds kept.

    Raises:
        InvalidArgument: before 1970 or after 9999.
    """
    if not 0 <= stamp.seconds <= _LATEST:
        raise InvalidArgument(field=field, problem="is no plausible time")
    return requested_instant(stamp, field=field)


def to_new_message(
    request: messaging_service_pb2.SendMessageRequest, *, sender_id: str
) -> NewMessage:
    """Read a message to send.

    Raises:
        InvalidArgument, TextTooLong, MessageEmpty, TooManyMentions: see domain.
    """
    return new_message(
        conversation_id=request.conversation_id,
        sender_id=sender_id,
        request_id=request.request_id,
        text=request.text,
        spans=_spans(request.spans) if request.spans else (),
        mentions=_people(request.mentions) if request.mentions else (),
        mention_all=bool(request.mentions) and any(m.all for m in request.mentions),
        priority=_PRIORITIES.get(request.priority, Priority.NORMAL),
        reply_to_seq=request.reply_to_seq,
        attachments=attachments_of(request.attachments) if request.attachments else (),
        department_ids=_departments(request.mentions) if request.mentions else (),
        quote_seq=request.quote_seq,
        quiet=request.notify == messages_pb2.NOTIFY_NONE,
        markdown=request.format == messages_pb2.FORMAT_MARKDOWN,
    )


def to_content(request: messaging_service_pb2.EditMessageRequest) -> MessageContent:
    """Read what an edit puts in place of what was said.

    Raises:
        InvalidArgument: a span without a meaning.
    """
    return MessageContent(
        text=request.text,
        spans=_spans(request.spans),
        mentions=_people(request.mentions),
        mention_all=any(mention.all for mention in request.mentions),
        attachments=attachments_of(request.attachments),
        department_ids=_departments(request.mentions),
        markdown=request.format == messages_pb2.FORMAT_MARKDOWN,
    )


def try_new_message(
    request: messaging_service_pb2.SendMessageRequest, *, sender_id: str
) -> NewMessage | Refusal:
    """Read one item of many; what makes it impossible is its own verdict."""
    try:
        bounds.check(request)
        return to_new_message(request, sender_id=sender_id)
    except Refusal as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item_failed(error, of="messaging.send_messages")


def to_foreign_message(
    item: import_service_pb2.ImportedMessage,
) -> ForeignMessage | tuple[str, Refusal]:
    """Read a message to import, or (its request id, why it cannot be read)."""
    try:
        bounds.check(item)
        imported = Imported(
            sent_at=from_timestamp(item.sent_at, field="sent_at"),
            edited_at=(
                from_timestamp(item.edited_at, field="edited_at")
                if item.HasField("edited_at")
                else None
            ),
            reactions=merged_reactions(
                Reaction(r.emoji, tuple(r.person_ids)) for r in item.reactions
            ),
            system=item.kind == messages_pb2.Message.KIND_SYSTEM,
            deleted=item.deleted,
        )
        made = new_message(
            conversation_id=item.conversation_id,
            sender_id=item.sender_id,
            request_id=item.request_id,
            text=item.text,
            spans=_spans(item.spans),
            mentions=_people(item.mentions),
            mention_all=any(mention.all for mention in item.mentions),
            attachments=attachments_of(item.attachments),
            imported=imported,
            department_ids=_departments(item.mentions),
        )
    except Refusal as refusal:
        return item.request_id, refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item.request_id, item_failed(error, of="messaging.import_messages")
    return ForeignMessage(made, item.root_request_id)


def to_foreign_conversation(item: import_service_pb2.ImportedConversation) -> ForeignConversation:
    """Read a conversation to import.

    Raises:
        InvalidArgument: no external id, a direct one without two people, or a group without name.
    """
    kind = kind_of(item.kind)
    members = tuple(dict.fromkeys(item.member_ids))
    source_of(item.external_id, field="external_id")
    if kind is Kind.DIRECT and len(members) != 2:  # noqa: PLR2004 - a pair
        raise InvalidArgument(field="member_ids", problem="of a direct conversation are two people")
    return ForeignConversation(
        external_id=item.external_id,
        kind=kind,
        name=clean_title(item.name) if kind is Kind.GROUP else "",
        topic=clean_topic(item.topic),
        member_ids=members,
        owner_id=item.owner_id,
        history=history_of(item.history),
        archived=item.archived,
        created_at=(
            from_timestamp(item.created_at, field="created_at")
            if item.HasField("created_at")
            else None
        ),
    )


def to_closed(
    item: import_service_pb2.ImportedConversation, begun: Begun, *, own: bool
) -> conversations_pb2.Conversation:
    """Give a conversation that an import leaves alone: nothing of what it is by now (GW-11).

    `own` says that an import created it; of another not even its id is shown.
    """
    return conversations_pb2.Conversation(
        id=begun.conversation.id if own else "", kind=item.kind, external_id=item.external_id
    )


def _spans(spans: Sequence[messages_pb2.Span]) -> tuple[Span, ...]:
    if any(span.WhichOneof("meaning") is None for span in spans):
        raise InvalidArgument(field="spans", problem="has one without a meaning")
    return spans_of(spans)


def _people(mentions: Iterable[messages_pb2.Mention]) -> tuple[str, ...]:
    return tuple(mention.person_id for mention in mentions if mention.person_id)


def _departments(mentions: Iterable[messages_pb2.Mention]) -> tuple[str, ...]:
    return tuple(mention.department_id for mention in mentions if mention.department_id)


def to_send_response(stored: Stored) -> messaging_service_pb2.SendMessageResponse:
    """Give the numbers of a stored message."""
    return messaging_service_pb2.SendMessageResponse(
        message_id=stored.message_id,
        seq=stored.seq,
        change_no=stored.change_no,
        server_time=timestamp(stored.at),
        deduplicated=stored.deduplicated,
        not_in_conversation=stored.not_in_conversation,
    )


def to_send_verdict(verdict: Stored | Refusal) -> messaging_service_pb2.SendVerdict:
    """Give one item's verdict."""
    if isinstance(verdict, Refusal):
        return messaging_service_pb2.SendVerdict(refused=to_refusal(verdict))
    return messaging_service_pb2.SendVerdict(stored=to_send_response(verdict))


def try_send_verdict(verdict: Stored | Refusal) -> messaging_service_pb2.SendVerdict:
    """Give one item's verdict; a verdict that cannot be written is a failed item (GW-8)."""
    try:
        return to_send_verdict(verdict)
    except Exception as error:  # noqa: BLE001 - one item fails alone
        return to_send_verdict(item_failed(error, of="messaging.verdicts"))


def to_refusal(refusal: Refusal) -> messaging_service_pb2.SendRefusal:
    """Give a refusal inside a response: the same words as a status would have."""
    retry = refusal.retry_after
    return messaging_service_pb2.SendRefusal(
        code=CODES[refusal.kind].value[0],
        reason=refusal.reason,
        message=refusal.message(),
        metadata=dict(refusal.metadata),
        retry_after_ms=0 if retry is None else int(retry.total_seconds() * 1000),
    )


def to_cursor_verdict(verdict: Reading | Refusal) -> messaging_service_pb2.CursorVerdict:
    """Give one advance's verdict."""
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
    """Give a conversation as one member sees it."""
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
    """Give a thread as one member sees it."""
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


def to_changes(changes: Changes) -> messaging_service_pb2.ListChangesResponse:
    """Give a page of changes in order of their numbers (MSG-6)."""
    rows = [
        messaging_service_pb2.Change(change_no=number, message=message)
        for number, message in changes.messages
    ]
    for number, members in changes.members:
        protos = [member_to_proto(member) for member in members]
        change = messaging_service_pb2.MemberChange(members=protos)
        rows.append(messaging_service_pb2.Change(change_no=number, members=change))
    if changes.conversation_change:
        conversation = conversation_to_proto(
            changes.seat.conversation,
            change_no=changes.seat.head.change_no,
            seq=changes.seat.head.seq,
        )
        rows.append(
            messaging_service_pb2.Change(
                change_no=changes.conversation_change, conversation=conversation
            )
        )
    rows.sort(key=lambda row: row.change_no)
    return messaging_service_pb2.ListChangesResponse(
        changes=rows, through=changes.through, has_more=changes.more, min_available=0
    )
