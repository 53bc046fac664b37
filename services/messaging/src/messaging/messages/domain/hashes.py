"""Content hash of a message: the same content has the same hash for ever (MSG-3)."""

import hashlib
import struct

from messaging.messages.domain.content import Attachment, Span
from messaging.messages.domain.forwards import Forwarded

_HEAD = struct.Struct(">QBBQIII")


def content_hash(
    *,
    text: bytes,
    spans: tuple[Span, ...],
    mentions: tuple[str, ...],
    mention_all: bool,
    priority: int,
    reply_to_seq: int,
    attachments: tuple[Attachment, ...],
    department_ids: tuple[str, ...] = (),
    quote_seq: int = 0,
    quiet: bool = False,
    forwarded: tuple[Forwarded, ...] = (),
) -> bytes:
    """Hash a content, SHA-256; length-prefixed so that no two contents share a byte string.

    Rarely used fields come last, and only if at least one of them is set.
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
    if spans:
        _feed_spans(digest, spans)
    for word in mentions:
        _feed(digest, word)
    if attachments:
        _feed_attachments(digest, attachments)
    if department_ids or quote_seq or quiet or forwarded:
        digest.update(struct.pack(">QBII", quote_seq, quiet, len(forwarded), len(department_ids)))
        for each in forwarded:
            _feed_forwarded(digest, each)
        for word in department_ids:
            _feed(digest, word)
    return digest.digest()


def _feed_spans(digest: "hashlib._Hash", spans: tuple[Span, ...]) -> None:
    for span in spans:
        value = span.value.encode()
        digest.update(struct.pack(">IIBI", span.start, span.length, len(span.kind), len(value)))
        digest.update(span.kind.encode() + value)


def _feed_attachments(digest: "hashlib._Hash", attachments: tuple[Attachment, ...]) -> None:
    for attachment in attachments:
        for word in (attachment.name, attachment.url, attachment.media_type):
            _feed(digest, word)
        digest.update(struct.pack(">q", attachment.size_bytes))


def _feed_forwarded(digest: "hashlib._Hash", each: Forwarded) -> None:
    for word in (each.conversation_id, each.message_id, each.sender_id, each.text):
        _feed(digest, word)
    sent_at = round(each.sent_at.timestamp() * 1000)
    digest.update(struct.pack(">qII", sent_at, len(each.spans), len(each.attachments)))
    _feed_spans(digest, each.spans)
    _feed_attachments(digest, each.attachments)


def _feed(digest: "hashlib._Hash", word: str) -> None:
    encoded = word.encode()
    digest.update(struct.pack(">I", len(encoded)) + encoded)
