"""Who may know of whom: people who share a conversation (GW-2)."""

from collections.abc import Sequence

from plexuskit.grpc import Actor

from messaging.store import Store


async def acquainted(store: Store, *, actor: Actor, person_ids: Sequence[str]) -> list[str]:
    """Give those of the people with whom the caller shares a conversation now, in the order given.

    Two reads, whatever their number. The caller is always among those who are known to the caller.
    """
    if not person_ids:
        return []
    mine = await store.conversations.conversation_ids(actor.person_id)
    shared = await store.conversations.people_in(mine, person_ids=person_ids)
    shared.add(actor.person_id)
    return [person_id for person_id in person_ids if person_id in shared]
