"""Forwarded content: copies of messages from another conversation (MSG-16)."""

from dataclasses import dataclass
from datetime import datetime

from messaging.messages.domain.content import Attachment, Span


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Copy of a message from elsewhere, with its origin."""

    conversation_id: str
    message_id: str
    sender_id: str
    sent_at: datetime
    text: str = ""
    spans: tuple[Span, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Upper estimate of the bytes it adds to the message that carries it."""
        return (
            len(self.text.encode())
            + sum(size_of_span(span) for span in self.spans)
            + sum(size_of_attachment(each) for each in self.attachments)
        )


def size_of_span(span: Span) -> int:
    """Return an upper estimate of a span's bytes in a message."""
    return 16 + len(span.value.encode())


def size_of_attachment(attachment: Attachment) -> int:
    """Return an upper estimate of an attachment's bytes in a message."""
    words = (attachment.name, attachment.url, attachment.media_type)
    return 32 + sum(len(each.encode()) for each in words)
