"""Roles and policies on the text of a notification (GW-10)."""

from typing import Final

from plexus_access.decisions import Asker, Decisions, Need
from plexus_access.objects import CONVERSATION, TASK, Object
from plexus_access.roles import GUEST

from notify.domain.kinds import MESSAGE
from notify.domain.kinds import TASK as TASK_SOURCE
from notify.domain.notifications import Notification

READ: Final = "notifications.read"
_MESSAGES: Final = "messages.read"
_TASKS: Final = "tasks.read"


def shows_content(decisions: Decisions, asker: Asker, notification: Notification) -> bool:
    """Return whether the text may be shown to a person who asks in this way.

    The words of a message or of a task are in it, so the policies on reading those decide. The
    scopes of a token are about notifications only, which their own permission has decided.

    Raises:
        AccessNotCurrent: roles and policies are not known; nothing is guessed.
    """
    return decisions.allows(asker._replace(scopes=frozenset()), _needs(notification))


def outside(notification: Notification) -> Asker:
    """Return how a mail asks: it is read without a session, so without a second factor.

    Who gets mails is active, and everybody holds what guests do.
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
    elif source.kind == TASK_SOURCE:
        needs.append((_TASKS, Object(TASK, source.id)))
    return needs
