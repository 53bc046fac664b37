"""Drafts of a person."""

from collections.abc import Callable
from datetime import datetime

from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.personal.domain.drafts import Draft
from messaging.personal.store.stores import Store


async def list_drafts(
    store: Store,
    *,
    actor: Actor,
    before: tuple[datetime, str] | None,
    limit: int,
    may: Callable[[str], bool],
) -> tuple[list[Draft], tuple[datetime, str] | None]:
    """List the caller's drafts in conversations that they are in now, newest first.

    Args:
        store: the service's database.
        actor: the caller.
        before: the end of the last page.
        limit: maximum number examined; fewer are returned if the caller has left conversations.
        may: returns whether policies let the caller write in a conversation (GW-10).

    Returns:
        The drafts, and the end of the page when more follow.
    """
    page, more = await store.drafts.page(
        actor.person_id, before=before, budget=PageBudget(items=limit)
    )
    places = {draft.key.conversation_id for draft in page}
    still_in = await store.conversations.still_in(actor.person_id, places)
    end = (page[-1].written_at, page[-1].key.id) if more else None
    shown = {each for each in still_in if may(each)}
    return [draft for draft in page if draft.key.conversation_id in shown], end
