"""Drafts of messages before they have numbers, and the checks that need only the draft."""

import enum
from dataclasses import dataclass
from datetime import datetime

from plexuskit.errors import InvalidArgument

from messaging.log.domain.submissions import Submission
from messaging.messages.domain.content import (
    Attachment,
    Content,
    Span,
    SpanKind,
    check_attachments,
    compose,
)
from messaging.messages.domain.forwards import Forwarded, size_of_attachment, size_of_span
from messaging.messages.domain.hashes import content_hash
from messaging.messages.domain.refusals import MessageEmpty, TextTooLong, TooManyMentions

TEXT_LIMIT_BYTES = 150 * 1024
MENTION_LIMIT = 200
DEPARTMENT_LIMIT = 20
REQUEST_ID_LIMIT = 128


class Priority(enum.IntEnum):
    """Level of disturbance that a message may cause (NTF-5)."""

    NORMAL = 1
    IMPORTANT = 2
    URGENT = 3


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji by one person or more."""

    emoji: str
    person_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """Fields only of history imported from another system (MSG-19)."""

    sent_at: datetime
    edited_at: datetime | None = None
    reactions: tuple[Reaction, ...] = ()
    system: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class MessageContent:
    """New content set by an edit (MSG-11)."""

    text: str
    spans: tuple[Span, ...] = ()
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    department_ids: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    markdown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage(Submission):
    """Message before the log assigned its numbers; `quiet` suppresses notifications (NTF-11)."""

    text: str
    spans: tuple[Span, ...] = ()
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    department_ids: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    reply_to_seq: int = 0
    attachments: tuple[Attachment, ...] = ()
    imported: Imported | None = None
    quote_seq: int = 0
    quiet: bool = False
    forwarded: tuple[Forwarded, ...] = ()


def new_message(
    *,
    conversation_id: str,
    sender_id: str,
    request_id: str,
    text: str,
    spans: tuple[Span, ...] = (),
    mentions: tuple[str, ...] = (),
    mention_all: bool = False,
    department_ids: tuple[str, ...] = (),
    priority: Priority = Priority.NORMAL,
    reply_to_seq: int = 0,
    attachments: tuple[Attachment, ...] = (),
    imported: Imported | None = None,
    quote_seq: int = 0,
    quiet: bool = False,
    forwarded: tuple[Forwarded, ...] = (),
    markdown: bool = False,
) -> NewMessage:
    """Make a checked draft.

    Limits (MSG-18), text and spans in the form in which they are stored, no mention inside code
    or quotes (MSG-13). With `markdown` the spans are made from the marks of the text.

    Raises:
        TextTooLong: more than 150 KB of UTF-8, forwarded text included.
        MessageEmpty: neither text nor anything else (imports may be empty, MSG-19).
        TooManyMentions: more than 200 named people.
        InvalidArgument: no request id, a negative number, more than 20 departments, or content that
            no client should be shown: see `content`.
    """
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise InvalidArgument(field="request_id", problem="takes 1 to 128 characters")
    if reply_to_seq < 0 or quote_seq < 0:
        field = "reply_to_seq" if reply_to_seq < 0 else "quote_seq"
        raise InvalidArgument(field=field, problem="is negative; give 0 for none")
    if len(text) > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=len(text.encode(errors="replace")), limit=TEXT_LIMIT_BYTES)
    # Nearly all texts are lines of printable characters, where there is nothing to clean.
    if spans or markdown or not (text.isprintable() or text.replace("\n", "").isprintable()):
        text, spans, mentions, mention_all, department_ids = compose(
            Content(text, spans, mentions, mention_all, department_ids), markdown=markdown
        )
    encoded = text.encode()
    carried = sum(each.size_bytes for each in forwarded) if forwarded else 0
    if len(encoded) + carried > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=len(encoded) + carried, limit=TEXT_LIMIT_BYTES)
    if attachments:
        attachments = check_attachments(attachments, with_address=imported is None)
    elif imported is None and not forwarded and (not text or text.isspace()):
        raise MessageEmpty
    if mentions or department_ids:
        mentions, department_ids = _check_addressed(mentions, department_ids)
    return NewMessage(
        conversation_id=conversation_id,
        sender_id=sender_id,
        request_id=request_id,
        text=text,
        content_hash=content_hash(
            text=encoded,
            spans=spans,
            mentions=mentions,
            mention_all=mention_all,
            priority=priority,
            reply_to_seq=reply_to_seq,
            attachments=attachments,
            department_ids=department_ids,
            quote_seq=quote_seq,
            quiet=quiet,
            forwarded=forwarded,
        ),
        spans=spans,
        mentions=mentions,
        mention_all=mention_all,
        department_ids=department_ids,
        priority=priority,
        reply_to_seq=reply_to_seq,
        attachments=attachments,
        imported=imported,
        quote_seq=quote_seq,
        quiet=quiet,
        forwarded=forwarded,
        size_bytes=len(encoded)
        + (sum(map(size_of_span, spans)) if spans else 0)
        + (sum(map(size_of_attachment, attachments)) if attachments else 0)
        + 300
        + carried,
    )


def _check_addressed(
    mentions: tuple[str, ...], department_ids: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return people and departments without duplicates (MSG-13)."""
    mentions = tuple(dict.fromkeys(mentions))
    department_ids = tuple(dict.fromkeys(department_ids))
    if len(mentions) > MENTION_LIMIT:
        raise TooManyMentions(count=len(mentions), limit=MENTION_LIMIT)
    if len(department_ids) > DEPARTMENT_LIMIT:
        problem = f"has more than {DEPARTMENT_LIMIT} departments"
        raise InvalidArgument(field="mentions", problem=problem)
    return mentions, department_ids


__all__ = [
    "Attachment",
    "Forwarded",
    "Imported",
    "MessageContent",
    "NewMessage",
    "Priority",
    "Reaction",
    "Span",
    "SpanKind",
    "new_message",
]
