"""A query as clauses of OpenSearch (SRC-5).

Every clause carries the weight of its terms, since the similarity of the index has none: no score
depends on other documents in the index (SRC-1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from search.domain.columns import WHOLE, Parts
from search.domain.query import Form, Query, Term
from search.domain.types import DocumentType
from search.kinds import KINDS
from search.store.mappings import FIELDS
from search.store.terms import Terms
from search.store.weights import Weights

_EVERYTHING: Final[Mapping[DocumentType, Parts]] = MappingProxyType(dict.fromkeys(KINDS, WHOLE))
# A title is short where a text is long; a key identifies one object.
_BOOSTS: Final = {"title": 2.0, "text": 1.0, "names": 1.0}
_KEY_SCORE: Final = 50.0
# Words typed without a space between them are near one another in the text.
_NEAR: Final = 3
# Of more words than the first number, this many have to match.
_OF_LONG_TERMS: Final = "6<50%"
_OF_QUESTIONS: Final = "2<40%"
_OF_MANY_TERMS: Final = "6<60%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The terms that the analyses make of each wanted part of a query, and their weights."""

    terms: Mapping[str, Terms]
    weights: Weights


def matching(
    query: Query, weighed: Weighed, parts: Mapping[DocumentType, Parts] = _EVERYTHING
) -> dict[str, Any]:
    """Return the clause that defines matches and their score.

    Args:
        query: the query.
        weighed: the terms of the text of every required and relaxed term, by that text.
        parts: the parts of each type that may find a document (GW-3).
    """
    grouped: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for type_, shown in parts.items():
        grouped.setdefault(shown.searched, []).append(type_.name)
    if len(grouped) == 1:
        ((fields, keys),) = grouped
        return _matching(query, weighed, fields, keys=keys)
    return _any(
        [
            {
                "bool": {
                    "filter": [{"terms": {"type": types}}],
                    "must": [_matching(query, weighed, fields, keys=keys)],
                }
            }
            for (fields, keys), types in grouped.items()
        ]
    )


def _matching(
    query: Query, weighed: Weighed, fields: tuple[str, ...], *, keys: bool
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "must": [_found(term, weighed, fields, keys=keys) for term in query.required],
        "must_not": [_excluded(term, fields, keys=keys) for term in query.unwanted],
    }
    if query.relaxed:
        many = [_found(term, weighed, fields, keys=keys) for term in query.relaxed]
        found["must"].append({"bool": {"should": many, "minimum_should_match": _OF_MANY_TERMS}})
    return {"bool": found}


def marking(query: Query) -> dict[str, Any]:
    """Return the clause for highlights in the text: terms, or any of their words."""
    clauses: list[dict[str, Any]] = []
    for term in (*query.required, *query.relaxed):
        for field in FIELDS:
            clauses.append(_phrase(f"{field}.parts", term.text))
            if term.form is not Form.TOGETHER:
                clauses.append({"match": {f"{field}.cjk": {"query": term.text}}})
            else:
                clauses.append(_phrase(f"{field}.cjk", term.text))
    return {"bool": {"should": clauses}}


def _found(term: Term, weighed: Weighed, fields: tuple[str, ...], *, keys: bool) -> dict[str, Any]:
    """Match any field in any way; matches in several ways score higher."""
    clauses: list[dict[str, Any]] = [
        clause for field in fields for clause in _in_field(term, field, weighed)
    ]
    if keys and term.form is not Form.QUESTION:
        # above the score of words, however rare they are
        exactly = {"term": {"keys": {"value": term.text}}}
        clauses.append({"constant_score": {"filter": exactly, "boost": _KEY_SCORE}})
    return _any(clauses) if clauses else {"match_none": {}}


def _in_field(term: Term, field: str, weighed: Weighed) -> Iterable[dict[str, Any]]:
    terms = weighed.terms[term.text]

    def phrase(way: str, *, slop: int = 0) -> dict[str, Any]:
        boost = _BOOSTS[field] * weighed.weights.mean(terms[way])
        return _phrase(f"{field}.{way}", term.text, slop=slop, boost=boost)

    def share(way: str, least: str) -> dict[str, Any]:
        clauses = [
            _term(f"{field}.{way}", each, boost=_BOOSTS[field] * weighed.weights.of(each))
            for each in terms[way]
        ]
        # an analysis that leaves nothing of the text finds nothing
        return _any(clauses, least=least) if clauses else {"match_none": {}}

    yield phrase("parts")
    if term.form is Form.TOGETHER:
        yield phrase("cjk")
    elif term.form is Form.QUESTION or term.is_long:
        least = _OF_QUESTIONS if term.form is Form.QUESTION else _OF_LONG_TERMS
        for way in ("cjk", "smartcn", "icu"):
            yield share(way, least)
    else:
        yield share("cjk", "100%")
        # smartcn splits terms with digits: ABC123 would find ABC-124 near X-123
        ways = ("smartcn", "icu") if term.is_chinese or term.text.isalpha() else ("icu",)
        for way in ways:
            yield phrase(way, slop=_NEAR)


def _excluded(term: Term, fields: tuple[str, ...], *, keys: bool) -> dict[str, Any]:
    """Exclude only documents with the exact term, not those that merely resemble it."""
    ways = [_phrase(f"{field}.{way}", term.text) for field in fields for way in ("parts", "cjk")]
    if keys:
        ways.append({"term": {"keys": {"value": term.text}}})
    return _any(ways)


def _any(clauses: list[dict[str, Any]], *, least: str | int = 1) -> dict[str, Any]:
    return {"bool": {"should": clauses, "minimum_should_match": least}}


def _phrase(field: str, text: str, *, slop: int = 0, boost: float = 1.0) -> dict[str, Any]:
    return {"match_phrase": {field: {"query": text, "slop": slop, "boost": boost}}}


def _term(field: str, value: str, *, boost: float) -> dict[str, Any]:
    return {"term": {field: {"value": value, "boost": boost}}}
