"""Messages as messages of the contract, and their facts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1 import (
    events_pb2,
    messages_pb2,
)
from plexuskit.timestamps import timestamp

from messaging.contract.domain import MessageTooLarge
from messaging.contract.events import IMPORT
from messaging.log.domain.entries import Numbers
from messaging.messages.domain.messages import Attachment, Forwarded, NewMessage, Span, SpanKind
from messaging.messages.domain.posts import MessageRef
from messaging.messages.domain.states import Added

# The rest is for 1,000 reactions, a pin, 20 labels, the mentions that an edit adds, and salts.
MAX_CONTENT_BYTES = 640_000

_SPAN_FIELDS = {kind: kind.value for kind in SpanKind} | {
    SpanKind.MENTION: "mention_person_id",
    SpanKind.MENTION_DEPARTMENT: "mention_department_id",
}

_VALUED = frozenset(
    (SpanKind.MENTION, SpanKind.MENTION_DEPARTMENT, SpanKind.LINK, SpanKind.CODE_BLOCK)
)


def span_to_proto(span: Span) -> messages_pb2.Span:
    """Return a range of the text as protobuf."""
    field = _SPAN_FIELDS[span.kind]
    meaning: Any = span.value if span.kind in _VALUED else True
    return messages_pb2.Span(start=span.start, length=span.length, **{field: meaning})


def posted(
    new_message: NewMessage,
    *,
    message_id: str,
    numbers: Numbers,
    membership_version: int,
    at: Timestamp,
    quoted: MessageRef | None = None,
    departments: Mapping[str, int] = MappingProxyType({}),
) -> events_pb2.MessagePosted:
    """Return the fact that a message was posted.

    Hot path: the message is written into its fact, not copied, and the plain case sets few fields.
    """
    fact = events_pb2.MessagePosted()
    message = fact.message
    message.id = message_id
    message.conversation_id = new_message.conversation_id
    message.seq = numbers.seq
    message.change_no = numbers.change_no
    message.sender_id = new_message.sender_id
    message.kind = messages_pb2.Message.KIND_TEXT
    message.text = new_message.text
    message.priority = new_message.priority.value  # type: ignore[assignment] # same numbers by contract
    message.root_seq = numbers.root_seq
    message.posted_at.CopyFrom(at)
    message.sent_at.CopyFrom(at)
    message.revision = 1
    message.membership_version = membership_version
    message.request_id = new_message.request_id
    if new_message.reply_to_seq:
        message.reply_to_seq = new_message.reply_to_seq
    add_content(message, new_message, departments)
    if quoted is not None:
        message.quote.seq = quoted.seq
        message.quote.message_id = quoted.message_id
        message.quote.sender_id = quoted.sender_id
    if new_message.quiet:
        message.notify = messages_pb2.NOTIFY_NONE
    for each in new_message.forwarded:
        message.forwarded.append(_forwarded_to_proto(each))
    if new_message.imported is not None:
        _add_import(message, new_message)
    return fact


def add_content(
    message: messages_pb2.Message, new_message: NewMessage, departments: Mapping[str, int]
) -> None:
    """Write a draft's spans, mentions and attachments into a message.

    `departments` has the version of each addressed department.
    """
    if new_message.spans:
        message.spans.extend(span_to_proto(span) for span in new_message.spans)
    if new_message.mentions:
        message.mentions.extend(messages_pb2.Mention(person_id=who) for who in new_message.mentions)
    if new_message.mention_all:
        message.mentions.add(all=True)
    for department_id, version in departments.items():
        message.mentions.add(department_id=department_id, directory_version=version)
    if new_message.attachments:
        message.attachments.extend(_attachment_to_proto(each) for each in new_message.attachments)


def _attachment_to_proto(attachment: Attachment) -> messages_pb2.Attachment:
    return messages_pb2.Attachment(
        name=attachment.name,
        url=attachment.url,
        media_type=attachment.media_type,
        size_bytes=attachment.size_bytes,
    )


def _forwarded_to_proto(forwarded: Forwarded) -> messages_pb2.Forwarded:
    return messages_pb2.Forwarded(
        conversation_id=forwarded.conversation_id,
        message_id=forwarded.message_id,
        sender_id=forwarded.sender_id,
        sent_at=timestamp(forwarded.sent_at),
        text=forwarded.text,
        spans=[span_to_proto(span) for span in forwarded.spans],
        attachments=[_attachment_to_proto(each) for each in forwarded.attachments],
    )


def _add_import(message: messages_pb2.Message, new_message: NewMessage) -> None:
    imported = new_message.imported
    if imported is None:
        return
    message.origin = IMPORT
    message.sent_at.CopyFrom(timestamp(imported.sent_at))
    if imported.system:
        message.kind = messages_pb2.Message.KIND_SYSTEM
    if imported.edited_at is not None:
        message.edited_at.CopyFrom(timestamp(imported.edited_at))
    for reaction in imported.reactions:
        message.reactions.add(emoji=reaction.emoji, person_ids=reaction.person_ids)


def check_content(message: messages_pb2.Message) -> None:
    """Refuse content that would leave no room for reactions, pin and labels (MSG-21).

    Called before the message has reactions, a pin or labels, or without them.

    Raises:
        MessageTooLarge: text, spans, mentions, attachments and forwarded content are too large.
    """
    size = message.ByteSize()
    if size > MAX_CONTENT_BYTES:
        raise MessageTooLarge(bytes=size, limit=MAX_CONTENT_BYTES)


def parts_of(message: messages_pb2.Message) -> messages_pb2.MessageParts:
    """Return a message's reactions, pin and labels, with the numbers that readers compare."""
    parts = messages_pb2.MessageParts(
        message_id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        root_seq=message.root_seq,
        change_no=message.change_no,
        revision=message.revision,
        reactions=message.reactions,
        labels=message.labels,
    )
    if message.HasField("pin"):
        parts.pin.CopyFrom(message.pin)
    return parts


def edited(
    message: messages_pb2.Message, added: Added, *, departments: Mapping[str, int]
) -> events_pb2.MessageEdited:
    """Return the fact that a message was edited, with the mentions that the edit added (MSG-11)."""
    fact = events_pb2.MessageEdited(message=message)
    for person_id in added.person_ids:
        fact.added_mentions.add(person_id=person_id)
    if added.everybody:
        fact.added_mentions.add(all=True)
    for department_id in added.department_ids:
        version = departments[department_id]
        fact.added_mentions.add(department_id=department_id, directory_version=version)
    return fact


def recalled(message: messages_pb2.Message) -> events_pb2.MessageRecalled:
    """Return the fact that a message was recalled (MSG-12)."""
    return events_pb2.MessageRecalled(message=message)


def reacted(
    message: messages_pb2.Message, *, emoji: str, person_id: str, removed: bool
) -> events_pb2.MessageReacted:
    """Return the fact that a person added or removed a reaction (MSG-16)."""
    return events_pb2.MessageReacted(
        parts=parts_of(message), emoji=emoji, person_id=person_id, removed=removed
    )


def pinned(message: messages_pb2.Message) -> events_pb2.MessagePinned:
    """Return the fact that a message was pinned or unpinned (MSG-16)."""
    return events_pb2.MessagePinned(parts=parts_of(message))


def labeled(message: messages_pb2.Message) -> events_pb2.MessageLabeled:
    """A message has other labels."""
    return events_pb2.MessageLabeled(parts=parts_of(message))
