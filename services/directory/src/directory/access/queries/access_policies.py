"""Reading attribute policies."""

from datetime import datetime
from typing import Final

from directory.access.domain.access_policies import AccessPolicy
from directory.access.store import Store
from directory.shared.domain.actors import Actor

POLICIES: Final = "policies.read"


async def list_access_policies(store: Store, *, actor: Actor, now: datetime) -> list[AccessPolicy]:
    """List every attribute policy of the tenant by name.

    Raises:
        PermissionMissing: the actor may not read policies.
    """
    await store.grants.holding_everywhere(actor, POLICIES, now=now)
    return await store.policies.list_by_name(tenant_id=actor.tenant_id)
