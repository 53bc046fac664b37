"""Rules of groups, evaluated over many people at once."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from directory.people.domain.groups import Rule
from directory.shared.domain.ids import DepartmentId, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Traits of an active person for rules; titles are the person's own and those of posts."""

    person_id: PersonId
    department_ids: Collection[str]
    titles: Collection[str]
    skills: Collection[str]
    locale: str
    kind: str


class Matcher:
    """An index of people by their traits: a rule costs its values, not the number of people."""

    def __init__(self, people: Iterable[Traits]) -> None:
        """Index people by each of their traits."""
        self._all: set[PersonId] = set()
        self._departments: dict[str, set[PersonId]] = defaultdict(set)
        self._titles: dict[str, set[PersonId]] = defaultdict(set)
        self._skills: dict[str, set[PersonId]] = defaultdict(set)
        self._locales: dict[str, set[PersonId]] = defaultdict(set)
        self._kinds: dict[str, set[PersonId]] = defaultdict(set)
        for each in people:
            self._all.add(each.person_id)
            self._locales[each.locale].add(each.person_id)
            self._kinds[each.kind].add(each.person_id)
            for index, values in (
                (self._departments, each.department_ids),
                (self._titles, each.titles),
                (self._skills, each.skills),
            ):
                for value in values:
                    index[value].add(each.person_id)

    def matching(self, rule: Rule, *, departments: Collection[DepartmentId]) -> frozenset[PersonId]:
        """Return the people that a rule gives.

        Args:
            rule: each field that is set must hold, by any of its values.
            departments: those of the rule with all below them.
        """
        found = self._all
        for index, asked, values in (
            (self._departments, bool(rule.department_ids), departments),
            (self._titles, bool(rule.titles), rule.titles),
            (self._skills, bool(rule.skills), rule.skills),
            (self._locales, bool(rule.locales), rule.locales),
            (self._kinds, bool(rule.kinds), [kind.value for kind in rule.kinds]),
        ):
            if asked:
                found = found & _any_of(index, values)
        return frozenset(found)


def _any_of(index: Mapping[str, set[PersonId]], values: Iterable[str]) -> set[PersonId]:
    return set[PersonId]().union(*(index[value] for value in values if value in index))
