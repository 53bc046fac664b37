"""Pinned messages that a member may see (MSG-14)."""

from datetime import datetime

from plexus.messaging.v1 import messages_pb2
from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.conversations.queries.seats import seat
from messaging.messages.queries.quotes import complete
from messaging.messages.store.messages import message_of
from messaging.messages.store.stores import Store


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
        conversation_id: the conversation.
        before: (pinned_at, seq) at the end of the last page.
        limit: maximum number, within the bytes of a page; fewer if some are hidden.

    Returns:
        The messages, and the end of the page when more follow.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    page, more = await store.history.list_pinned(
        conversation_id, before=before, budget=PageBudget(items=limit)
    )
    visible = [message_of(entry) for entry in page if place.sees(entry["seq"])]
    await complete(store, place, visible)
    return visible, (page[-1]["pinned_at"], page[-1]["seq"]) if more else None
