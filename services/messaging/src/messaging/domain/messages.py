"""What is said: a draft before it has numbers, and the checks that need nothing but the draft."""

import enum
import hashlib
import struct
from dataclasses import dataclass
from datetime import datetime

from plexuskit.errors import InvalidArgument

from messaging.domain.refusals import MessageEmpty, TextTooLong, TooManyMentions

TEXT_LIMIT_BYTES = 150 * 1024
MENTION_LIMIT = 200
DEPARTMENT_LIMIT = 20
SPAN_LIMIT = 2_000
ATTACHMENT_LIMIT = 50
REQUEST_ID_LIMIT = 128


class Priority(enum.IntEnum):
    """How much a message may disturb (NTF-5)."""

    NORMAL = 1
    IMPORTANT = 2
    URGENT = 3


class SpanKind(enum.StrEnum):
    """What a range of the text is."""

    MENTION = "mention"
    MENTION_ALL = "mention_all"
    MENTION_DEPARTMENT = "mention_department"
    LINK = "link"
    CODE = "code"
    BOLD = "bold"
    ITALIC = "italic"
    QUOTE = "quote"


_OPAQUE = frozenset((SpanKind.CODE, SpanKind.QUOTE))
_MENTIONING = frozenset((SpanKind.MENTION, SpanKind.MENTION_ALL, SpanKind.MENTION_DEPARTMENT))


@dataclass(frozen=True, slots=True)
class Span:
    """A range of the text, in Unicode code points; `value` is the person id or the address."""

    start: int
    length: int
    kind: SpanKind
    value: str = ""

    @property
    def end(self) -> int:
        """First code point after the range."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or page that lies elsewhere."""

    name: str
    url: str
    media_type: str
    size_bytes: int


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
class Words:
    """What an edit puts in place of what was said (MSG-11)."""

    text: str
    spans: tuple[Span, ...] = ()
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A copy of what was said elsewhere, with where it came from (MSG-16)."""

    conversation_id: str
    message_id: str
    sender_id: str
    sent_at: datetime
    text: str = ""
    spans: tuple[Span, ...] = ()
    attachments: tuple[Attachment, ...] = ()


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
    priority: Priority = Priority.NORMAL
    reply_to_seq: int = 0
    attachments: tuple[Attachment, ...] = ()
    imported: Imported | None = None
    quote_seq: int = 0
    quiet: bool = False
    forwarded: tuple[Forwarded, ...] = ()
    size_bytes: int = 0
    department_ids: tuple[str, ...] = ()


def draft(
    *,
    conversation_id: str,
    sender_id: str,
    request_id: str,
    text: str,
    spans: tuple[Span, ...] = (),
    mentions: tuple[str, ...] = (),
    mention_all: bool = False,
    priority: Priority = Priority.NORMAL,
    reply_to_seq: int = 0,
    attachments: tuple[Attachment, ...] = (),
    imported: Imported | None = None,
    quote_seq: int = 0,
    quiet: bool = False,
    forwarded: tuple[Forwarded, ...] = (),
    department_ids: tuple[str, ...] = (),
) -> Draft:
    """Make a checked draft; `quiet` disturbs nobody (NTF-11).

    Limits (MSG-18), spans within the text, no mention inside code or quotes (MSG-13).

    Raises:
        TextTooLong: more than 150 KB of UTF-8.
        MessageEmpty: neither text nor attachment (imports may be empty, MSG-19).
        TooManyMentions: more than 200 named people.
        InvalidArgument: no request id, a span outside the text, or more than 20 departments.
    """
    if not 0 < len(request_id) <= REQUEST_ID_LIMIT:
        raise InvalidArgument(field="request_id", problem="takes 1 to 128 characters")
    encoded = text.encode()
    if len(encoded) > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=len(encoded), limit=TEXT_LIMIT_BYTES)
    if imported is None and not (attachments or forwarded) and (not text or text.isspace()):
        raise MessageEmpty
    if len(attachments) > ATTACHMENT_LIMIT:
        raise InvalidArgument(field="attachments", problem=f"has more than {ATTACHMENT_LIMIT}")
    carried = _carried_bytes(forwarded) if forwarded else 0
    if department_ids or any(span.kind is SpanKind.MENTION_DEPARTMENT for span in spans):
        department_ids = _settle_departments(spans, department_ids)
    if spans:
        spans, mentions, mention_all = _settle_spans(text, spans, mentions, mention_all=mention_all)
    if len(mentions) > 1:
        mentions = tuple(dict.fromkeys(mentions))
    if len(mentions) > MENTION_LIMIT:
        raise TooManyMentions(count=len(mentions), limit=MENTION_LIMIT)
    return Draft(
        conversation_id=conversation_id,
        sender_id=sender_id,
        request_id=request_id,
        text=text,
        content_hash=content_hash(
            encoded,
            spans,
            mentions,
            mention_all,
            priority,
            reply_to_seq,
            attachments,
            department_ids,
            extra=(quote_seq, quiet, forwarded) if quote_seq or quiet or forwarded else None,
        ),
        spans=spans,
        mentions=mentions,
        mention_all=mention_all,
        priority=priority,
        reply_to_seq=reply_to_seq,
        attachments=attachments,
        imported=imported,
        quote_seq=quote_seq,
        quiet=quiet,
        forwarded=forwarded,
        size_bytes=len(encoded) + 64 * len(spans) + 256 * len(attachments) + 300 + carried,
        department_ids=department_ids,
    )


def _carried_bytes(forwarded: tuple[Forwarded, ...]) -> int:
    """Give the size of what is forwarded; together it is bounded as one text is (MSG-18)."""
    size = sum(
        len(each.text.encode()) + 64 * len(each.spans) + 256 * len(each.attachments)
        for each in forwarded
    )
    if size > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=size, limit=TEXT_LIMIT_BYTES)
    return size


def _settle_spans(
    text: str, spans: tuple[Span, ...], mentions: tuple[str, ...], *, mention_all: bool
) -> tuple[tuple[Span, ...], tuple[str, ...], bool]:
    """Check the ranges; take out mentions inside code and quotes, and who is only named there."""
    length = len(text)
    if len(spans) > SPAN_LIMIT:
        raise InvalidArgument(field="spans", problem=f"has more than {SPAN_LIMIT}")
    for span in spans:
        if span.start < 0 or span.length <= 0 or span.end > length:
            raise InvalidArgument(
                field="spans", problem=f"reaches outside the text ({span.start}+{span.length})"
            )
    opaque = [span for span in spans if span.kind in _OPAQUE]
    if not any(span.kind in _MENTIONING for span in spans):
        return spans, mentions, mention_all
    kept = tuple(
        span for span in spans if span.kind not in _MENTIONING or not _within(span, opaque)
    )
    said = {span.value for span in spans if span.kind is SpanKind.MENTION}
    addressed = {span.value for span in kept if span.kind is SpanKind.MENTION}
    people = tuple(person for person in mentions if person not in said or person in addressed)
    spoken = any(span.kind is SpanKind.MENTION_ALL for span in spans)
    addressed_all = any(span.kind is SpanKind.MENTION_ALL for span in kept)
    return (
        kept,
        (*people, *(person for person in sorted(addressed) if person not in mentions)),
        (mention_all and not spoken) or addressed_all,
    )


def _settle_departments(
    spans: tuple[Span, ...], department_ids: tuple[str, ...]
) -> tuple[str, ...]:
    """Name the departments addressed outside code and quotes, as for people (MSG-13).

    Those without a place in the text stay.
    """
    opaque = [span for span in spans if span.kind in _OPAQUE]
    named = [span for span in spans if span.kind is SpanKind.MENTION_DEPARTMENT]
    said = {span.value for span in named}
    addressed = {span.value for span in named if not _within(span, opaque)}
    kept = [each for each in department_ids if each not in said or each in addressed]
    settled = tuple(dict.fromkeys((*kept, *sorted(addressed))))
    if len(settled) > DEPARTMENT_LIMIT:
        raise InvalidArgument(
            field="mentions", problem=f"has more than {DEPARTMENT_LIMIT} departments"
        )
    return settled


def _within(span: Span, opaque: list[Span]) -> bool:
    return any(outer.start <= span.start and span.end <= outer.end for outer in opaque)


def content_hash(
    text: bytes,
    spans: tuple[Span, ...],
    mentions: tuple[str, ...],
    mention_all: bool,  # noqa: FBT001 - one of eight parts of a record, called in one place
    priority: Priority,
    reply_to_seq: int,
    attachments: tuple[Attachment, ...],
    department_ids: tuple[str, ...],
    *,
    extra: tuple[int, bool, tuple[Forwarded, ...]] | None,
) -> bytes:
    """Hash what the sender said; `extra` is (quoted seq, quiet, forwarded) where one is set.

    Length-prefixed so that no two contents share a byte string (MSG-3).
    """
    digest = hashlib.sha256(
        struct.pack(
            ">QBBQIII",
            len(text),
            priority,
            mention_all,
            reply_to_seq,
            len(spans),
            len(mentions),
            len(attachments),
        )
    )
    digest.update(text)
    _feed_spans(digest, spans)
    for word in mentions:
        _feed(digest, word)
    _feed_attachments(digest, attachments)
    if extra is not None:
        quote_seq, quiet, forwarded = extra
        digest.update(struct.pack(">QBI", quote_seq, quiet, len(forwarded)))
        for each in forwarded:
            for word in (each.conversation_id, each.message_id, each.sender_id, each.text):
                _feed(digest, word)
            digest.update(
                struct.pack(
                    ">qII",
                    round(each.sent_at.timestamp() * 1000),
                    len(each.spans),
                    len(each.attachments),
                )
            )
            _feed_spans(digest, each.spans)
            _feed_attachments(digest, each.attachments)
    return digest.digest()


def _feed_spans(digest: "hashlib._Hash", spans: tuple[Span, ...]) -> None:
    for span in spans:
        value = span.value.encode()
        digest.update(struct.pack(">IIBI", span.start, span.length, len(span.kind), len(value)))
        digest.update(span.kind.encode() + value)


def _feed_attachments(digest: "hashlib._Hash", attachments: tuple[Attachment, ...]) -> None:
    for attachment in attachments:
        _feed(digest, attachment.name)
        _feed(digest, attachment.url)
        _feed(digest, attachment.media_type)
        digest.update(struct.pack(">q", attachment.size_bytes))
    # Behind everything that is counted above: a message without departments has the hash that it
    # had before there were any.
    for department_id in department_ids:
        _feed(digest, department_id)
    return digest.digest()


def _feed(digest: "hashlib._Hash", word: str) -> None:
    encoded = word.encode()
    digest.update(struct.pack(">I", len(encoded)) + encoded)
