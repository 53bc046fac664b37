"""Oracle of access decisions by brute force: plain tuples, searched anew for every question."""

from dataclasses import dataclass, field

import pytest
from plexus_access.modules import module_of
from plexus_access.roles import BUILT_IN

RELATED = {"conversation", "project", "task"}


@dataclass
class Oracle:
    """A tenant as a child would write it down."""

    active: dict[str, bool] = field(default_factory=dict)
    until: dict[str, int] = field(default_factory=dict)
    parent: dict[str, str] = field(default_factory=dict)
    tuples: set[tuple[str, str, str]] = field(default_factory=set)
    roles: dict[str, set[str]] = field(default_factory=dict)
    bindings: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)
    modules: dict[str, tuple[bool, set[str]]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)

    def set_members(self, object_: str, relation: str, people: set[str]) -> None:
        self.tuples = {t for t in self.tuples if t[:2] != (object_, relation)}
        self.tuples |= {(object_, relation, f"person:{each}") for each in people}

    def upward(self, department: str) -> list[str]:
        way = []
        while department:
            way.append(department)
            department = self.parent.get(department, "")
        return way

    def departments_of(self, person: str) -> set[str]:
        return {
            each
            for each in self.parent
            if (f"department:{each}", "member", f"person:{person}") in self.tuples
        }

    def is_in(self, person: str, subject: str) -> bool:
        kind, _, rest = subject.partition(":")
        id_ = rest.partition("#")[0]
        if kind == "person":
            return id_ == person
        if kind == "group":
            return (
                id_ in self.groups and (f"group:{id_}", "member", f"person:{person}") in self.tuples
            )
        return any(id_ in self.upward(each) for each in self.departments_of(person))

    def holds(self, person: str, permission: str, now: int) -> set[str]:
        scopes = set()
        for role, permissions in BUILT_IN.items():
            if permission in permissions and ("tenant:t", role, f"person:{person}") in self.tuples:
                scopes.add("tenant:t")
        if self.until.get(person):
            return scopes  # a guest is bound to no role (GW-5)
        for role, subject, scope, expires in self.bindings.values():
            given = BUILT_IN.get(role, self.roles.get(role, set()))
            if (
                permission in given
                and (not expires or now < expires)
                and self.is_in(person, subject)
            ):
                scopes.add(scope)
        return scopes

    def within(self, object_: str, scope: str) -> bool:
        kind, _, id_ = object_.partition(":")
        top, _, above = scope.partition(":")
        if scope in {object_, "tenant:t"}:
            return True
        if top == "project":
            return kind == "task" and self.tasks.get(id_) == above
        if top != "department":
            return False
        homes = {
            "department": {id_} & set(self.parent),
            "person": self.departments_of(id_),
            "group": {self.groups.get(id_, "")} - {""},
        }.get(kind, set())
        return bool(homes) and all(
            each in self.parent and above in self.upward(each) for each in homes
        )

    def exists(self, object_: str) -> bool:
        kind, _, id_ = object_.partition(":")
        return {
            "tenant": id_ == "t",
            "person": id_ in self.active,
            "department": id_ in self.parent,
            "group": id_ in self.groups,
        }[kind]

    def belongs(self, person: str, object_: str) -> bool:
        kind, _, id_ = object_.partition(":")
        if kind == "task" and self.tasks.get(id_):
            object_ = f"project:{self.tasks[id_]}"
        return (object_, "member", f"person:{person}") in self.tuples

    def allows(self, person: str, permission: str, object_: str, now: int) -> bool:
        if not self.active.get(person) or (self.until.get(person) and now >= self.until[person]):
            return False
        module = module_of(permission)
        if module in self.modules:
            on, exceptions = self.modules[module]
            excepted = any(
                each in exceptions
                for own in self.departments_of(person)
                for each in self.upward(own)
            )
            if on == excepted:
                return False
        scopes = self.holds(person, permission, now)
        if not object_:
            return bool(scopes)
        if object_.partition(":")[0] in RELATED:
            reached = self.belongs(person, object_)
        else:
            reached = self.exists(object_)
        return reached and any(self.within(object_, scope) for scope in scopes)


@pytest.fixture(scope="session")
def oracle() -> type[Oracle]:
    """Return the oracle to compare an engine with."""
    return Oracle
