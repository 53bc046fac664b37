"""Storage and queries of the feed's records."""

from plexuskit.mongo import Database

from directory.people.store import Store as PeopleStore
from directory.scim.store.feeds import Feeds
from directory.scim.store.filters import query_of
from directory.scim.store.records import Page, Records

__all__ = ["Page", "Store", "query_of"]


class Store(PeopleStore):
    """The database with the records of the feed, which follow every change of people."""

    def __init__(self, db: Database) -> None:
        self.scim = Records(db)
        super().__init__(db, followers=[self.scim])
        self.feeds = Feeds(db)

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.scim.provision()
        await self.feeds.provision()
