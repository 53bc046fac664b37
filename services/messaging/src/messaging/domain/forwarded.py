"""What was said elsewhere and is carried along (MSG-16)."""

from dataclasses import dataclass
from datetime import datetime

from messaging.domain.content import Attachment, Span


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A copy of what was said elsewhere, with where it came from."""

    conversation_id: str
    message_id: str
    sender_id: str
    sent_at: datetime
    text: str = ""
    spans: tuple[Span, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def size_bytes(self) -> int:
        """How much it adds to the message that carries it."""
        return len(self.text.encode()) + 64 * len(self.spans) + 256 * len(self.attachments)
