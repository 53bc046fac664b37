"""Details of a change in an entry: names of fields, and ids added and removed (GW-7)."""

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from audit.domain.entries import Occurrence
from audit.domain.history import Difference, Relation

MAX_IDS: Final = 100


def detailed(what: Occurrence, changed: Difference) -> Occurrence:
    """Add its changes to an occurrence.

    `fields` has the names of changed fields; `+<relation>` and `-<relation>` have the ids that
    began and ended, at most 100 of them, then `+<relation>.count` has their number.
    """
    details = dict(what.details)
    if changed.fields:
        details["fields"] = " ".join(changed.fields)
    for sign, relations in (("+", changed.began), ("-", changed.ended)):
        for name in sorted({each.relation for each in relations if each.subject}):
            ids = sorted(_shown(relations, name=name, object_=what.object))
            details[f"{sign}{name}"] = " ".join(ids[:MAX_IDS])
            if len(ids) > MAX_IDS:
                details[f"{sign}{name}.count"] = str(len(ids))
    return replace(what, details=MappingProxyType(details))


def _shown(relations: Iterable[Relation], *, name: str, object_: str) -> set[str]:
    return {
        each.subject if each.object == object_ else f"{each.object}@{each.subject}"
        for each in relations
        if each.relation == name
    }
