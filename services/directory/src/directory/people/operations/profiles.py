"""Changing one's own profile."""

from datetime import datetime

from plexuskit.grpc import line_of
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.people.domain import people
from directory.people.domain.people import Changes, Person
from directory.people.operations.changes import change_apart, change_one
from directory.people.store import Store
from directory.shared.domain.actors import Actor, require


async def update_profile(
    store: Store, *, actor: Actor, changes: Changes, request: Request | None, now: datetime
) -> Person:
    """Change a person's own fields: skills, zone, language and working hours.

    Rules of groups read skills and language; zone and hours wait for no change of the organisation.

    Raises:
        PermissionMissing: the actor may not change their profile.
        InvalidArgument: a field is not allowed.
        GroupTooLarge: a group whose rule gives the person now is full.
        RequestIdReused: the request id was used with other content.
    """
    require(actor, "people.update_profile")
    read_by_rules = changes.skills is not None or changes.locale is not None
    save = change_one if read_by_rules else change_apart

    async def work(tx: Transaction) -> Person:
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.people.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.people.get(actor.person_id, tenant_id=actor.tenant_id, tx=tx)
        after = people.change(previous, changes, now=now)
        await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
        await save(store, previous, after, actor_id=actor.person_id, now=now, tx=tx)
        return after

    if read_by_rules:
        return await store.reorganise(
            actor.tenant_id, work, caller=line_of(actor.person_id), own=True
        )
    return await store.change_person(
        actor.tenant_id, actor.person_id, work, caller=line_of(actor.person_id)
    )
