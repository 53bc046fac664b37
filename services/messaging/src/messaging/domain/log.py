"""A conversation is a log: heads, tails, and the decision on one item (MSG-1, MSG-3, MSG-14)."""

import enum
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from messaging.domain.chain import GENESIS, VERSION
from messaging.domain.conversations import Conversation, Member, Role, sees
from messaging.domain.messages import NewMessage
from messaging.domain.refusals import (
    ConversationIsArchived,
    ConversationNotFound,
    MentionAllDenied,
    MentionDepartmentDenied,
    QuotedNotFound,
    RootNotFound,
)

NUMBER_WIDTH = 12


class EntryKind(enum.StrEnum):
    """What an entry of the log says happened."""

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
    """What a writer must know to decide on the next entry: numbers, fields and active members."""

    conversation: Conversation
    head: Head
    members: Mapping[str, Member]


class MessageRef(NamedTuple):
    """An earlier message, as far as one that answers to it or quotes it needs it."""

    seq: int
    root_seq: int
    message_id: str
    sender_id: str


class Numbers(NamedTuple):
    """What the log gives an entry."""

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
    """Give the numbers of a change that is no message."""
    return Numbers(head.change_no + 1, head.seq)


def next_post(head: Head, *, root_seq: int) -> Numbers:
    """Give the numbers of a message (MSG-1)."""
    return Numbers(head.change_no + 1, head.seq + 1, root_seq)


def check_post(log_state: LogState, new_message: NewMessage) -> None:
    """Refuse a message that its sender may not post now.

    Imports are the administrator's word (MSG-19).

    Raises:
        ConversationNotFound: the sender is no member (GW-2).
        ConversationIsArchived: nothing more can be said.
        MentionAllDenied: `@all` by a plain member.
        MentionDepartmentDenied: a department by a plain member.
    """
    if new_message.imported is not None:
        return
    member = log_state.members.get(new_message.sender_id)
    if member is None:
        raise ConversationNotFound(conversation_id=new_message.conversation_id)
    if log_state.conversation.archived:
        raise ConversationIsArchived(conversation_id=new_message.conversation_id)
    if new_message.mention_all and member.role < Role.ADMIN:
        raise MentionAllDenied(conversation_id=new_message.conversation_id)
    if new_message.department_ids and member.role < Role.ADMIN:
        raise MentionDepartmentDenied(conversation_id=new_message.conversation_id)


def check_root(log_state: LogState, new_message: NewMessage, *, ref: MessageRef | None) -> int:
    """Give the thread that a reply belongs to: the root of the message answered to (MSG-15).

    Raises:
        RootNotFound: it is not there, or the sender may not see it.
    """
    if ref is None or not _visible(log_state, new_message, seq=ref.seq):
        raise RootNotFound(seq=new_message.reply_to_seq)
    return ref.root_seq or ref.seq


def check_quote(
    log_state: LogState, new_message: NewMessage, *, ref: MessageRef | None
) -> MessageRef:
    """Give the message that a draft quotes.

    Raises:
        QuotedNotFound: it is not there, or the sender may not see it (MSG-14).
    """
    if ref is None or not _visible(log_state, new_message, seq=ref.seq):
        raise QuotedNotFound(seq=new_message.quote_seq)
    return ref


def _visible(log_state: LogState, new_message: NewMessage, *, seq: int) -> bool:
    if new_message.imported is not None:
        return True
    member = log_state.members.get(new_message.sender_id)
    return sees(member, history=log_state.conversation.history, seq=seq)


def outsiders(log_state: LogState, new_message: NewMessage) -> tuple[str, ...]:
    """Name the mentioned people who are no members: they hear nothing (MSG-13)."""
    return tuple(person for person in new_message.mentions if person not in log_state.members)
