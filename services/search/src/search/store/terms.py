"""The terms of a query text, as each analysis of the index produces them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from opensearchpy import AsyncOpenSearch

from search.store.analysis import WAYS
from search.store.client import index_errors

Terms = Mapping[str, tuple[str, ...]]
"""Terms of one text by analysis (`cjk`, `smartcn`, `icu`, `parts`), in their order in the text."""

_FIELD: Final = "text"
# Terms and positions only: the statistics of the index count documents hidden from the caller.
_WANTED: Final[Mapping[str, Any]] = {
    "fields": [f"{_FIELD}.{way}" for way in WAYS],
    "positions": True,
    "offsets": False,
    "payloads": False,
    "field_statistics": False,
    "term_statistics": False,
}


async def analyse(
    client: AsyncOpenSearch, index: str, texts: Sequence[str], *, timeout_seconds: float
) -> list[Terms]:
    """Return the terms of each text in one request.

    Args:
        client: the connection.
        index: an index or alias with the analyses.
        texts: parts of a query.
        timeout_seconds: time limit of the index.

    Raises:
        IndexUnreachable: OpenSearch does not answer.
    """
    if not texts:
        return []
    docs = [{**_WANTED, "doc": {_FIELD: text}} for text in texts]
    with index_errors("analyse"):
        answer = await client.mtermvectors(
            index=index, body={"docs": docs}, request_timeout=timeout_seconds
        )
    return [_terms(each.get("term_vectors", {})) for each in answer["docs"]]


def _terms(vectors: Mapping[str, Any]) -> Terms:
    return {way: _in_order(vectors.get(f"{_FIELD}.{way}", {}).get("terms", {})) for way in WAYS}


def _in_order(terms: Mapping[str, Any]) -> tuple[str, ...]:
    placed = [
        (token["position"], term) for term, entry in terms.items() for token in entry["tokens"]
    ]
    return tuple(term for _, term in sorted(placed))
