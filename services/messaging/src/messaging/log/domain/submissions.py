"""Messages on their way into a log, as far as the log needs to know them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message as its log sees it: its place, the key of its retries, and its size.

    `imported` is set on history from another system, which is written under rules of its own.
    """

    conversation_id: str
    sender_id: str
    request_id: str
    content_hash: bytes
    imported: object | None = None
    size_bytes: int = 0
