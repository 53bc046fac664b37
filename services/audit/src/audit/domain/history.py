"""History of access: relations with intervals, from the states that facts carry.

A part is an object with versions of its own: a person, a group, one membership of a conversation. A
fact carries a part's full state at a version, so the relations of a part are a step function of its
version, and a state that arrives late is inserted where it belongs.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

FOREVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
"""The end of a relation that still exists."""
NO_VERSION: Final = 0
"""The end version of a relation that still exists."""


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """Relation `object#relation@subject`; `data` holds its other fields, as canonical text."""

    object: str
    relation: str
    subject: str
    data: str = ""

    def __str__(self) -> str:
        return f"{self.object}#{self.relation}@{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Full state of a part at a version.

    `marks` has a short digest for each further field: enough to detect a change, too little to
    reveal the value. `exact` says that `at` is when the state began; otherwise it began earlier.
    """

    tenant_id: str
    part: str
    version: int
    at: datetime
    relations: frozenset[Relation]
    marks: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Interval of a part's relation: from one version up to another, which lacks it."""

    tenant_id: str
    part: str
    relation: Relation
    from_version: int
    from_at: datetime
    to_version: int = NO_VERSION
    to_at: datetime = FOREVER

    def holds(self, version: int) -> bool:
        """Return whether the part has the relation at a version."""
        return self.from_version <= version and (
            self.to_version == NO_VERSION or version < self.to_version
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A version of a part that is known, and when it came to be."""

    version: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A relation with the time in which it held; `to_at` no longer belongs to it."""

    relation: Relation
    from_at: datetime
    to_at: datetime

    def holds(self, at: datetime) -> bool:
        """Return whether it existed at a time."""
        return self.from_at <= at < self.to_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Changes of a version: relations that began and ended, and names of further fields."""

    began: frozenset[Relation] = frozenset()
    ended: frozenset[Relation] = frozenset()
    fields: tuple[str, ...] = ()


def merged(differences: Iterable[Difference]) -> Difference:
    """Merge the differences of several parts in one fact."""
    found = list(differences)
    return Difference(
        began=frozenset().union(*(each.began for each in found)),
        ended=frozenset().union(*(each.ended for each in found)),
        fields=tuple(sorted({name for each in found for name in each.fields})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """Effect of a state on the intervals of its part."""

    gone: tuple[Interval, ...]
    made: tuple[Interval, ...]
    difference: Difference


def insert(
    state: State, *, around: Iterable[Interval], after: Known | None, changed: Iterable[str]
) -> Insertion:
    """Insert a state among the known versions of its part.

    Args:
        state: the state at a version that is not known yet.
        around: the intervals of the part that contain the known version before it, end at the next
            one, or begin there; further ones do no harm.
        after: the next known version; None if the state is the newest.
        changed: names of further fields that differ from the previous version.
    """
    gone: list[Interval] = []
    made: list[Interval] = []
    covered: set[Relation] = set()
    ended: set[Relation] = set()
    begins_after: dict[Relation, Interval] = {}
    for interval in around:
        if after is not None and interval.from_version == after.version:
            begins_after[interval.relation] = interval
        elif interval.from_version < state.version and interval.holds(state.version):
            if interval.relation in state.relations:
                covered.add(interval.relation)
                continue
            ended.add(interval.relation)
            gone.append(interval)
            made.append(replace(interval, to_version=state.version, to_at=state.at))
            if after is not None and interval.holds(after.version):
                made.append(replace(interval, from_version=after.version, from_at=after.at))

    began = state.relations - covered
    for relation in began:
        follower = begins_after.get(relation)
        if follower is not None:
            gone.append(follower)
            made.append(replace(follower, from_version=state.version, from_at=state.at))
        else:
            made.append(
                Interval(
                    tenant_id=state.tenant_id,
                    part=state.part,
                    relation=relation,
                    from_version=state.version,
                    from_at=state.at,
                    to_version=after.version if after else NO_VERSION,
                    to_at=after.at if after else FOREVER,
                )
            )
    return Insertion(
        gone=tuple(gone),
        made=tuple(made),
        difference=Difference(
            began=frozenset(began), ended=frozenset(ended), fields=tuple(sorted(changed))
        ),
    )


def path_of(relation: Relation) -> tuple[str, ...]:
    """Return the ids of a department's path, from its root down to itself."""
    return tuple(json.loads(relation.data)["path"])


def changed_marks(previous: Mapping[str, int], after: Mapping[str, int]) -> tuple[str, ...]:
    """Name the fields whose marks differ."""
    names = previous.keys() | after.keys()
    return tuple(sorted(name for name in names if previous.get(name) != after.get(name)))
