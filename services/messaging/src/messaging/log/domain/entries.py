"""Entries of the conversation log: their kinds, numbers and heads (MSG-1)."""

import enum
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from messaging.log.domain.chain import GENESIS, VERSION
from messaging.log.domain.states import Conversation, Member

NUMBER_WIDTH = 12


class EntryKind(enum.StrEnum):
    """Kind of change that a log entry records."""

    CREATED = "created"
    CHANGED = "changed"
    ARCHIVED = "archived"
    MEMBERS_ADDED = "members_added"
    MEMBERS_REMOVED = "members_removed"
    POSTED = "posted"
    EDITED = "edited"
    RECALLED = "recalled"
    REACTED = "reacted"
    PINNED = "pinned"
    LABELED = "labeled"
    CHAIN_BEGUN = "chain_begun"


ABOUT_MESSAGES = frozenset(
    {
        EntryKind.EDITED,
        EntryKind.RECALLED,
        EntryKind.REACTED,
        EntryKind.PINNED,
        EntryKind.LABELED,
    }
)


class Head(NamedTuple):
    """The last numbers of a log, its last link and the version of that."""

    change_no: int
    seq: int
    chain_hash: bytes
    chain_version: int


EMPTY = Head(0, 0, GENESIS, VERSION)


@dataclass(frozen=True, slots=True)
class LogState:
    """State needed to decide on the next entry: numbers, fields and active members."""

    conversation: Conversation
    head: Head
    members: Mapping[str, Member]


class Numbers(NamedTuple):
    """Numbers that the log assigns to an entry."""

    change_no: int
    seq: int
    root_seq: int = 0


def head_after(numbers: Numbers, *, chain_hash: bytes) -> Head:
    """Return the head of a log after an entry that this release has sealed."""
    return Head(numbers.change_no, numbers.seq, chain_hash, VERSION)


def entry_id(conversation_id: str, change_no: int) -> str:
    """Name an entry: unique per number, so that writing it is the fence.

    Sorts in order of the log.
    """
    return f"{conversation_id}:{change_no:0{NUMBER_WIDTH}d}"


def chain(
    previous: bytes, *, change_no: int, kind: EntryKind, entity_id: str, content_hash: bytes
) -> bytes:
    """Compute a link of version 1: H(previous, change_no, kind, entity id, content hash).

    Nothing is written with it any more; logs from before version 2 are verified with it.
    """
    head = struct.pack(">32sQB", previous, change_no, len(kind))
    return hashlib.sha256(
        b"".join((head, kind.encode(), entity_id.encode(), b"\0", content_hash))
    ).digest()


def next_change(head: Head) -> Numbers:
    """Return the numbers of a change that is no message."""
    return Numbers(head.change_no + 1, head.seq)


def next_post(head: Head, *, root_seq: int) -> Numbers:
    """Return the numbers of a message (MSG-1)."""
    return Numbers(head.change_no + 1, head.seq + 1, root_seq)
