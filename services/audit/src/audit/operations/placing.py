"""Finding the departments that an entry is about, as they were when it happened (GW-3, GW-11)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from plexus_access.objects import DEPARTMENT, GROUP, PERSON

from audit.domain.entries import Occurrence
from audit.domain.history import Held, path_of
from audit.store import Store

_BELONGING: Final = frozenset({PERSON, GROUP})


async def place(store: Store, occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """Return occurrences with the departments that contain their objects, in order.

    A department contains a person when all of their departments are it or below it, as for roles.
    An object outside all departments, or not known yet, has none: a role for a department does not
    show it.

    Raises:
        DependencyDown: the store failed.
    """
    by_tenant: dict[str, list[Occurrence]] = {}
    for each in occurrences:
        by_tenant.setdefault(each.tenant_id, []).append(each)
    found = {id_: await _Places.load(store, id_, some) for id_, some in by_tenant.items()}
    return [
        replace(each, departments=found[each.tenant_id].containing(_about(each), each.occurred_at))
        for each in occurrences
    ]


class _Places:
    """Departments of a tenant's objects, and the department tree, over a stretch of time."""

    def __init__(
        self, belonging: Mapping[str, Sequence[Held]], paths: Mapping[str, Sequence[Held]]
    ) -> None:
        self._belonging = belonging
        self._paths = paths

    @classmethod
    async def load(
        cls, store: Store, tenant_id: str, occurrences: Sequence[Occurrence]
    ) -> "_Places":
        """Load the objects of the occurrences, in two commands."""
        times = [each.occurred_at for each in occurrences]
        first, last = min(times), max(times)
        about = {_about(each) for each in occurrences}
        belonging = _by_object(
            await store.past.between(
                tenant_id,
                [each for each in about if _kind(each) in _BELONGING],
                name=DEPARTMENT,
                first=first,
                last=last,
            )
        )
        departments = {each for each in about if _kind(each) == DEPARTMENT}
        departments |= {each.relation.subject for some in belonging.values() for each in some}
        paths = _by_object(
            await store.past.between(tenant_id, departments, name="path", first=first, last=last)
        )
        return cls(belonging, paths)

    def containing(self, about: str, at: datetime) -> tuple[str, ...]:
        """Return the departments that contained an object at a time, in order of their ids."""
        if _kind(about) == DEPARTMENT:
            homes = [about]
        else:
            homes = [
                each.relation.subject for each in self._belonging.get(about, ()) if each.holds(at)
            ]
        ways = [self._way(each, at) for each in homes]
        return tuple(sorted(frozenset.intersection(*ways))) if ways else ()

    def _way(self, department: str, at: datetime) -> frozenset[str]:
        return next(
            (
                frozenset(path_of(each.relation))
                for each in self._paths.get(department, ())
                if each.holds(at)
            ),
            frozenset(),
        )


def _about(what: Occurrence) -> str:
    return what.about or what.object


def _kind(object_: str) -> str:
    return object_.partition(":")[0]


def _by_object(found: Iterable[Held]) -> dict[str, list[Held]]:
    sorted_: dict[str, list[Held]] = {}
    for each in found:
        sorted_.setdefault(each.relation.object, []).append(each)
    return sorted_
