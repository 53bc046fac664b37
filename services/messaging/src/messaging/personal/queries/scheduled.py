"""Scheduled messages of a person."""

from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.personal.domain.scheduled import Scheduled
from messaging.personal.store.scheduled import Place
from messaging.personal.store.stores import Store


async def list_scheduled_messages(
    store: Store, *, actor: Actor, after: Place | None, include_ended: bool, limit: int
) -> tuple[list[Scheduled], bool]:
    """List the caller's scheduled messages: those needing a decision, the next ones, ended ones.

    Also return whether more follow.
    """
    return await store.scheduled.page(
        actor.person_id,
        after=after,
        include_ended=include_ended,
        budget=PageBudget(items=limit),
    )
