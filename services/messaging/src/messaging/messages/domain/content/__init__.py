"""Content of a message in stored form: text, spans over it and attachments."""

from messaging.messages.domain.content.attachments import (
    ATTACHMENT_LIMIT,
    Attachment,
    check_attachments,
)
from messaging.messages.domain.content.composing import Content, compose
from messaging.messages.domain.content.markdown import read_markdown, write_markdown
from messaging.messages.domain.content.settling import SPAN_LIMIT, settle
from messaging.messages.domain.content.spans import MENTIONING, Span, SpanKind
from messaging.messages.domain.content.texts import clean_text

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
