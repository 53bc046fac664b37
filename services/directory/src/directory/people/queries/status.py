"""Figures of a tenant."""

from dataclasses import dataclass
from datetime import datetime

from directory.people.store import Store
from directory.shared.domain.actors import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryStatus:
    """Number of humans (active or not), departments and open sessions."""

    people: int
    departments: int
    sessions: int


async def get_directory_status(store: Store, *, actor: Actor, now: datetime) -> DirectoryStatus:
    """Count what the caller's tenant has.

    Raises:
        PermissionMissing: the actor may not read the status.
    """
    await store.grants.holding_everywhere(actor, "status.read", now=now)
    return DirectoryStatus(
        people=await store.people.count_humans(tenant_id=actor.tenant_id),
        departments=await store.departments.count(tenant_id=actor.tenant_id),
        sessions=await store.sessions.count_alive(tenant_id=actor.tenant_id, now=now),
    )
