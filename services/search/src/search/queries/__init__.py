"""Reads: one function per RPC verb."""

from search.queries.owners import Access, Answer, Owner, Reader, Reference
from search.queries.permits import Permits
from search.queries.search import SearchPage, SearchRequest, search
from search.queries.status import Freshness, Status, get_search_status

__all__ = [
    "Access",
    "Answer",
    "Freshness",
    "Owner",
    "Permits",
    "Reader",
    "Reference",
    "SearchPage",
    "SearchRequest",
    "Status",
    "get_search_status",
    "search",
]
