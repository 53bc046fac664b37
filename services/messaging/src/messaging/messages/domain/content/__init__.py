"""What a message says: text, spans over it and attachments, in the form in which it is stored."""

from messaging.domain.content.attachments import ATTACHMENT_LIMIT, Attachment, check_attachments
from messaging.domain.content.composing import Content, compose
from messaging.domain.content.markdown import read_markdown, write_markdown
from messaging.domain.content.settling import SPAN_LIMIT, settle
from messaging.domain.content.spans import MENTIONING, Span, SpanKind
from messaging.domain.content.texts import clean_text

__all__ = [
    "ATTACHMENT_LIMIT",
    "MENTIONING",
    "SPAN_LIMIT",
    "Attachment",
    "Content",
    "Span",
    "SpanKind",
    "check_attachments",
    "clean_text",
    "compose",
    "read_markdown",
    "settle",
    "write_markdown",
]
