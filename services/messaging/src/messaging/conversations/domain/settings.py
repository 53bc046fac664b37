"""Personal settings of a conversation: folder, mute, unread mark and star; private to them."""

from dataclasses import dataclass, replace
from datetime import datetime

from plexuskit.names import clean_line

FOLDER_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettings:
    """Settings of one person for one conversation; version 0 if nothing was ever set."""

    conversation_id: str
    person_id: str
    folder: str = ""
    muted_until: datetime | None = None
    marked_unread: bool = False
    starred: bool = False
    version: int = 0

    @property
    def id(self) -> str:
        """Id of the settings: their document's id and the scope of their facts."""
        return f"{self.conversation_id}:{self.person_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsChange:
    """Change of settings; None leaves a field unchanged."""

    folder: str | None = None
    muted_until: datetime | None = None
    marked_unread: bool | None = None
    starred: bool | None = None


def arranged(
    current: ConversationSettings, change: SettingsChange, *, now: datetime
) -> ConversationSettings:
    """Apply a change; a change without effect returns the current settings and their version.

    Raises:
        InvalidArgument: the folder's name is longer than 100 characters.
    """
    folder = current.folder
    if change.folder is not None:
        folder = clean_line(change.folder, field="folder", max_chars=FOLDER_LIMIT)
    muted_until = current.muted_until
    if change.muted_until is not None:
        muted_until = change.muted_until if change.muted_until > now else None
    marked = current.marked_unread if change.marked_unread is None else change.marked_unread
    after = replace(
        current,
        folder=folder,
        muted_until=muted_until,
        marked_unread=marked,
        starred=current.starred if change.starred is None else change.starred,
    )
    return current if after == current else replace(after, version=current.version + 1)
