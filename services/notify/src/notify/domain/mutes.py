"""Conversations that a person has muted for a time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A person's mute of a conversation; `until` is None if it is not muted.

    `version` is of all that person's settings for it.
    """

    conversation_id: str
    person_id: str
    until: datetime | None
    version: int
