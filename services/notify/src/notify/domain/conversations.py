"""Conversations and their members, as notify stores them."""

from dataclasses import dataclass

from notify.domain.notifications import covers

Intervals = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Conversation as texts and audiences need it; `version` is of its own fields.

    Notices of a confidential one carry no content (NTF-9).
    """

    id: str
    tenant_id: str
    direct: bool
    name: str
    open_history: bool
    version: int
    confidential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person's life in a conversation; `version` is of the membership change that made it."""

    conversation_id: str
    person_id: str
    active: bool
    intervals: Intervals
    version: int

    def belonged(self, *, seq: int) -> bool:
        """Return whether the person was a member when that message was posted.

        A stay begins after the last message and ends with it, so this is the membership at the
        message's `membership_version`.
        """
        return covers(self.intervals, seq=seq)

    def may_read(self, *, seq: int, open_history: bool) -> bool:
        """Return whether the person may read that message now (MSG-14)."""
        return self.active and (open_history or self.belonged(seq=seq))
