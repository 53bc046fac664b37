"""Unsent drafts: one per person, conversation and thread; the newest wins."""

from dataclasses import dataclass, replace
from datetime import datetime

from plexuskit.errors import InvalidArgument

from messaging.messages.domain.content import ATTACHMENT_LIMIT, SPAN_LIMIT
from messaging.messages.domain.messages import MENTION_LIMIT, TEXT_LIMIT_BYTES
from messaging.messages.domain.refusals import TextTooLong, TooManyMentions

DRAFT_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class DraftKey:
    """Key of a draft; `root_seq` 0 is the conversation itself, else a thread."""

    person_id: str
    conversation_id: str
    root_seq: int = 0

    @property
    def id(self) -> str:
        """Id of the draft: its document's id and the scope of its facts."""
        return f"{self.person_id}:{self.conversation_id}:{self.root_seq}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Draft as stored; without text it is deleted, and kept so that older versions lose.

    `words` is the contract's message, serialized: only the person's devices read it.
    """

    key: DraftKey
    tenant_id: str
    words: bytes
    written_at: datetime
    version: int = 0

    @property
    def has_words(self) -> bool:
        """True if there is text to show."""
        return bool(self.words)


def check_words(*, text: str, spans: int, mentions: int, attachments: int) -> None:
    """Refuse a draft larger than a message may be (MSG-18); half a message is a draft too.

    Raises:
        TextTooLong: more than 150 KB of UTF-8.
        TooManyMentions: more than 200 named people.
        InvalidArgument: more than 2,000 spans or 50 attachments.
    """
    size = len(text.encode())
    if size > TEXT_LIMIT_BYTES:
        raise TextTooLong(bytes=size, limit=TEXT_LIMIT_BYTES)
    if mentions > MENTION_LIMIT:
        raise TooManyMentions(count=mentions, limit=MENTION_LIMIT)
    for field, count, limit in (
        ("spans", spans, SPAN_LIMIT),
        ("attachments", attachments, ATTACHMENT_LIMIT),
    ):
        if count > limit:
            raise InvalidArgument(field=field, problem=f"has more than {limit}")


def newest(current: Draft | None, offered: Draft, *, now: datetime) -> tuple[Draft, bool]:
    """Decide between two states of a draft: the newer `written_at` wins in any order of arrival.

    A device whose clock is ahead writes now. Of two states of one moment the one with the greater
    bytes is kept, so that every order of arrival ends the same, and words win over none.

    Returns:
        What is kept, and whether that is a change.
    """
    offered = replace(offered, written_at=min(offered.written_at, now), version=1)
    if current is None:
        return offered, True
    if (offered.written_at, offered.words) <= (current.written_at, current.words):
        return current, False
    return replace(offered, version=current.version + 1), True
