"""Switching modules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access import events
from directory.access.domain import modules
from directory.access.domain.modules import Module
from directory.access.store import Store
from directory.shared.domain.actors import Actor

log = structlog.get_logger()

MANAGE: Final = "modules.manage"


async def set_module(
    store: Store,
    *,
    actor: Actor,
    name: str,
    enabled: bool,
    except_department_ids: Sequence[str],
    request: Request | None,
    now: datetime,
) -> Module:
    """Switch a module for the tenant, with the opposite setting for some departments.

    Raises:
        PermissionMissing: the actor may not manage modules.
        ModuleUnknown: there is none of that name.
        DepartmentNotFound: an exception is unknown.
        InvalidArgument: there are more than 1,000 exceptions.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Module:
        grants = await store.grants.of_actor(actor, now=now, tx=tx)
        grants.require_everywhere(MANAGE)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.modules.get(answered["name"], tenant_id=actor.tenant_id, tx=tx)
        previous = await store.modules.get(name, tenant_id=actor.tenant_id, tx=tx)
        after = modules.switch(
            previous, enabled=enabled, except_department_ids=except_department_ids
        )
        await store.requests.record(request, {"name": after.name}, now=now, tx=tx)
        await store.places.check_departments(
            after.except_department_ids, tenant_id=actor.tenant_id, tx=tx
        )
        if after is not previous:
            await store.modules.save(after, tx=tx)
            fact = events.module_changed(after, actor_id=actor.person_id, now=now)
            await store.outbox.add(fact, tx=tx)
        return after

    module = await store.transact(work)
    log.info("module.switched", module=module.name, enabled=module.enabled, by=actor.person_id)
    return module
