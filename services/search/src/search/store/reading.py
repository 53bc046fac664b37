"""Finding and counting documents."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from opensearchpy import AsyncOpenSearch

from search.domain.access import Readable
from search.domain.columns import WHOLE, Parts
from search.domain.paging import Place
from search.domain.query import Query
from search.domain.types import DocumentType
from search.store import contents
from search.store.access import access_filter
from search.store.client import IndexUnreachable, hits_of, index_errors
from search.store.documents import instant
from search.store.indices import Names
from search.store.mappings import FIELDS
from search.store.matching import Weighed, matching
from search.store.terms import analyse
from search.store.weights import Weights

MAX_COUNTED: Final = 10_000
NO_MARKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
MAX_PAGE_BYTES: Final = 2 * 1024 * 1024
"""Bytes of one page's texts; a page ends there before it has as many hits as requested."""

# A character of Java's takes at most 3 bytes of UTF-8.
_MAX_CHAR_BYTES: Final = 3
_SIZE: Final = "size"
_SIZE_SCRIPT: Final = {
    "lang": "painless",
    "source": "def s = params['_source'];"
    " return (s.title == null ? 0 : s.title.length()) + (s.text == null ? 0 : s.text.length());",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Filters of hits, independent of the words."""

    tenant_id: str
    types: tuple[DocumentType, ...]
    readable: Readable
    parts: Mapping[DocumentType, Parts] = field(default_factory=lambda: MappingProxyType({}))

    def shown(self, type_: DocumentType) -> Parts:
        """Return the parts of a type that the caller is shown (GW-3)."""
        return self.parts.get(type_, WHOLE)

    @property
    def timed(self) -> bool:
        """Return whether the caller is shown the time of every type: else it sorts nothing."""
        return all(self.shown(each).at for each in self.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A document that matches, as it is in the index without what is hidden from the caller.

    `placed` is true if the position of a message may be shown to the caller.
    """

    type: DocumentType
    id: str
    version: int
    container_id: str
    conversation_id: str
    seq: int
    text: str
    author_id: str
    at: datetime | None
    score: float
    highlights: tuple[str, ...]
    place: Place
    placed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """The best hits after a position, and their total number, exact up to 10,000.

    Attributes:
        total: documents that match.
        found: the hits; fewer than requested if their texts fill a page.
        next_place: start of the next page; None after the last hit.
    """

    total: int
    found: tuple[Found, ...]
    next_place: Place | None


async def search(
    client: AsyncOpenSearch,
    names: Names,
    query: Query,
    *,
    weights: Weights,
    filters: Filters,
    after: Place | None,
    limit: int,
    timeout_seconds: float,
) -> FoundPage:
    """Return the next hits, best first.

    Order and scores depend on the query and on each document alone: documents that the filters
    leave out change nothing in the answer (SRC-1).

    Raises:
        IndexUnreachable: OpenSearch does not answer, or a part of it does not.
    """
    until = asyncio.get_running_loop().time() + timeout_seconds
    try:
        async with asyncio.timeout(timeout_seconds):
            hits = await _ranked(
                client,
                names,
                query,
                weights=weights,
                filters=filters,
                after=after,
                limit=limit,
                timeout_seconds=timeout_seconds,
            )
            page = _within_bytes(hits["hits"])
            found = await _shown(client, names, query, page, filters=filters, until=until)
    except TimeoutError as slow:
        raise IndexUnreachable(doing="search", cause="timeout") from slow
    ended = len(hits["hits"]) < limit and len(page) == len(hits["hits"])
    gone = len(page) - len(found)
    return FoundPage(
        total=max(min(hits["total"]["value"], MAX_COUNTED) - gone, 0),
        found=found,
        next_place=None if ended or not page else _place(page[-1]),
    )


async def _ranked(
    client: AsyncOpenSearch,
    names: Names,
    query: Query,
    *,
    weights: Weights,
    filters: Filters,
    after: Place | None,
    limit: int,
    timeout_seconds: float,
) -> dict[str, Any]:
    """Return the next hits in their order, each with its place and the size of its text."""
    texts = [term.text for term in (*query.required, *query.relaxed)]
    # The analysis is the same in every index.
    any_index = names.read(next(iter(names.kinds)))
    terms = await analyse(client, any_index, texts, timeout_seconds=timeout_seconds)
    weighed = Weighed(terms=dict(zip(texts, terms, strict=True)), weights=weights)
    matched = matching(query, weighed, {each: filters.shown(each) for each in filters.types})
    body: dict[str, Any] = {
        "size": limit,
        "track_total_hits": MAX_COUNTED,
        "track_scores": True,
        "query": {"bool": {"must": [matched], "filter": _filter(filters)}},
        "sort": [
            {"_score": "desc"},
            *([{"at": "desc"}] if filters.timed else []),
            {"id": "asc"},
        ],
        "_source": False,
        "script_fields": {_SIZE: {"script": _SIZE_SCRIPT}},
    }
    if after is not None:
        at = [after.at] if filters.timed else []
        body["search_after"] = [after.score, *at, after.id]
    return await hits_of(
        client, _indices(names, filters), body, doing="search", timeout_seconds=timeout_seconds
    )


def _within_bytes(hits: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first hits whose texts fit a page together, at least one."""
    page: list[dict[str, Any]] = []
    size = 0
    for hit in hits:
        size += hit["fields"][_SIZE][0] * _MAX_CHAR_BYTES
        if page and size > MAX_PAGE_BYTES:
            break
        page.append(hit)
    return page


async def _shown(
    client: AsyncOpenSearch,
    names: Names,
    query: Query,
    page: Sequence[dict[str, Any]],
    *,
    filters: Filters,
    until: float,
) -> tuple[Found, ...]:
    """Read texts and marks of a page; a hit that is not readable by now is left out."""
    if not page:
        return ()
    ids, index, clauses = [hit["_id"] for hit in page], _indices(names, filters), _filter(filters)
    left = until - asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as group:
        marking = group.create_task(
            contents.marks(client, index, ids, query=query, filters=clauses, until=until)
        )
        reading = group.create_task(
            contents.texts(client, index, ids, filters=clauses, timeout_seconds=max(left, 0.001))
        )
    texts, marks = reading.result(), marking.result()
    return tuple(
        _found(
            hit,
            texts[hit["_id"]],
            marks.get(hit["_id"], NO_MARKS),
            type_=names.kinds.named(texts[hit["_id"]]["type"]),
            filters=filters,
        )
        for hit in page
        if hit["_id"] in texts
    )


async def count(
    client: AsyncOpenSearch, names: Names, *, tenant_id: str, timeout_seconds: float
) -> dict[DocumentType, int]:
    """Count the indexed objects of a tenant by type, without tombstones."""
    clauses: list[dict[str, Any]] = [{"term": {"tenant_id": tenant_id}}, {"term": {"gone": False}}]
    lines: list[dict[str, Any]] = []
    types = tuple(names.kinds)
    for type_ in types:
        filters = clauses if type_.counts_silent else [*clauses, {"term": {"silent": False}}]
        lines.append({"index": names.read(type_), "allow_partial_search_results": False})
        query = {"bool": {"filter": filters}}
        lines.append({"size": 0, "track_total_hits": True, "query": query})
    with index_errors("count"):
        answer = await client.msearch(body=lines, request_timeout=timeout_seconds)
    totals = [_total(response) for response in answer["responses"]]
    return dict(zip(types, totals, strict=True))


def _total(response: dict[str, Any]) -> int:
    if "error" in response:
        raise IndexUnreachable(doing="count", cause=response["error"]["type"])
    return int(response["hits"]["total"]["value"])


def _filter(filters: Filters) -> list[dict[str, Any]]:
    return [
        {"term": {"tenant_id": filters.tenant_id}},
        {"term": {"gone": False}},
        {"term": {"silent": False}},
        access_filter(filters.readable),
    ]


def _indices(names: Names, filters: Filters) -> str:
    return ",".join(names.read(type_) for type_ in filters.types)


def _place(hit: Mapping[str, Any]) -> Place:
    score, *at, id_ = hit["sort"]
    return Place(score=float(score), at=int(at[0]) if at else 0, id=id_)


def _found(
    hit: Mapping[str, Any],
    source: Mapping[str, Any],
    marked: Mapping[str, tuple[str, ...]],
    *,
    type_: DocumentType,
    filters: Filters,
) -> Found:
    parts = filters.shown(type_)
    return Found(
        type=type_,
        id=source["id"],
        version=source["version"],
        container_id=source["containers"][0].partition(":")[2],
        conversation_id=source.get("conversation_id", ""),
        seq=source.get("seq", 0),
        text="\n".join(
            source[part] for part in ("title", "text") if part in parts.words and source[part]
        ),
        author_id=source["author_id"] if parts.author else "",
        at=instant(source["at"]) if parts.at else None,
        placed=parts.place,
        score=float(hit["_score"]),
        highlights=tuple(
            fragment for part in FIELDS if part in parts.words for fragment in marked.get(part, ())
        ),
        place=_place(hit),
    )
