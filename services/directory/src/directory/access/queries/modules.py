"""Reading modules."""

from directory.access.domain.modules import Module
from directory.access.store import Store
from directory.shared.domain.actors import Actor, require


async def list_modules(store: Store, *, actor: Actor) -> tuple[list[Module], list[str]]:
    """List every module; out: them by name, and the names of those that are on for the actor.

    Raises:
        PermissionMissing: the actor may not read modules.
    """
    require(actor, "modules.read")
    modules = await store.modules.list_all(tenant_id=actor.tenant_id)
    departments = await store.places.departments_of(actor.person_id, tenant_id=actor.tenant_id)
    return modules, [module.name for module in modules if module.is_on(departments)]
