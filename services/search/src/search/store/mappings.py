"""The shape of the documents of each index; a field that is not named here is refused."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from search.domain.types import DocumentType, Field
from search.store.analysis import ANALYSIS, words

SCHEMA_VERSION: Final = 1
"""Version of these shapes and of the analysis: raised with every change, see `Store.provision`."""

FIELDS: Final = ("title", "text", "names")
"""Fields in which words are searched."""

_KEYWORD: Final = {"type": "keyword"}
_STORED: Final = {"type": "keyword", "index": False, "doc_values": False}

_SHARED: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "type": _KEYWORD,
        "id": _KEYWORD,
        "tenant_id": _KEYWORD,
        "version": {"type": "long"},
        "gone": {"type": "boolean"},
        "containers": _KEYWORD,
        "silent": {"type": "boolean"},
        "author_id": _KEYWORD,
        "at": {"type": "date"},
        "title": words(),
        "text": words(),
        "names": words(),
        "keys": {"type": "keyword", "normalizer": "plexus_key"},
        "indexed_at": {"type": "date"},
    }
)

_FIELDS: Final[Mapping[Field, Mapping[str, Any]]] = MappingProxyType(
    {Field.KEYWORD: _KEYWORD, Field.STORED: _STORED, Field.LONG: {"type": "long"}}
)

MEAN_LENGTH: Final = 100
"""Length of a text, in terms, that is neither favoured nor held back."""

# Saturation of the term's frequency in the document alone, as in BM25 with k1 = 1.2 and b = 0.75,
# with a constant in place of the mean length. A statistic of the index would count documents that
# the caller may not see, and their number could be read from the order of the caller's own (SRC-1).
SIMILARITY: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "type": "scripted",
        "script": {
            "source": "return query.boost * doc.freq / "
            f"(doc.freq + 1.2 * (0.25 + 0.75 * doc.length / {MEAN_LENGTH}.0));"
        },
    }
)

# A single node cannot hold a replica, a cluster gets one. An explicit interval also keeps an index
# fresh that was not searched for a while (SRC-4).
_INDEX: Final = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "refresh_interval": "1s"}


def additions(type_: DocumentType) -> dict[str, Any]:
    """Return the fields that an index of an earlier version may lack; they can be added to it."""
    return {name: _FIELDS[field] for name, field in type_.fields.items() if name in type_.added}


def documents_body(type_: DocumentType) -> dict[str, Any]:
    """Return settings and mappings of the index of a type."""
    return {
        "settings": {
            "index": {**_INDEX, "similarity": {"default": dict(SIMILARITY)}},
            "analysis": dict(ANALYSIS),
        },
        "mappings": {
            "dynamic": "strict",
            "_meta": {"schema_version": SCHEMA_VERSION},
            "properties": {
                **_SHARED,
                **{name: _FIELDS[field] for name, field in type_.fields.items()},
            },
        },
    }


def progress_body() -> dict[str, Any]:
    """Return settings and mappings of the small index for the indexers' progress."""
    return {
        "settings": {"index": _INDEX},
        "mappings": {
            "dynamic": "strict",
            "_meta": {"schema_version": SCHEMA_VERSION},
            "properties": {
                "group": _KEYWORD,
                "instance": _KEYWORD,
                "written_at": {"type": "date"},
                "lag_seconds": {"type": "double"},
                "dead_letters": {"type": "long"},
            },
        },
    }
