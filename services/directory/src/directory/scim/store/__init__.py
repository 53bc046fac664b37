"""What the feed said, as it is stored and asked for."""

from directory.scim.store.feeds import Feeds
from directory.scim.store.filters import query_of
from directory.scim.store.records import Page, Records

__all__ = ["Feeds", "Page", "Records", "query_of"]
