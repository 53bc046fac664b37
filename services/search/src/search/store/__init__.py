"""The index: the only place that knows OpenSearch."""

from search.store.client import IndexUnreachable, connect
from search.store.reading import Filters, Found, FoundPage
from search.store.rebuilding import RebuildIncomplete, RebuildUnderWay
from search.store.store import Store
from search.store.writing import Rejected

__all__ = [
    "Filters",
    "Found",
    "FoundPage",
    "IndexUnreachable",
    "RebuildIncomplete",
    "RebuildUnderWay",
    "Rejected",
    "Store",
    "connect",
]
