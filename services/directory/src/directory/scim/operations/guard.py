"""The guard inside the transaction of a deactivation: it happens and counts, or waits (INT-1)."""

from datetime import datetime
from typing import Final

import structlog
from plexuskit.mongo import Transaction

from directory.people.domain.people import Person
from directory.scim import events
from directory.scim.domain import guard
from directory.scim.domain.guard import APPROVE, Bounds, Stop, Waiting
from directory.scim.store import Store
from directory.shared.domain.actors import Actor

MAX_NOTIFIED: Final = 100

log = structlog.get_logger()


async def admit(
    store: Store,
    person: Person,
    *,
    remove: bool,
    bounds: Bounds,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> bool:
    """Decide about one deactivation of an active person; True: proceed, it is counted.

    The share is one of those who were active when the window began: people whom the feed
    made or let back in since then do not let it deactivate more.

    False: the person waits, and nothing else of the request may be written. The first person to
    wait stops the feed: one fact notifies those who may resolve it, however many wait after that.
    """
    tenant_id = actor.tenant_id
    # First, so that a concurrent decision comes after this one or is retried.
    await store.feeds.serialise(tenant_id, tx=tx)
    deactivated, allowed = await store.deactivations(tenant_id, bounds=bounds, now=now, tx=tx)
    waiting = await store.feeds.waits(tenant_id, tx=tx)
    if guard.passes(deactivated=deactivated, allowed=allowed, waiting=waiting):
        await store.feeds.note(
            person.id, tenant_id=tenant_id, active_since=person.active_since, at=now, tx=tx
        )
        return True
    await store.feeds.hold(
        Waiting(person_id=person.id, remove=remove, since=now), tenant_id=tenant_id, tx=tx
    )
    if not waiting:
        await _report_stop(
            store, allowed=allowed, deactivated=deactivated, actor=actor, now=now, tx=tx
        )
    return False


async def _report_stop(
    store: Store,
    *,
    allowed: int,
    deactivated: int,
    actor: Actor,
    now: datetime,
    tx: Transaction,
) -> None:
    """Publish that the feed stopped, to the people who may resolve it at this moment."""
    tenant_id = actor.tenant_id
    stop = Stop(
        tenant_id=tenant_id,
        version=await store.feeds.count_stop(tenant_id, tx=tx),
        administrator_ids=await store.holders.everywhere(
            APPROVE, tenant_id=tenant_id, now=now, limit=MAX_NOTIFIED, tx=tx
        ),
        allowed=allowed,
        deactivated=deactivated,
        at=now,
    )
    await store.outbox.add(events.feed_stopped(stop, actor_id=actor.person_id), tx=tx)


def stopped(actor: Actor) -> guard.DeactivationWaits:
    """Log, once the transaction is over, that a person waits; out: the refusal to raise."""
    log.warning("feed.stopped", tenant_id=actor.tenant_id, by=actor.person_id)
    return guard.DeactivationWaits()
