"""Conversations that somebody wants to hear nothing of for a time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """What a person has set for a conversation; `until` is None where it is not muted.

    `version` is of all that the person has set for it.
    """

    conversation_id: str
    person_id: str
    until: datetime | None
    version: int
