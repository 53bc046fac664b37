"""The texts of found documents, and the matches in them.

Both are read after the search, for the hits of one page alone. Texts are bounded by bytes. Matches
are marked in the beginning of a text only, with a deadline of their own: a page whose texts take
too long to mark is answered without marks, so that no text can make a search fail.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from opensearchpy import AsyncOpenSearch
from prometheus_client import Counter

from search.domain import highlights
from search.domain.documents import MATCH_BEGINS, MATCH_ENDS, TAG_BEGINS, TAG_ENDS
from search.domain.query import Query
from search.store.analysis import MARKED
from search.store.client import IndexUnreachable, hits_of
from search.store.mappings import FIELDS
from search.store.matching import marking

MAX_MARKED_CHARS: Final = 8_000
"""Characters at the beginning of a text that are analysed again to mark matches."""

MARKING_SECONDS: Final = 1.0
"""Longest time that the marks of one page may take."""

# Share of the remaining time of a search; the rest is for the network and other work.
_MARKING_SHARE: Final = 0.5
_FRAGMENT: Final = 120
_SHOWN: Final = (
    *("type", "id", "version", "containers", "author_id", "at", "title", "text"),
    *("conversation_id", "seq"),
)

UNMARKED = Counter(
    "search_unmarked_pages_total", "Pages of hits whose matches could not be marked in time."
)
log = structlog.get_logger()

Ids = Sequence[str]
Contents = Mapping[str, Mapping[str, Any]]
"""Stored sources by document id."""

Marks = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Marked fragments by document id and part of the document."""


async def texts(
    client: AsyncOpenSearch,
    index: str,
    ids: Ids,
    *,
    filters: Sequence[Mapping[str, Any]],
    timeout_seconds: float,
) -> Contents:
    """Return the sources of documents; those that the filters exclude by now are absent.

    Raises:
        IndexUnreachable: OpenSearch does not answer in time.
    """
    body = _of(ids, filters) | {"_source": list(_SHOWN)}
    read = await hits_of(client, index, body, doing="read", timeout_seconds=timeout_seconds)
    return {hit["_id"]: hit["_source"] for hit in read["hits"]}


async def marks(
    client: AsyncOpenSearch,
    index: str,
    ids: Ids,
    *,
    query: Query,
    filters: Sequence[Mapping[str, Any]],
    until: float,
) -> Marks:
    """Return the fragments of documents around matches; none when marking takes too long.

    Args:
        client: the connection.
        index: indexes or aliases, separated by commas.
        ids: of the documents.
        query: the query whose matches are marked.
        filters: of the search.
        until: time of the event loop at which the whole search ends.
    """
    left = (until - asyncio.get_running_loop().time()) * _MARKING_SHARE
    allowed = min(left, MARKING_SECONDS)
    body = _of(ids, filters) | {"_source": False, "highlight": _highlight(query)}
    try:
        async with asyncio.timeout(max(allowed, 0)):
            read = await hits_of(
                client, index, body, doing="read", timeout_seconds=max(allowed, 0.001)
            )
    except (TimeoutError, IndexUnreachable) as slow:
        UNMARKED.inc()
        log.warning("search.unmarked", cause=type(slow).__name__, hits=len(ids))
        return {}
    return {hit["_id"]: _fragments(hit.get("highlight", {})) for hit in read["hits"]}


def _of(ids: Ids, filters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    chosen = {"ids": {"values": list(ids)}}
    return {
        "size": len(ids),
        "track_total_hits": False,
        "query": {"bool": {"filter": [chosen, *filters]}},
    }


def _highlight(query: Query) -> dict[str, Any]:
    """Mark matches in the analyses that can show every match: pairs and parts.

    The unified type marks by the stored offsets of all matches in a text, 30,000 in a large one;
    the plain type analyses the text again and ends at the offset.
    """
    whole = {"number_of_fragments": 0}
    parts = {"number_of_fragments": highlights.MAX_HIGHLIGHTS, "fragment_size": _FRAGMENT}
    return {
        "type": "plain",
        "max_analyzer_offset": MAX_MARKED_CHARS,
        "pre_tags": [TAG_BEGINS],
        "post_tags": [TAG_ENDS],
        "order": "score",
        "require_field_match": True,
        "highlight_query": marking(query),
        "fields": {
            f"{field}.{way}": parts if field == "text" else whole
            for field in FIELDS
            for way in MARKED
        },
    }


def _fragments(marked: Mapping[str, Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    return {
        field: tuple(
            highlights.choose([with_marks(marked.get(f"{field}.{way}", ())) for way in MARKED])
        )
        for field in FIELDS
    }


def with_marks(fragments: Sequence[str]) -> list[str]:
    """Replace the tags by the contract's marks."""
    return [
        fragment.replace(TAG_BEGINS, MATCH_BEGINS).replace(TAG_ENDS, MATCH_ENDS)
        for fragment in fragments
    ]
