"""Finding and counting documents."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from opensearchpy import AsyncOpenSearch

from search.domain import highlights
from search.domain.access import Readable
from search.domain.columns import WHOLE, Parts
from search.domain.documents import MATCH_BEGINS, MATCH_ENDS, TAG_BEGINS, TAG_ENDS, DocumentType
from search.domain.paging import Place
from search.domain.query import Query
from search.store.access import access_filter
from search.store.analysis import MARKED
from search.store.client import IndexUnreachable, index_errors
from search.store.documents import instant
from search.store.indices import Names
from search.store.mappings import FIELDS
from search.store.matching import Weighed, marking, matching
from search.store.terms import analyse
from search.store.weights import Weights

COUNTED_MOST: Final = 10_000
_FRAGMENT: Final = 120
_SHOWN: Final = (
    *("type", "id", "version", "containers", "author_id", "at", "title", "text"),
    *("conversation_id", "seq"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a hit must be, whatever the words."""

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

    `placed` is whether the caller is shown where a message stands.
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
    """The best hits after a place, and how many there are in all, exact up to 10,000."""

    total: int
    found: tuple[Found, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many things of a tenant are in the index; machines and tombstones are none."""

    messages: int
    tasks: int
    people: int


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
    texts = [term.text for term in (*query.required, *query.relaxed)]
    terms = await analyse(
        client, names.read(DocumentType.MESSAGE), texts, timeout_seconds=timeout_seconds
    )
    weighed = Weighed(terms=dict(zip(texts, terms, strict=True)), weights=weights)
    matched = matching(query, weighed, {each: filters.shown(each) for each in filters.types})
    body: dict[str, Any] = {
        "size": limit,
        "track_total_hits": COUNTED_MOST,
        "track_scores": True,
        "query": {"bool": {"must": [matched], "filter": _filter(filters)}},
        "sort": [
            {"_score": "desc"},
            *([{"at": "desc"}] if filters.timed else []),
            {"id": "asc"},
        ],
        "_source": list(_SHOWN),
        "highlight": _highlight(query),
    }
    if after is not None:
        at = [after.at] if filters.timed else []
        body["search_after"] = [after.score, *at, after.id]
    with index_errors("search"):
        answer = await client.search(
            index=",".join(names.read(type_) for type_ in filters.types),
            body=body,
            params={"allow_partial_search_results": "false"},
            request_timeout=timeout_seconds,
        )
    hits = answer["hits"]
    return FoundPage(
        total=min(hits["total"]["value"], COUNTED_MOST),
        found=tuple(_found(hit, filters) for hit in hits["hits"]),
    )


async def count(
    client: AsyncOpenSearch, names: Names, *, tenant_id: str, timeout_seconds: float
) -> Counted:
    """Count what is indexed of a tenant, whoever may read it."""
    clauses: list[dict[str, Any]] = [{"term": {"tenant_id": tenant_id}}, {"term": {"gone": False}}]
    of_type: Mapping[DocumentType, Sequence[dict[str, Any]]] = {
        DocumentType.MESSAGE: clauses,
        DocumentType.TASK: clauses,
        DocumentType.PERSON: [*clauses, {"term": {"silent": False}}],
    }
    lines: list[dict[str, Any]] = []
    for type_, filters in of_type.items():
        lines.append({"index": names.read(type_), "allow_partial_search_results": False})
        query = {"bool": {"filter": filters}}
        lines.append({"size": 0, "track_total_hits": True, "query": query})
    with index_errors("count"):
        answer = await client.msearch(body=lines, request_timeout=timeout_seconds)
    totals = [_total(response) for response in answer["responses"]]
    return Counted(messages=totals[0], tasks=totals[1], people=totals[2])


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


def _highlight(query: Query) -> dict[str, Any]:
    """Mark matches in the analyses that can show every match: pairs and parts."""
    whole = {"number_of_fragments": 0}
    parts = {"number_of_fragments": highlights.HIGHLIGHTS_MOST, "fragment_size": _FRAGMENT}
    return {
        "type": "unified",
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


def _marked(fragments: Sequence[str]) -> list[str]:
    """Put the contract's marks in place of the tags."""
    return [
        fragment.replace(TAG_BEGINS, MATCH_BEGINS).replace(TAG_ENDS, MATCH_ENDS)
        for fragment in fragments
    ]


def _found(hit: dict[str, Any], filters: Filters) -> Found:
    source = hit["_source"]
    type_ = DocumentType(source["type"])
    parts = filters.shown(type_)
    score, *at, id_ = hit["sort"]
    marked = hit.get("highlight", {})
    fragments = [
        highlights.choose([_marked(marked.get(f"{field}.{way}", ())) for way in MARKED])
        for field in FIELDS
        if field in parts.words
    ]
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
        highlights=tuple(fragment for each in fragments for fragment in each),
        place=Place(score=float(score), at=int(at[0]) if at else 0, id=id_),
    )
