"""Query filter for the objects that a person may read (SRC-1)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from search.domain.access import Interval, Readable

MAX_TERMS: Final = 65_536
"""Maximum number of values in one `terms` clause."""

MAX_RANGES: Final = 50
"""Intervals that become clauses of their own; a query has 1,024 clauses at most."""

# For people who joined and left many conversations; asked only about documents that match else.
_WITHIN: Final = """
if (doc['seq'].size() == 0) { return false; }
long seq = doc['seq'].value;
for (String container : doc['containers']) {
  List bounds = params.bounds.get(container);
  if (bounds == null) { continue; }
  for (int i = 0; i < bounds.size(); i += 2) {
    long first = ((Number) bounds.get(i)).longValue();
    long last = ((Number) bounds.get(i + 1)).longValue();
    if (seq >= first && (last == 0L || seq <= last)) { return true; }
  }
}
return false;
"""


def access_filter(readable: Readable) -> dict[str, Any]:
    """Return the clause that only readable documents match; nothing readable matches nothing."""
    clauses = list(_in_any(sorted(readable.whole)))
    partly = {name: intervals for name, intervals in readable.partly.items() if intervals}
    if sum(map(len, partly.values())) <= MAX_RANGES:
        clauses += _ranges(partly)
    else:
        clauses.append(_script(partly))
    if not clauses:
        return {"match_none": {}}
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _in_any(containers: Sequence[str]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(containers), MAX_TERMS):
        yield {"terms": {"containers": containers[start : start + MAX_TERMS]}}


def _ranges(partly: Mapping[str, Sequence[Interval]]) -> Iterator[dict[str, Any]]:
    """Yield a clause per different interval, with all containers that are readable in it."""
    grouped: dict[Interval, list[str]] = {}
    for name, intervals in sorted(partly.items()):
        for interval in intervals:
            grouped.setdefault(interval, []).append(name)
    for interval, names in grouped.items():
        bounds = {"gte": interval.first} | ({"lte": interval.last} if interval.last else {})
        for clause in _in_any(names):
            yield {"bool": {"filter": [clause, {"range": {"seq": bounds}}]}}


def _script(partly: Mapping[str, Sequence[Interval]]) -> dict[str, Any]:
    bounds = {
        name: [bound for interval in intervals for bound in (interval.first, interval.last)]
        for name, intervals in partly.items()
    }
    script = {"lang": "painless", "source": _WITHIN, "params": {"bounds": bounds}}
    holding = {"bool": {"should": list(_in_any(sorted(partly)))}}
    return {"bool": {"filter": [holding, {"script": {"script": script}}]}}
