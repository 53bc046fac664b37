"""Refreshing, ending and revoking sessions."""

from datetime import datetime
from typing import Final

from plexuskit.mongo import Transaction

from directory.people.domain.people import Person
from directory.shared.domain.actors import Actor
from directory.store import Store

SESSIONS: Final = "sessions.manage"


async def person_of_sessions(
    store: Store, person_id: str, *, actor: Actor, now: datetime, tx: Transaction
) -> Person:
    """Load whose sessions an actor is about to change: their own, or somebody's they manage.

    In: "" or the actor's id for themselves.

    Raises:
        PermissionMissing: it is another, and the actor manages sessions nowhere.
        PersonNotFound: there is nobody of that id, or their sessions are not the actor's to manage.
    """
    if person_id in {"", actor.person_id}:
        return await store.people.get(actor.person_id, tenant_id=actor.tenant_id, tx=tx)
    grants = await store.grants.holding(actor, SESSIONS, now=now, tx=tx)
    return await store.places.managed_person(
        grants, person_id, permission=SESSIONS, tenant_id=actor.tenant_id, tx=tx
    )
