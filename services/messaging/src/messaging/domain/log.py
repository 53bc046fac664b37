"""A conversation is a log: heads, tails, and the decision on one item (MSG-1, MSG-3, MSG-14)."""

import enum
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from messaging.domain.conversations import Conversation, Member, Role, sees
from messaging.domain.messages import Draft
from messaging.domain.refusals import (
    ConversationIsArchived,
    ConversationNotFound,
    MentionAllDenied,
    MentionDepartmentDenied,
    RootNotFound,
)

GENESIS = bytes(32)
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


class Head(NamedTuple):
    """The last numbers of a log."""

    change_no: int
    seq: int
    chain_hash: bytes


EMPTY = Head(0, 0, GENESIS)


@dataclass(frozen=True, slots=True)
class Tail:
    """What a writer must know to decide on the next entry: numbers, fields and active members."""

    conversation: Conversation
    head: Head
    members: Mapping[str, Member]


class Numbers(NamedTuple):
    """What the log gives an entry."""

    change_no: int
    seq: int
    chain_hash: bytes
    root_seq: int = 0


def entry_id(conversation_id: str, change_no: int) -> str:
    """Name an entry: unique per number, so that writing it is the fence.

    Sorts in order of the log.
    """
    return f"{conversation_id}:{change_no:0{NUMBER_WIDTH}d}"


def chain(
    previous: bytes, *, change_no: int, kind: EntryKind, entity_id: str, content_hash: bytes
) -> bytes:
    """Link an entry to all before it: H(previous, change_no, kind, entity id, content hash)."""
    head = struct.pack(">32sQB", previous, change_no, len(kind))
    return hashlib.sha256(
        b"".join((head, kind.encode(), entity_id.encode(), b"\0", content_hash))
    ).digest()


def next_change(head: Head, *, kind: EntryKind, entity_id: str, content_hash: bytes) -> Numbers:
    """Give the numbers of a change that is no message."""
    change_no = head.change_no + 1
    link = chain(
        head.chain_hash,
        change_no=change_no,
        kind=kind,
        entity_id=entity_id,
        content_hash=content_hash,
    )
    return Numbers(change_no, head.seq, link)


def next_post(head: Head, *, message_id: str, content_hash: bytes, root_seq: int) -> Numbers:
    """Give the numbers of a message (MSG-1)."""
    numbers = next_change(
        head, kind=EntryKind.POSTED, entity_id=message_id, content_hash=content_hash
    )
    return numbers._replace(seq=head.seq + 1, root_seq=root_seq)


def check_post(tail: Tail, draft: Draft) -> None:
    """Refuse a message that its sender may not post now.

    Imports are the administrator's word (MSG-19).

    Raises:
        ConversationNotFound: the sender is no member (GW-2).
        ConversationIsArchived: nothing more can be said.
        MentionAllDenied: `@all` by a plain member.
        MentionDepartmentDenied: a department by a plain member.
    """
    if draft.imported is not None:
        return
    member = tail.members.get(draft.sender_id)
    if member is None:
        raise ConversationNotFound(conversation_id=draft.conversation_id)
    if tail.conversation.archived:
        raise ConversationIsArchived(conversation_id=draft.conversation_id)
    if draft.mention_all and member.role < Role.ADMIN:
        raise MentionAllDenied(conversation_id=draft.conversation_id)
    if draft.mention_departments and member.role < Role.ADMIN:
        raise MentionDepartmentDenied(conversation_id=draft.conversation_id)


def check_root(tail: Tail, draft: Draft, *, root: tuple[int, int] | None) -> int:
    """Give the thread that a reply belongs to (MSG-15).

    `root` is (seq, root_seq) of the message answered to.

    Raises:
        RootNotFound: it is not there, or the sender may not see it.
    """
    if root is None:
        raise RootNotFound(seq=draft.reply_to_seq)
    seq, root_seq = root
    if draft.imported is None:
        member = tail.members.get(draft.sender_id)
        if not sees(member, history=tail.conversation.history, seq=seq):
            raise RootNotFound(seq=draft.reply_to_seq)
    return root_seq or seq


def outsiders(tail: Tail, draft: Draft) -> tuple[str, ...]:
    """Name the mentioned people who are no members: they hear nothing (MSG-13)."""
    return tuple(person for person in draft.mentions if person not in tail.members)
