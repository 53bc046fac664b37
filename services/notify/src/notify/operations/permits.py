"""Roles, policies and columns on the text of a notification (GW-3, GW-9, GW-10)."""

from dataclasses import replace
from typing import Final

from plexus_access.decisions import Asker, Decisions, Need
from plexus_access.notices import hidden_words
from plexus_access.objects import CONVERSATION, TASK, Object
from plexus_access.roles import GUEST

from notify.domain.kinds import CONVERSATION as CONVERSATION_SOURCE
from notify.domain.kinds import MESSAGE
from notify.domain.kinds import TASK as TASK_SOURCE
from notify.domain.notifications import Notification

READ: Final = "notifications.read"
_MESSAGES: Final = "messages.read"
_CONVERSATIONS: Final = "conversations.read"
_TASKS: Final = "tasks.read"


def shows_content(decisions: Decisions, asker: Asker, notification: Notification) -> bool:
    """Return whether title and text may be shown to this asker.

    They contain text of a message or of a task, so policies on reading those decide, and a token
    also needs the permission to read those (GW-9).

    Raises:
        AccessNotCurrent: roles and policies are not known; nothing is guessed.
    """
    return decisions.allows(asker, _needs(notification))


def shown(
    decisions: Decisions, asker: Asker, notification: Notification, *, locale: str
) -> Notification:
    """Return a notification reduced to the parts that the asker may read.

    If its text may not be read, a neutral title replaces its own, and the text is left out; the
    same applies to a title or text that contains a hidden column (GW-3).

    Args:
        decisions: decisions on roles, policies and columns.
        asker: the person, and their means of sign-in.
        notification: the person's notification.
        locale: the language of the person, as a BCP 47 tag.

    Raises:
        AccessNotCurrent: roles and policies are not known; nothing is guessed.
    """
    hidden = notification.kind.hidden
    if hidden is None:  # the kind has no content of a user
        return notification
    hides_title = hides_body = not shows_content(decisions, asker, notification)
    if not hides_title:
        hides_title, hides_body = _hidden(decisions, asker, notification)
    if hides_title:
        notification = replace(notification, title=hidden.to(locale))
    return replace(notification, body="") if hides_body else notification


def carries_content(decisions: Decisions, asker: Asker, notification: Notification) -> bool:
    """Return whether a mail may have title and text; refusals as for `shows_content`."""
    return shows_content(decisions, asker, notification) and not any(
        _hidden(decisions, asker, notification)
    )


def _hidden(decisions: Decisions, asker: Asker, notification: Notification) -> tuple[bool, bool]:
    permission, object_ = _needs(notification)[-1]
    masks = decisions.masks(asker, permission, object_)
    return hidden_words(notification.source.kind, masks)


def outside(notification: Notification) -> Asker:
    """Return the asker of a mail: it is read without a session, so without a second factor.

    Recipients of mails are active, and every active person is at least a guest.
    """
    return Asker(
        tenant_id=notification.tenant_id,
        person_id=notification.person_id,
        roles=frozenset({GUEST}),
    )


def _needs(notification: Notification) -> list[Need]:
    source = notification.source
    needs: list[Need] = [(READ, None)]
    if source.kind == MESSAGE:
        needs.append((_MESSAGES, Object(CONVERSATION, source.conversation_id)))
    elif source.kind == CONVERSATION_SOURCE:
        needs.append((_CONVERSATIONS, Object(CONVERSATION, source.id)))
    elif source.kind == TASK_SOURCE:
        needs.append((_TASKS, Object(TASK, source.id)))
    return needs
