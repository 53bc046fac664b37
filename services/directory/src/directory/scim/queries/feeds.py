"""Query of the feed's status."""

from datetime import datetime

from directory.scim.domain.guard import APPROVE, MAX_WAITING_SHOWN, Feed, FeedRules
from directory.scim.store import Store
from directory.shared.domain.actors import Actor


async def get_feed_status(store: Store, *, actor: Actor, rules: FeedRules, now: datetime) -> Feed:
    """Return the feed's status.

    Raises:
        PermissionMissing: the actor may not resolve the feed.
    """
    await store.grants.holding_everywhere(actor, APPROVE, now=now)
    tenant_id = actor.tenant_id
    deactivated = await store.feeds.count(tenant_id, now=now)
    active = await store.people.count_active_humans(tenant_id=tenant_id)
    return Feed(
        deactivated=deactivated,
        allowed=rules.bounds.allowed(active=active, deactivated=deactivated),
        waiting=await store.feeds.list_waiting(tenant_id, limit=MAX_WAITING_SHOWN),
        waiting_count=await store.feeds.count_waiting(tenant_id),
        refused=await store.feeds.list_refused(tenant_id),
        ignored=await store.feeds.list_ignored(tenant_id),
    )
