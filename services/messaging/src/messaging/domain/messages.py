"""What is said: a draft before it has numbers, and the checks that need nothing but the draft."""

import enum
import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime

from plexuskit.errors import InvalidArgument

from messaging.domain.content import (
    Attachment,
    Content,
    Span,
    SpanKind,
    check_attachments,
    compose,
)
from messaging.domain.refusals import MessageEmpty, TextTooLong, TooManyMentions

TEXT_LIMIT_BYTES = 150 * 1024
MENTION_LIMIT = 200
REQUEST_ID_LIMIT = 128

_HEAD = struct.Struct(">QBBQIII")


class Priority(enum.IntEnum):
    """How much a message may disturb (NTF-5)."""

    NORMAL = 1
    IMPORTANT = 2
    URGENT = 3


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji by one person or more; only imports bring them along with the message."""

    emoji: str
    person_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What only history from another system has (MSG-19)."""

    sent_at: datetime
    edited_at: datetime | None = None
    reactions: tuple[Reaction, ...] = ()
    system: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before the log gave it numbers."""

    conversation_id: str
    sender_id: str
    request_id: str
    text: str
    content_hash: bytes
    spans: tuple[Span, ...] = ()
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    mention_departments: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    reply_to_seq: int = 0
    attachments: tuple[Attachment, ...] = ()
    imported: Imported | None = None
    size_bytes: int = 0


def draft(
    *,
    conversation_id: str,
    sender_id: str,
    request_id: str,
    text: str,
    spans: tuple[Span, ...] = (),
    mentions: tuple[str, ...] = (),
    mention_all: bool = False,
    mention_departments: tuple[str, ...] = (),
    priority: Priority = Priority.NORMAL,
    reply_to_seq: int = 0,
    attachments: tuple[Attachment, ...] = (),
    imported: Imported | None = None,
    markdown: bool = False,
) -> Draft:
    """Make a checked draft.

    Limits (MSG-18), text and spans in the form in which they are stored, no mention inside code
    or quotes (MSG-13). With `markdown` the spans are made from the marks of the text.

    Raises:
        TextTooLong: more than 150 KB of UTF-8.
        MessageEmpty: neither text nor attachment (imports may be empty, MSG-19).
        TooManyMentions: more than 200 named people.
        InvalidArgument: no request id, or content that no client should be shown: see `content`.
    """
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise InvalidArgument(field="request_id", problem="takes 1 to 128 characters")
    if len(text) > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=len(text.encode(errors="replace")), limit=TEXT_LIMIT_BYTES)
    # Nearly all that is said is lines of printable characters: nothing to look for in them.
    if spans or markdown or not (text.isprintable() or text.replace("\n", "").isprintable()):
        text, spans, mentions, mention_all, mention_departments = compose(
            Content(text, spans, mentions, mention_all, mention_departments), markdown=markdown
        )
    encoded = text.encode()
    if len(encoded) > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=len(encoded), limit=TEXT_LIMIT_BYTES)
    if attachments:
        attachments = check_attachments(attachments, with_address=imported is None)
    elif imported is None and (not text or text.isspace()):
        raise MessageEmpty
    if len(mentions) > 1:
        mentions = tuple(dict.fromkeys(mentions))
    if mention_departments:
        mention_departments = tuple(dict.fromkeys(mention_departments))
    count = len(mentions) + len(mention_departments)
    if count > MENTION_LIMIT:
        raise TooManyMentions(count=count, limit=MENTION_LIMIT)
    return Draft(
        conversation_id=conversation_id,
        sender_id=sender_id,
        request_id=request_id,
        text=text,
        content_hash=_content_hash(
            encoded,
            spans,
            mentions,
            mention_all,
            priority,
            reply_to_seq,
            attachments,
            mention_departments,
        ),
        spans=spans,
        mentions=mentions,
        mention_all=mention_all,
        mention_departments=mention_departments,
        priority=priority,
        reply_to_seq=reply_to_seq,
        attachments=attachments,
        imported=imported,
        size_bytes=len(encoded) + 64 * len(spans) + 256 * len(attachments) + 300,
    )


def _content_hash(
    text: bytes,
    spans: tuple[Span, ...],
    mentions: tuple[str, ...],
    mention_all: bool,  # noqa: FBT001 - one of eight parts of a record, called in one place
    priority: Priority,
    reply_to_seq: int,
    attachments: tuple[Attachment, ...],
    mention_departments: tuple[str, ...],
) -> bytes:
    """Hash what the sender said.

    Length-prefixed so that no two contents share a byte string (MSG-3). What most messages lack
    stands last and only where it is, so that the hashes of all others stay what they are.
    """
    head = _HEAD.pack(
        len(text),
        priority,
        mention_all,
        reply_to_seq,
        len(spans),
        len(mentions),
        len(attachments),
    )
    digest = hashlib.sha256(head + text)
    for span in spans:
        value = span.value.encode()
        digest.update(struct.pack(">IIBI", span.start, span.length, len(span.kind), len(value)))
        digest.update(span.kind.encode() + value)
    for word in mentions:
        _feed(digest, word)
    for attachment in attachments:
        _feed(digest, attachment.name)
        _feed(digest, attachment.url)
        _feed(digest, attachment.media_type)
        digest.update(struct.pack(">q", attachment.size_bytes))
    for department in mention_departments:
        _feed(digest, f"department:{department}")
    return digest.digest()


def _feed(digest: "hashlib._Hash", word: str) -> None:
    encoded = word.encode()
    digest.update(struct.pack(">I", len(encoded)) + encoded)


__all__ = [
    "Attachment",
    "Draft",
    "Imported",
    "Priority",
    "Reaction",
    "Span",
    "SpanKind",
    "draft",
]
