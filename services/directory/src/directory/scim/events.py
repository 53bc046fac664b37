"""Facts about the HR feed."""

from plexus.directory.v1 import events_pb2
from plexuskit.outbox import Fact
from plexuskit.timestamps import timestamp

from directory.access.events import of_access
from directory.scim.domain.guard import Stop


def feed_stopped(stop: Stop, *, actor_id: str) -> Fact:
    """Return the fact that the HR feed stopped; not state, so no snapshot repeats it."""
    fact = events_pb2.FeedStopped(
        administrator_ids=stop.administrator_ids,
        allowed=stop.allowed,
        deactivated=stop.deactivated,
        stopped_at=timestamp(stop.at),
    )
    return of_access(
        fact,
        stop.key,
        tenant_id=stop.tenant_id,
        version=stop.version,
        actor_id=actor_id,
        now=stop.at,
    )
