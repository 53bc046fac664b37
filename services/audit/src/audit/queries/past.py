"""Past state of a tenant: a small state for the engine, for some people and one object.

The same queries go to the store whatever is found, so that hidden and absent objects cannot be
distinguished by their cost (GW-2).
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexus_access.objects import (
    DEPARTMENT,
    GROUP,
    PERSON,
    PROJECT,
    TASK,
    Object,
    object_of,
    subject_of,
)
from plexus_access.records import (
    Binding,
    Department,
    Group,
    Members,
    Module,
    Person,
    Policy,
    Role,
)
from plexus_access.state import State

from audit.domain.history import Relation
from audit.store import Store

_VERSION: Final = 1


class _Described:
    """The relations of one object, by name."""

    def __init__(self) -> None:
        self._subjects: dict[str, list[str]] = {}
        self._data: dict[str, str] = {}

    def add(self, relation: Relation) -> None:
        self._subjects.setdefault(relation.relation, []).append(relation.subject)
        self._data[relation.relation] = relation.data

    def subjects(self, name: str) -> list[str]:
        return sorted(self._subjects.get(name, []))

    def one(self, name: str) -> str:
        return next(iter(self._subjects.get(name, [])), "")

    def data(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self._data.get(name) or "{}"))

    def ids(self, name: str) -> list[str]:
        return [_id(each) for each in self.subjects(name)]


async def load_state(
    store: Store,
    *,
    tenant_id: str,
    people: Iterable[str] | None,
    object_: Object | None,
    at: datetime,
) -> State:
    """Load the state for decisions about some people, or all, and an object.

    Args:
        store: the history.
        tenant_id: the tenant.
        people: ids; None for all people of the tenant.
        object_: the object of the decision; None for the tenant.
        at: the time.
    """
    loader = _Loader(store, tenant_id=tenant_id, at=at)
    await loader.switches()
    persons = await loader.people(people, object_=object_)
    await loader.memberships(persons, object_=object_)
    groups = await loader.groups(persons, object_=object_)
    await loader.departments(object_=object_)
    await loader.bindings(persons, groups)
    return loader.state


class _Loader:
    def __init__(self, store: Store, *, tenant_id: str, at: datetime) -> None:
        self._past = store.past
        self._tenant_id = tenant_id
        self._at = at
        self.state = State(tenant_id)

    async def switches(self) -> None:
        """Load policies and modules."""
        tenant = f"tenant:{self._tenant_id}"
        for each in await self._past.of_objects(
            self._tenant_id, [tenant], names=["policy"], at=self._at
        ):
            data = json.loads(each.data)
            self.state.put_policy(
                Policy(
                    id=_id(each.subject),
                    version=_VERSION,
                    name=data["name"],
                    cedar=data["cedar"],
                )
            )
        modules = await self._past.of_kind(self._tenant_id, "module", at=self._at)
        for object_, described in _described(modules).items():
            self.state.put_module(
                Module(
                    name=_id(object_),
                    version=_VERSION,
                    enabled=described.one("state") == "on",
                    exceptions=frozenset(described.ids("except")),
                )
            )

    async def people(self, ids: Iterable[str] | None, *, object_: Object | None) -> list[str]:
        """Load people, and the person in question; return the ids of the former."""
        if ids is None:
            found = await self._past.of_kind(self._tenant_id, PERSON, at=self._at)
            asking = sorted({_id(each.object) for each in found})
        else:
            asking = sorted(set(ids))
            about = [object_.id] if object_ is not None and object_.kind == PERSON else []
            found = await self._past.of_objects(
                self._tenant_id, [f"person:{each}" for each in (*asking, *about)], at=self._at
            )
        for name, described in _described(found).items():
            self.state.put_person(_person(_id(name), described))
        return asking

    async def memberships(self, persons: Sequence[str], *, object_: Object | None) -> None:
        """Load who of the people belongs to the object, or to the project of a task."""
        object_ = object_ or Object(TASK, "")
        link = await self._past.of_objects(
            self._tenant_id, [str(object_)], names=[PROJECT], at=self._at
        )
        projects = [each.subject for each in link]
        found = await self._past.members(
            self._tenant_id,
            [str(object_), *projects],
            people=[f"person:{each}" for each in persons],
            at=self._at,
        )
        for name in (str(object_), *projects):
            inside = frozenset(_id(each.subject) for each in found if each.object == name)
            own = projects if name == str(object_) else []
            if inside or own:
                self.state.put_members(
                    Members(
                        object=object_of(name),
                        version=_VERSION,
                        people=inside,
                        project=_id(own[0]) if own else "",
                    )
                )

    async def groups(self, persons: Sequence[str], *, object_: Object | None) -> list[str]:
        """Load the groups of the people, and the group in question; return their ids."""
        found = await self._past.of_subjects(
            self._tenant_id,
            [f"person:{each}" for each in persons],
            name="member",
            kind=GROUP,
            at=self._at,
        )
        inside: dict[str, set[str]] = {}
        for each in found:
            inside.setdefault(each.object, set()).add(_id(each.subject))
        if object_ is not None and object_.kind == GROUP:
            inside.setdefault(str(object_), set())
        facts = await self._past.of_objects(
            self._tenant_id, inside, names=["state", "department"], at=self._at
        )
        for name, described in _described(facts).items():
            departments = described.ids("department")
            self.state.put_group(
                Group(
                    id=_id(name),
                    version=_VERSION,
                    members=frozenset(inside[name]),
                    department=departments[0] if departments else "",
                    removed=described.one("state") == "removed",
                )
            )
        return sorted(_id(name) for name in inside)

    async def departments(self, *, object_: Object | None) -> None:
        """Load the departments that people, groups and the object are in."""
        wanted = {id_ for person in self.state.people.values() for id_ in person.departments}
        wanted |= {group.department for group in self.state.groups.values()} - {""}
        if object_ is not None and object_.kind == DEPARTMENT:
            wanted.add(object_.id)
        found = await self._past.of_objects(
            self._tenant_id, [f"department:{each}" for each in wanted], at=self._at
        )
        for name, described in _described(found).items():
            self.state.put_department(
                Department(
                    id=_id(name),
                    version=_VERSION,
                    path=tuple(described.data("path").get("path", ())),
                    closed=described.one("state") == "closed",
                )
            )

    async def bindings(self, persons: Sequence[str], groups: Sequence[str]) -> None:
        """Load the grants of the people, their groups and departments; and the roles."""
        above = {
            id_
            for person in self.state.people.values()
            for id_ in self.state.above(person.departments)
        }
        subjects = [
            *(f"person:{each}" for each in persons),
            *(f"group:{each}#member" for each in groups),
            *(f"department:{each}#member" for each in above),
        ]
        bound = await self._past.bindings(self._tenant_id, subjects, at=self._at)
        for each in bound:
            data = json.loads(each.data)
            expires = data["expires_at"]
            self.state.put_binding(
                Binding(
                    id=data["binding"],
                    version=_VERSION,
                    role=_id(each.relation),
                    subject=subject_of(each.subject),
                    scope=object_of(each.object),
                    expires_at=datetime.fromisoformat(expires) if expires else None,
                )
            )
        roles = {each.relation for each in bound}
        given = await self._past.of_objects(
            self._tenant_id, roles, names=["permission"], at=self._at
        )
        for name, described in _described(given).items():
            self.state.put_role(
                Role(
                    id=_id(name),
                    version=_VERSION,
                    name=_id(name),
                    permissions=frozenset(described.subjects("permission")),
                )
            )


def _person(id_: str, described: _Described) -> Person:
    attributes = described.data("attributes")
    expires = described.one("expires")
    return Person(
        id=id_,
        version=_VERSION,
        active=described.one("state") == "active",
        kind=described.one("kind"),
        roles=frozenset(described.ids("role")),
        departments=tuple(described.ids("department")),
        title=attributes.get("title", ""),
        locale=attributes.get("locale", ""),
        time_zone=attributes.get("time_zone", ""),
        guest_until=datetime.fromisoformat(expires) if expires else None,
    )


def _described(relations: Iterable[Relation]) -> dict[str, _Described]:
    found: dict[str, _Described] = {}
    for each in relations:
        found.setdefault(each.object, _Described()).add(each)
    return found


def _id(written: str) -> str:
    return written.partition(":")[2]
