"""Storage and queries of the feed's records."""

from datetime import datetime

from plexuskit.mongo import Database, Transaction

from directory.people.store import Store as PeopleStore
from directory.scim.domain.guard import WINDOW, Bounds
from directory.scim.store.feeds import Feeds
from directory.scim.store.filters import query_of
from directory.scim.store.records import Page, Records
from directory.shared.domain.ids import TenantId

__all__ = ["Page", "Store", "query_of"]


class Store(PeopleStore):
    """The database with the records of the feed, which follow every change of people."""

    def __init__(self, db: Database) -> None:
        self.scim = Records(db)
        super().__init__(db, followers=[self.scim])
        self.feeds = Feeds(db)

    async def deactivations(
        self, tenant_id: TenantId, *, bounds: Bounds, now: datetime, tx: Transaction | None = None
    ) -> tuple[int, int]:
        """Count how many people the feed has deactivated in 24 hours; and how many it may."""
        active = await self.people.count_active_humans(
            tenant_id=tenant_id, since=now - WINDOW, tx=tx
        )
        established = await self.feeds.count_established(tenant_id, now=now, tx=tx)
        allowed = bounds.allowed(active=active, deactivated=established)
        return await self.feeds.count(tenant_id, now=now, tx=tx), allowed

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.scim.provision()
        await self.feeds.provision()
