"""What the feed said, as it is stored and asked for."""

from directory.store.scim.feed import Feeds
from directory.store.scim.filters import query_of
from directory.store.scim.records import Page, Records

__all__ = ["Feeds", "Page", "Records", "query_of"]
