"""Storage of a feed's refusals for missing grants, so that an administrator sees them (GW-11)."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

import structlog

from directory.access.domain.refusals import GrantExceedsOwn
from directory.scim.domain.guard import Refused
from directory.scim.store import Store
from directory.shared.domain.actors import Actor

T = TypeVar("T")

log = structlog.get_logger()


async def refusing(
    store: Store, request: Awaitable[T], *, about: str, actor: Actor, now: datetime
) -> T:
    """Await a request of the feed; store its refusal for missing grants, or clear an earlier one.

    In: the person or group: an id, or the userName or display name of a new one.

    Raises the errors of the request.
    """
    try:
        done = await request
    except GrantExceedsOwn as refusal:
        await store.feeds.refuse(
            [
                Refused(
                    about=about,
                    reason=refusal.reason,
                    permission=refusal.metadata.get("permission", ""),
                    at=now,
                )
            ],
            tenant_id=actor.tenant_id,
        )
        log.warning("feed.exceeds_own", about=about, by=actor.person_id)
        raise
    await store.feeds.forget_refused(about, tenant_id=actor.tenant_id)
    return done
