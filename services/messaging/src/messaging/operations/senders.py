"""Senders of imported messages: people of the tenant (MSG-19, GW-11)."""

from collections.abc import Collection

from plexuskit.grpc import Actor

from messaging.operations.people import People
from messaging.store import Store


async def strangers(
    store: Store, people: People, person_ids: Collection[str], *, actor: Actor
) -> set[str]:
    """Return those of the ids that are nobody of the tenant, active or not.

    Exports name only the present members of a channel, so a sender need not be a member. Directory
    is asked about people of whom messaging has not heard yet: the import made them a moment ago.

    Raises:
        DependencyDown: directory cannot be reached; never a guess.
    """
    if not person_ids:
        return set()
    heard_of = await store.people.find(set(person_ids))
    foreign = {id_ for id_, each in heard_of.items() if each.tenant_id != actor.tenant_id}
    new = sorted(set(person_ids) - heard_of.keys())
    if not new:
        return foreign
    unknown = await people.unknown(
        tenant_id=actor.tenant_id, asker_id=actor.person_id, person_ids=new
    )
    return foreign | set(unknown)
