"""Posted messages and the changes allowed to them (MSG-11, MSG-12, MSG-16)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from plexuskit.emoji import canonical_emoji
from plexuskit.errors import InvalidArgument, VersionConflict
from plexuskit.names import clean_name

from messaging.conversations.domain.refusals import ConversationIsArchived
from messaging.log.domain.entries import LogState
from messaging.log.domain.states import Kind, Member, Role
from messaging.messages.domain.messages import NewMessage, Reaction
from messaging.messages.domain.policies import Policy
from messaging.messages.domain.refusals import (
    EditWindowClosed,
    MentionAllDenied,
    MentionDepartmentDenied,
    MessageIsRecalled,
    NotYourMessage,
    RecallWindowClosed,
    TooManyEdits,
    TooManyLabels,
    TooManyReactions,
)

MAX_EDITS: Final = 20
MAX_EMOJI: Final = 50
EMOJI_LENGTH: Final = 64
MAX_REACTIONS: Final = 1_000
MAX_LABELS: Final = 20
LABEL_LENGTH: Final = 50


@dataclass(frozen=True, slots=True)
class MessageState:
    """A message as it is now, as far as decisions need it."""

    message_id: str
    conversation_id: str
    seq: int
    sender_id: str
    posted_at: datetime
    version: int = 0
    revision: int = 1
    recalled: bool = False
    system: bool = False
    mentions: tuple[str, ...] = ()
    mention_all: bool = False
    department_ids: tuple[str, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    pinned: bool = False
    labels: tuple[str, ...] = ()
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """Addressees that an edit adds to those of the previous content."""

    person_ids: tuple[str, ...]
    everybody: bool
    department_ids: tuple[str, ...]


def check_alterable(log_state: LogState, state: MessageState) -> None:
    """Refuse changes to messages that can no longer change.

    Raises:
        MessageIsRecalled: its content is gone.
        ConversationIsArchived: it accepts no messages or changes.
    """
    if state.recalled:
        raise MessageIsRecalled(seq=state.seq)
    if log_state.conversation.archived:
        raise ConversationIsArchived(conversation_id=log_state.conversation.id)


def check_edit(
    log_state: LogState,
    state: MessageState,
    *,
    person_id: str,
    policy: Policy,
    expected_version: int | None,
    now: datetime,
) -> None:
    """Refuse an edit that is not allowed (MSG-11).

    Raises:
        MessageIsRecalled, ConversationIsArchived: see check_alterable.
        NotYourMessage: only the sender may edit, and system messages cannot be edited.
        EditWindowClosed: too late.
        TooManyEdits: the message has 20 versions.
        VersionConflict: the message was edited since.
    """
    if state.sender_id != person_id or state.system:
        raise NotYourMessage(seq=state.seq)
    check_alterable(log_state, state)
    if now - state.posted_at > policy.edit_window:
        raise EditWindowClosed(
            seq=state.seq, window_seconds=int(policy.edit_window.total_seconds())
        )
    if expected_version is not None and expected_version != state.version:
        raise VersionConflict(expected_version=expected_version, current_version=state.version)
    if state.version >= MAX_EDITS:
        raise TooManyEdits(limit=MAX_EDITS)


def check_recall(
    log_state: LogState,
    state: MessageState,
    *,
    person_id: str,
    member: Member | None,
    policy: Policy,
    now: datetime,
) -> None:
    """Refuse a recall that is not allowed (MSG-12).

    The sender may recall within the tenant's window, a group administrator within a longer one.

    Raises:
        NotYourMessage: a plain member tried to recall another sender's message.
        RecallWindowClosed: too late.
    """
    age = now - state.posted_at
    manages = (
        member is not None
        and member.role >= Role.ADMIN
        and log_state.conversation.kind is Kind.GROUP
        and age <= policy.admin_recall_window
    )
    if manages:
        return
    if state.sender_id != person_id or state.system:
        raise NotYourMessage(seq=state.seq)
    if age > policy.recall_window:
        raise RecallWindowClosed(
            seq=state.seq, window_seconds=int(policy.recall_window.total_seconds())
        )


def added_mentions(state: MessageState, new_message: NewMessage) -> Added:
    """Return the addressees that an edit adds: only they are notified of it (MSG-11)."""
    return Added(
        person_ids=tuple(each for each in new_message.mentions if each not in state.mentions),
        everybody=new_message.mention_all and not state.mention_all,
        department_ids=tuple(
            each for each in new_message.department_ids if each not in state.department_ids
        ),
    )


def check_addressing(log_state: LogState, added: Added, *, person_id: str) -> None:
    """Refuse an edit that addresses more than its sender might (MSG-13).

    Raises:
        MentionAllDenied, MentionDepartmentDenied: a plain member.
    """
    if log_state.members[person_id].role >= Role.ADMIN:
        return
    if added.everybody:
        raise MentionAllDenied(conversation_id=log_state.conversation.id)
    if added.department_ids:
        raise MentionDepartmentDenied(conversation_id=log_state.conversation.id)


def reacted(
    reactions: Sequence[Reaction], *, emoji: str, person_id: str, remove: bool
) -> tuple[Reaction, ...]:
    """Return the reactions after adding or removing one person's emoji; a set (MSG-16).

    Emoji are in the order of their first reaction, people in the order of theirs. `emoji` is in its
    canonical form; reactions stored in other forms are merged with it.

    Raises:
        TooManyReactions: the message has 50 different emoji or 1,000 reactions.
    """
    current = {reaction.emoji: reaction for reaction in merged_reactions(reactions)}
    people = current[emoji].person_ids if emoji in current else ()
    if (person_id in people) is not remove:
        return tuple(reactions)
    if remove:
        current[emoji] = Reaction(emoji, tuple(each for each in people if each != person_id))
    else:
        if emoji not in current and len(current) >= MAX_EMOJI:
            raise TooManyReactions(limit=MAX_EMOJI)
        if sum(len(reaction.person_ids) for reaction in reactions) >= MAX_REACTIONS:
            raise TooManyReactions(limit=MAX_REACTIONS)
        current[emoji] = Reaction(emoji, (*people, person_id))
    return tuple(reaction for reaction in current.values() if reaction.person_ids)


def merged_reactions(reactions: Iterable[Reaction]) -> tuple[Reaction, ...]:
    """Return reactions with one entry for each emoji in its canonical form, each person once."""
    people: dict[str, dict[str, None]] = {}
    for reaction in reactions:
        found = people.setdefault(canonical_emoji(reaction.emoji), {})
        found.update(dict.fromkeys(reaction.person_ids))
    return tuple(Reaction(emoji, tuple(ids)) for emoji, ids in people.items())


def check_emoji(emoji: str) -> str:
    """Return an emoji in its canonical form; a custom one stays a short code without colons.

    Raises:
        InvalidArgument: empty, too long, or with blanks or control characters.
    """
    normal = canonical_emoji(emoji)
    if not 0 < len(normal) <= EMOJI_LENGTH or not _is_word(normal):
        problem = f"takes a shortcode or an emoji of at most {EMOJI_LENGTH} characters"
        raise InvalidArgument(field="emoji", problem=problem)
    return normal


def labelled(state: MessageState, *, add: Sequence[str], remove: Sequence[str]) -> tuple[str, ...]:
    """Return the labels after adding some and removing some, in alphabetical order.

    Raises:
        InvalidArgument: one is empty or longer than 50 characters.
        TooManyLabels: more than 20 would be on the message.
    """
    wanted = {_label(word) for word in add}
    unwanted = {_label(word) for word in remove}
    labels = tuple(sorted((set(state.labels) | wanted) - unwanted))
    if len(labels) > MAX_LABELS:
        raise TooManyLabels(limit=MAX_LABELS)
    return labels


def _label(word: str) -> str:
    return clean_name(word, field="labels", max_chars=LABEL_LENGTH)


def _is_word(text: str) -> bool:
    """Return whether it has no blank or invisible character except the joiners used by emoji."""
    return all(
        (char.isprintable() and not char.isspace()) or char in "\u200d\ufe0f" for char in text
    )
