"""State of a conversation as derived from its log: fields and members."""

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

ConversationId = NewType("ConversationId", str)
PersonId = NewType("PersonId", str)


class Kind(enum.StrEnum):
    """Two people, or a group."""

    DIRECT = "direct"
    GROUP = "group"


class History(enum.StrEnum):
    """Visibility to a member of messages from before joining (MSG-14)."""

    SINCE_JOIN = "since_join"
    ALL = "all"


class Role(enum.IntEnum):
    """Role of a member; each role includes the rights of the lower ones."""

    MEMBER = 1
    ADMIN = 2
    OWNER = 3


@dataclass(frozen=True, slots=True)
class Stay:
    """One uninterrupted membership: `seq` and membership version of its begin and its end.

    `left_version` is 0 while it lasts.
    """

    first_seq: int
    joined_version: int
    joined_at: datetime
    last_seq: int = 0
    left_version: int = 0

    @property
    def empty(self) -> bool:
        """True for a stay that ended before any message was posted."""
        return bool(self.left_version) and self.last_seq < self.first_seq

    def covers(self, seq: int) -> bool:
        """Return whether the message with this number falls into the stay (MSG-14)."""
        return self.first_seq <= seq and (not self.left_version or seq <= self.last_seq)

    def holds_at(self, version: int) -> bool:
        """Return whether the stay lasted at this membership version (MSG-9)."""
        return self.joined_version <= version and (
            not self.left_version or version < self.left_version
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A person's life in a conversation; stays are in order."""

    conversation_id: str
    person_id: str
    role: Role
    stays: tuple[Stay, ...]
    version: int

    @property
    def active(self) -> bool:
        """True while the person is a member."""
        return bool(self.stays) and not self.stays[-1].left_version

    def was_member_at(self, version: int) -> bool:
        """Return whether the person was in the audience at that membership version (MSG-9)."""
        return any(stay.holds_at(version) for stay in self.stays)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation's own fields; its numbers are the log's."""

    id: str
    tenant_id: str
    kind: Kind
    name: str
    topic: str
    history: History
    archived: bool
    created_by: str
    created_at: datetime
    membership_version: int
    member_count: int
    version: int
    external_id: str = ""
    confidential: bool = False
    pair: tuple[str, str] | None = None


def sees(member: Member | None, *, history: History, seq: int) -> bool:
    """Return whether a member may see the message with this number: the only predicate of MSG-14.

    A former member sees nothing (SRC-2); one who came back also sees the earlier stays.
    """
    if member is None or not member.active:
        return False
    return history is History.ALL or any(stay.covers(seq) for stay in member.stays)


def visible_ranges(member: Member, *, history: History) -> tuple[tuple[int, int], ...]:
    """Return the (first, last) numbers an active member may see; last 0 means no end (MSG-14)."""
    if history is History.ALL:
        return ((1, 0),)
    return tuple((stay.first_seq, stay.last_seq) for stay in member.stays if not stay.empty)
