"""The guard inside the transaction of a deactivation: it happens and counts, or waits (INT-1)."""

from datetime import datetime

import structlog
from plexuskit.mongo import Transaction

from directory.domain.access import Actor
from directory.domain.ids import PersonId
from directory.domain.scim import guard
from directory.domain.scim.guard import Bounds, Waiting
from directory.store import Store

log = structlog.get_logger()


async def admit(
    store: Store,
    person_id: PersonId,
    *,
    remove: bool,
    bounds: Bounds,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> bool:
    """Decide about one deactivation of an active person; True: go on, it is counted.

    False: the person waits, and nothing else of the request may be written.
    """
    tenant_id = actor.tenant_id
    # First, so that whoever decides at the same time decides after this or again.
    await store.feeds.serialise(tenant_id, tx=tx)
    deactivated = await store.feeds.count(tenant_id, now=now, tx=tx)
    active = await store.people.count_active_humans(tenant_id=tenant_id, tx=tx)
    if guard.passes(
        deactivated=deactivated,
        allowed=bounds.allowed(active=active, deactivated=deactivated),
        waiting=await store.feeds.waits(tenant_id, tx=tx),
    ):
        await store.feeds.note(person_id, tenant_id=tenant_id, at=now, tx=tx)
        return True
    await store.feeds.hold(
        Waiting(person_id=person_id, remove=remove, since=now), tenant_id=tenant_id, tx=tx
    )
    return False


def stopped(actor: Actor) -> guard.DeactivationWaits:
    """Say, once the transaction is over, that somebody waits; out: the refusal to raise."""
    log.warning("feed.stopped", tenant_id=actor.tenant_id, by=actor.person_id)
    return guard.DeactivationWaits()
