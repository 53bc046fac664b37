"""Recording the attributes that a feed sends and no schema here declares (INT-1)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from directory.scim.domain.guard import Ignored
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import TenantId

# A request has more only if its names are made up.
MAX_OF_REQUEST: Final = 100
_AGAIN_AFTER: Final = timedelta(days=1)
_MAX_REMEMBERED: Final = 10_000

log = structlog.get_logger()

Key = tuple[TenantId, str, str]


class IgnoredAttributes:
    """The attributes that feeds send in vain; each is written once a day by each process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[Key, datetime] = {}

    async def record(
        self, attributes: Sequence[str], *, resource: str, actor: Actor, now: datetime
    ) -> None:
        """Record attributes of a type of resource, for example of `User`.

        Call it before the request changes anything: a request that fails here can be repeated.
        """
        fresh = {
            key: name
            for name in attributes[:MAX_OF_REQUEST]
            if self._is_due(key := (actor.tenant_id, resource, name.lower()), now=now)
        }
        if not fresh:
            return
        await self._store.feeds.ignore(
            [
                Ignored(resource=resource, attribute=name, last_sent_at=now)
                for name in fresh.values()
            ],
            tenant_id=actor.tenant_id,
        )
        if len(self._written) + len(fresh) > _MAX_REMEMBERED:
            self._written.clear()
        self._written.update(dict.fromkeys(fresh, now))
        log.info("feed.attributes_ignored", resource=resource, count=len(fresh), by=actor.person_id)

    def _is_due(self, key: Key, *, now: datetime) -> bool:
        written = self._written.get(key)
        return written is None or now - written >= _AGAIN_AFTER
