"""Current state of a message, and the effect of each change on it.

`current` of a posted entry holds it once it changed; the facts in the log carry it as it was then.
"""

from collections.abc import Iterable, Mapping, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import messages_pb2
from plexuskit.timestamps import instant_of

from messaging.log.domain.entries import Numbers
from messaging.log.events.recalls import PARTS, emptied
from messaging.log.events.seals import fact_in
from messaging.messages.domain.hashes import content_hash
from messaging.messages.domain.messages import (
    Attachment,
    Forwarded,
    NewMessage,
    Reaction,
    Span,
    SpanKind,
)
from messaging.messages.domain.states import MessageState
from messaging.messages.events.messages import add_content

_FLAGS = {
    "mention_all": SpanKind.MENTION_ALL,
    "code": SpanKind.CODE,
    "bold": SpanKind.BOLD,
    "italic": SpanKind.ITALIC,
    "quote": SpanKind.QUOTE,
    "strike": SpanKind.STRIKE,
}

_VALUED = {
    "mention_person_id": SpanKind.MENTION,
    "mention_department_id": SpanKind.MENTION_DEPARTMENT,
    "link": SpanKind.LINK,
    "code_block": SpanKind.CODE_BLOCK,
}


def state_of(message: messages_pb2.Message) -> MessageState:
    """Return the part of a message that decisions need."""
    return MessageState(
        message_id=message.id,
        conversation_id=message.conversation_id,
        seq=message.seq,
        sender_id=message.sender_id,
        posted_at=instant_of(message.sent_at),
        version=message.version,
        revision=message.revision,
        recalled=message.recalled,
        system=message.kind == messages_pb2.Message.KIND_SYSTEM,
        mentions=tuple(m.person_id for m in message.mentions if m.person_id),
        mention_all=any(m.all for m in message.mentions),
        department_ids=tuple(m.department_id for m in message.mentions if m.department_id),
        reactions=tuple(Reaction(r.emoji, tuple(r.person_ids)) for r in message.reactions),
        pinned=message.HasField("pin"),
        labels=tuple(message.labels),
        merged=_is_merged(message),
    )


def edited(
    message: messages_pb2.Message,
    new_message: NewMessage,
    *,
    departments: Mapping[str, int],
    numbers: Numbers,
    at: Timestamp,
) -> messages_pb2.Message:
    """Return the message with another content (MSG-11); its quote and forwarded content stay."""
    after = _next(message, numbers)
    for name in ("spans", "mentions", "attachments"):
        after.ClearField(name)
    after.text = new_message.text
    add_content(after, new_message, departments)
    after.version = message.version + 1
    after.edited_at.CopyFrom(at)
    return after


def recalled(
    message: messages_pb2.Message, *, person_id: str, numbers: Numbers, at: Timestamp
) -> messages_pb2.Message:
    """Return the tombstone: numbers, sender and times stay, content is gone (MSG-12)."""
    after = emptied(_next(message, numbers))
    after.recalled = True
    after.recalled_by = person_id
    after.recalled_at.CopyFrom(at)
    return after


def without_parts(message: messages_pb2.Message) -> messages_pb2.Message:
    """Return a copy with its text alone: no reactions, pin or labels."""
    words = messages_pb2.Message()
    words.CopyFrom(message)
    for name in PARTS:
        words.ClearField(name)
    return words


def with_reactions(
    message: messages_pb2.Message, reactions: Sequence[Reaction], *, numbers: Numbers
) -> messages_pb2.Message:
    """Return the message with these reactions."""
    after = _next(message, numbers)
    after.ClearField("reactions")
    for reaction in reactions:
        after.reactions.add(emoji=reaction.emoji, person_ids=reaction.person_ids)
    return after


def with_pin(
    message: messages_pb2.Message, *, person_id: str, numbers: Numbers, at: Timestamp
) -> messages_pb2.Message:
    """Return the message pinned by a person."""
    after = _next(message, numbers)
    after.pin.person_id = person_id
    after.pin.pinned_at.CopyFrom(at)
    return after


def without_pin(message: messages_pb2.Message, *, numbers: Numbers) -> messages_pb2.Message:
    """Return the message without its pin."""
    after = _next(message, numbers)
    after.ClearField("pin")
    return after


def with_labels(
    message: messages_pb2.Message, labels: Iterable[str], *, numbers: Numbers
) -> messages_pb2.Message:
    """Return the message with these labels."""
    after = _next(message, numbers)
    after.ClearField("labels")
    after.labels.extend(labels)
    return after


def forwarded_of(message: messages_pb2.Message, *, carries: bool) -> Forwarded:
    """Return the origin of a message, with its content if it is merged into another."""
    return Forwarded(
        conversation_id=message.conversation_id,
        message_id=message.id,
        sender_id=message.sender_id,
        sent_at=instant_of(message.sent_at),
        text=message.text if carries else "",
        spans=spans_of(message.spans) if carries else (),
        attachments=attachments_of(message.attachments) if carries else (),
    )


def carried_of(message: messages_pb2.Message) -> tuple[Forwarded, ...]:
    """Return the forwarded content of a message."""
    return tuple(_forwarded(each) for each in message.forwarded)


def spans_of(spans: Iterable[messages_pb2.Span]) -> tuple[Span, ...]:
    """Read stored ranges of a text."""
    return tuple(_span(span) for span in spans)


def attachments_of(attachments: Iterable[messages_pb2.Attachment]) -> tuple[Attachment, ...]:
    """Read stored attachments."""
    return tuple(Attachment(a.name, a.url, a.media_type, a.size_bytes) for a in attachments)


def stored_hash(message: messages_pb2.Message) -> bytes:
    """Compute the hash of the content that a stored message has (see domain.hashes)."""
    return content_hash(
        text=message.text.encode(),
        spans=spans_of(message.spans),
        mentions=tuple(m.person_id for m in message.mentions if m.person_id),
        mention_all=any(m.all for m in message.mentions),
        priority=message.priority,
        reply_to_seq=message.reply_to_seq,
        attachments=attachments_of(message.attachments),
        department_ids=tuple(m.department_id for m in message.mentions if m.department_id),
        quote_seq=message.quote.seq,
        quiet=message.notify == messages_pb2.NOTIFY_NONE,
        forwarded=carried_of(message),
    )


def message_in(event: bytes) -> messages_pb2.Message:
    """Read the message that a stored event about one carries."""
    message: messages_pb2.Message = fact_in(Envelope.FromString(event)).message
    return message


def _next(message: messages_pb2.Message, numbers: Numbers) -> messages_pb2.Message:
    after = messages_pb2.Message()
    after.CopyFrom(message)
    after.ClearField("content_hash")
    after.revision = message.revision + 1
    after.change_no = numbers.change_no
    return after


def _is_merged(message: messages_pb2.Message) -> bool:
    """Return whether a message holds other messages with content: a single one is its own text."""
    return any(each.text or each.attachments for each in message.forwarded)


def _span(span: messages_pb2.Span) -> Span:
    meaning = span.WhichOneof("meaning") or ""
    if meaning in _FLAGS:
        return Span(span.start, span.length, _FLAGS[meaning])
    return Span(span.start, span.length, _VALUED[meaning], getattr(span, meaning))


def _forwarded(each: messages_pb2.Forwarded) -> Forwarded:
    return Forwarded(
        conversation_id=each.conversation_id,
        message_id=each.message_id,
        sender_id=each.sender_id,
        sent_at=instant_of(each.sent_at),
        text=each.text,
        spans=spans_of(each.spans),
        attachments=attachments_of(each.attachments),
    )


__all__ = [
    "attachments_of",
    "carried_of",
    "edited",
    "forwarded_of",
    "message_in",
    "recalled",
    "spans_of",
    "state_of",
    "stored_hash",
    "with_labels",
    "with_pin",
    "with_reactions",
    "without_parts",
    "without_pin",
]
