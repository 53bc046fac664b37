"""Members of a conversation, and people who share one (GW-2)."""

from collections.abc import Sequence

from plexuskit.grpc import Actor
from plexuskit.paging import PageBudget

from messaging.conversations.queries.seats import confirm, seat
from messaging.conversations.store.stores import Store
from messaging.log.domain.states import Member


async def list_members(
    store: Store, *, actor: Actor, conversation_id: str, after: str, limit: int
) -> tuple[list[Member], bool]:
    """List current members in order of person id, and return whether more follow.

    Raises:
        ConversationNotFound: see seat.
    """
    place = await seat(store, actor=actor, conversation_id=conversation_id)
    members, more = await store.conversations.list_members(
        conversation_id, after=after, budget=PageBudget(items=limit)
    )
    await confirm(store, place, through=max((each.version for each in members), default=0))
    return members, more


async def acquainted(store: Store, *, actor: Actor, person_ids: Sequence[str]) -> list[str]:
    """Return the people with whom the caller shares a conversation now, in the order given.

    Takes two reads for any number of people. The caller is always included.
    """
    if not person_ids:
        return []
    mine = await store.conversations.conversation_ids(actor.person_id)
    shared = await store.conversations.people_in(mine, person_ids=person_ids)
    shared.add(actor.person_id)
    return [person_id for person_id in person_ids if person_id in shared]
