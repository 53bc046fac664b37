"""Decisions on a message that is about to be posted (MSG-1, MSG-14, MSG-15)."""

from typing import NamedTuple

from messaging.conversations.domain.refusals import ConversationIsArchived
from messaging.log.domain.entries import LogState
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Role, sees
from messaging.messages.domain.messages import NewMessage
from messaging.messages.domain.refusals import (
    MentionAllDenied,
    MentionDepartmentDenied,
    QuotedNotFound,
    RootNotFound,
)


class MessageRef(NamedTuple):
    """An earlier message, as far as one that answers to it or quotes it needs it."""

    seq: int
    root_seq: int
    message_id: str
    sender_id: str


def check_post(log_state: LogState, new_message: NewMessage) -> None:
    """Refuse a message that its sender may not post now.

    Imports are the administrator's word (MSG-19).

    Raises:
        ConversationNotFound: the sender is no member (GW-2).
        ConversationIsArchived: it accepts no more messages.
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
    """Return the thread of a reply: the root of the message it answers (MSG-15).

    Raises:
        RootNotFound: it is not there, or the sender may not see it.
    """
    if ref is None or not _visible(log_state, new_message, seq=ref.seq):
        raise RootNotFound(seq=new_message.reply_to_seq)
    return ref.root_seq or ref.seq


def check_quote(
    log_state: LogState, new_message: NewMessage, *, ref: MessageRef | None
) -> MessageRef:
    """Return the message that a draft quotes.

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
    """Return the mentioned people who are not members: they receive nothing (MSG-13)."""
    return tuple(person for person in new_message.mentions if person not in log_state.members)
