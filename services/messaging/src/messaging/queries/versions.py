"""Every version of a message, and what is pinned (MSG-11, MSG-16)."""

from datetime import datetime

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messaging_service_pb2 import MessageVersion
from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.domain.refusals import MessageNotFound
from messaging.queries.quotes import fill_quotes
from messaging.queries.seats import seat
from messaging.store import Store
from messaging.store.entries import message_of
from messaging.store.history import entry_size
from messaging.store.message_state import message_in


async def list_versions(
    store: Store, *, actor: Actor, conversation_id: str, seq: int, after: int, limit: int
) -> tuple[list[MessageVersion], int]:
    """Read the versions of a message, oldest first; without content once it is recalled.

    Args:
        store: the service's database.
        actor: a member.
        conversation_id: which conversation.
        seq: number of the message.
        after: change_no at which the last page ended; 0 begins with the version that was posted.
        limit: how many at most, within the bytes of a page.

    Returns:
        The versions, and the change_no to go on after; 0 when these were the last.

    Raises:
        ConversationNotFound: see seat.
        MessageNotFound: no such message that the caller may see.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    posted = await store.entries.find_entry(conversation_id, seq)
    if posted is None or not place.sees(seq):
        raise MessageNotFound(conversation_id=conversation_id)
    budget = PageBudget(items=limit)
    page = []
    if after < posted["change_no"]:
        budget.takes(entry_size(posted))
        page.append(posted)
    edits, more = await store.history.list_edits(conversation_id, seq, after=after, budget=budget)
    page += edits
    versions = [_version(message_in(bytes(entry["event"]))) for entry in page]
    return versions, page[-1]["change_no"] if more else 0


async def list_pins(
    store: Store,
    *,
    actor: Actor,
    conversation_id: str,
    before: tuple[datetime, int] | None,
    limit: int,
) -> tuple[list[messages_pb2.Message], tuple[datetime, int] | None]:
    """Read the pinned messages that the caller may see, newest pin first (MSG-14).

    Args:
        store: the service's database.
        actor: a member.
        conversation_id: which conversation.
        before: (pinned_at, seq) at which the last page ended.
        limit: how many at most, within the bytes of a page; fewer where some may not be seen.

    Returns:
        The messages, and where the page ended when more follow.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    page, more = await store.history.list_pinned(
        conversation_id, before=before, budget=PageBudget(items=limit)
    )
    visible = [message_of(entry) for entry in page if place.sees(entry["seq"])]
    await fill_quotes(store, place, visible)
    return visible, (page[-1]["pinned_at"], page[-1]["seq"]) if more else None


def _version(message: messages_pb2.Message) -> MessageVersion:
    return MessageVersion(
        version=message.version,
        text=message.text,
        spans=message.spans,
        attachments=message.attachments,
        at=message.edited_at if message.version else message.posted_at,
    )
