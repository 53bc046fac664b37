"""Personal settings of a conversation: folder, mute, unread mark and star; private to them."""

from dataclasses import dataclass, replace
from datetime import datetime

from plexuskit.names import clean_line

FOLDER_LIMIT = 100
MENTION_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSettings:
    """Settings of one person for one conversation; version 0 if nothing was ever set.

    `mention_seqs` are messages in which an edit has mentioned the person, until the person reads
    on: whether they had been read already is for the cursor to say (MSG-11).
    """

    conversation_id: str
    person_id: str
    folder: str = ""
    muted_until: datetime | None = None
    marked_unread: bool = False
    starred: bool = False
    mention_seqs: tuple[int, ...] = ()
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
    mention_seqs: tuple[int, ...] | None = None


def mentioned(current: ConversationSettings, seq: int) -> SettingsChange:
    """Note that an edit of a message mentions the person; the newest 100 are kept."""
    kept = {*current.mention_seqs, seq}
    return SettingsChange(mention_seqs=tuple(sorted(kept))[-MENTION_LIMIT:])


def unmentioned(current: ConversationSettings, seq: int) -> SettingsChange:
    """Take a message off that was recalled or mentions the person no more."""
    return SettingsChange(mention_seqs=tuple(each for each in current.mention_seqs if each != seq))


def read_on(current: ConversationSettings, *, through_seq: int) -> SettingsChange:
    """Take the marks off that end when the person reads on (MSG-7)."""
    left = tuple(each for each in current.mention_seqs if each > through_seq)
    return SettingsChange(marked_unread=False, mention_seqs=left)


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
        mention_seqs=(current.mention_seqs if change.mention_seqs is None else change.mention_seqs),
    )
    return current if after == current else replace(after, version=current.version + 1)
