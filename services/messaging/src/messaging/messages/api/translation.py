"""Messages, read from requests and written to responses."""

from collections.abc import Iterable, Sequence

from plexus.messaging.v1 import (
    messages_pb2,
    messaging_service_pb2,
)
from plexuskit import bounds
from plexuskit.errors import InvalidArgument, Refusal
from plexuskit.items import item_failed
from plexuskit.timestamps import timestamp

from messaging.contract.api import to_refusal
from messaging.conversations.events.conversations import conversation_to_proto, member_to_proto
from messaging.log.operations.items import Stored
from messaging.messages.domain.messages import (
    MessageContent,
    NewMessage,
    Priority,
    Span,
    new_message,
)
from messaging.messages.events.states import attachments_of, spans_of
from messaging.messages.queries.changes import Changes

_PRIORITIES = {0: Priority.NORMAL, 1: Priority.NORMAL, 2: Priority.IMPORTANT, 3: Priority.URGENT}


def to_new_message(
    request: messaging_service_pb2.SendMessageRequest, *, sender_id: str
) -> NewMessage:
    """Read a message to send.

    Raises:
        InvalidArgument, TextTooLong, MessageEmpty, TooManyMentions: see domain.
    """
    mentions = request.mentions
    return new_message(
        conversation_id=request.conversation_id,
        sender_id=sender_id,
        request_id=request.request_id,
        text=request.text,
        spans=spans_in(request.spans) if request.spans else (),
        mentions=people_in(mentions) if mentions else (),
        mention_all=bool(mentions) and any(mention.all for mention in mentions),
        priority=_PRIORITIES.get(request.priority, Priority.NORMAL),
        reply_to_seq=request.reply_to_seq,
        attachments=attachments_of(request.attachments) if request.attachments else (),
        department_ids=departments_in(mentions) if mentions else (),
        quote_seq=request.quote_seq,
        quiet=request.notify == messages_pb2.NOTIFY_NONE,
        markdown=request.format == messages_pb2.FORMAT_MARKDOWN,
    )


def to_content(request: messaging_service_pb2.EditMessageRequest) -> MessageContent:
    """Read the content that an edit sets.

    Raises:
        InvalidArgument: a span without a kind.
    """
    return MessageContent(
        text=request.text,
        spans=spans_in(request.spans),
        mentions=people_in(request.mentions),
        mention_all=any(mention.all for mention in request.mentions),
        attachments=attachments_of(request.attachments),
        department_ids=departments_in(request.mentions),
        markdown=request.format == messages_pb2.FORMAT_MARKDOWN,
    )


def try_new_message(
    request: messaging_service_pb2.SendMessageRequest, *, sender_id: str
) -> NewMessage | Refusal:
    """Read one item of many; an error in it is its own verdict."""
    try:
        bounds.check(request)
        return to_new_message(request, sender_id=sender_id)
    except Refusal as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item_failed(error, of="messaging.send_messages")


def spans_in(spans: Sequence[messages_pb2.Span]) -> tuple[Span, ...]:
    """Read spans of a request.

    Raises:
        InvalidArgument: one has no meaning.
    """
    if any(span.WhichOneof("meaning") is None for span in spans):
        raise InvalidArgument(field="spans", problem="has one without a meaning")
    return spans_of(spans)


def people_in(mentions: Iterable[messages_pb2.Mention]) -> tuple[str, ...]:
    """Return the ids of mentioned people."""
    return tuple(mention.person_id for mention in mentions if mention.person_id)


def departments_in(mentions: Iterable[messages_pb2.Mention]) -> tuple[str, ...]:
    """Return the ids of mentioned departments."""
    return tuple(mention.department_id for mention in mentions if mention.department_id)


def to_send_response(stored: Stored) -> messaging_service_pb2.SendMessageResponse:
    """Return the numbers of a stored message."""
    response = messaging_service_pb2.SendMessageResponse()
    _write_stored(response, stored)
    return response


def _write_stored(response: messaging_service_pb2.SendMessageResponse, stored: Stored) -> None:
    """Fill in the response of one message; hot path, so it is not copied from one to another."""
    response.message_id = stored.message_id
    response.seq = stored.seq
    response.change_no = stored.change_no
    response.server_time.CopyFrom(timestamp(stored.at))
    response.deduplicated = stored.deduplicated
    if stored.not_in_conversation:
        response.not_in_conversation.extend(stored.not_in_conversation)


def to_send_verdict(verdict: Stored | Refusal) -> messaging_service_pb2.SendVerdict:
    """Return one item's verdict."""
    if isinstance(verdict, Refusal):
        return messaging_service_pb2.SendVerdict(refused=to_refusal(verdict))
    told = messaging_service_pb2.SendVerdict()
    _write_stored(told.stored, verdict)
    return told


def try_send_verdict(verdict: Stored | Refusal) -> messaging_service_pb2.SendVerdict:
    """Return one item's verdict; a verdict that cannot be serialized becomes a failure (GW-8)."""
    try:
        return to_send_verdict(verdict)
    except Exception as error:  # noqa: BLE001 - one item fails alone
        return to_send_verdict(item_failed(error, of="messaging.verdicts"))


def to_changes(changes: Changes) -> messaging_service_pb2.ListChangesResponse:
    """Return a page of changes in order of their numbers (MSG-6)."""
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
