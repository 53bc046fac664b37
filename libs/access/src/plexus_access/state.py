"""Projected state of a tenant: facts applied by version, and the relations that follow.

Applying is idempotent and order does not matter within an entity: only a newer version counts
(MSG-4). Nothing here queries an owner; unknown facts grant nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol, TypeVar

from plexus_access.memberships import Memberships
from plexus_access.objects import DEPARTMENT, GROUP, PERSON, Object, Subject
from plexus_access.policies import Policies
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

_NOBODY: Final[frozenset[str]] = frozenset()
_NONE: Final[dict[str, Binding]] = {}


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


Key = TypeVar("Key")
Record = TypeVar("Record", bound=_Versioned)


class State:
    """Everything that decisions of one tenant are made from."""

    def __init__(self, tenant_id: str) -> None:
        """Begin with an empty tenant."""
        self.tenant_id = tenant_id
        self.people: dict[str, Person] = {}
        self.departments: dict[str, Department] = {}
        self.groups: dict[str, Group] = {}
        self.roles: dict[str, Role] = {}
        self.modules: dict[str, Module] = {}
        self.memberships = Memberships()
        self.members = self.memberships.members
        # Objects with uncertain members: a fact of them is missing, so their owner is queried.
        self.stale = self.memberships.stale
        self.policies = Policies()
        # Counts changes that affect permissions; caches of a person hold one epoch.
        self.epoch = 0
        # True if any role hides columns: if not, masks can be skipped.
        self.masked = False
        self._bindings: dict[str, Binding] = {}
        self._bound: dict[Subject, dict[str, Binding]] = {}
        self._groups_of: dict[str, set[str]] = {}

    # Applied records.

    def put_person(self, person: Person) -> bool:
        """Apply a person; return whether it was new."""
        return _newer(self.people, person.id, person)

    def put_department(self, department: Department) -> bool:
        """Apply a department; return whether it was new."""
        return self._counted(_newer(self.departments, department.id, department))

    def put_group(self, group: Group) -> bool:
        """Apply a group with its membership; return whether it was new."""
        previous = self.groups.get(group.id)
        if not _newer(self.groups, group.id, group):
            return False
        was = previous.members if previous and not previous.removed else _NOBODY
        now = _NOBODY if group.removed else group.members
        for person_id in was - now:
            self._groups_of[person_id].discard(group.id)
        for person_id in now - was:
            self._groups_of.setdefault(person_id, set()).add(group.id)
        return self._counted(news=True)

    def put_role(self, role: Role) -> bool:
        """Apply a role, of a built-in one only its masks; return whether it was new."""
        news = self._counted(_newer(self.roles, role.id, role))
        self.masked = any(each.masks and not each.removed for each in self.roles.values())
        return news

    def put_binding(self, binding: Binding) -> bool:
        """Apply a role binding; return whether it was new."""
        previous = self._bindings.get(binding.id)
        if not _newer(self._bindings, binding.id, binding):
            return False
        if previous is not None:
            self._bound.get(previous.subject, {}).pop(previous.id, None)
        if not binding.removed:
            self._bound.setdefault(binding.subject, {})[binding.id] = binding
        return self._counted(news=True)

    def put_policy(self, policy: Policy) -> bool:
        """Apply an attribute policy; return whether it was new."""
        return self._counted(self.policies.put(policy))

    def put_module(self, module: Module) -> bool:
        """Apply the switch of a module; return whether it was new."""
        return self._counted(_newer(self.modules, module.name, module))

    def put_members(self, members: Members) -> bool:
        """Apply the whole membership of an object; return whether it was new."""
        return self.memberships.put(members)

    def change_members(
        self,
        object_: Object,
        *,
        version: int,
        joined: Iterable[str],
        left: Iterable[str],
        begins: bool = False,
    ) -> bool:
        """Apply a step of a membership; return whether it was new.

        A step of an unknown membership marks the object as incomplete: it may have other members.

        Args:
            object_: the object.
            version: version of the membership after the step.
            joined: ids of people who become members.
            left: ids of people who stop being members.
            begins: true if there were no members before.
        """
        return self.memberships.change(
            object_, version=version, joined=joined, left=left, begins=begins
        )

    def mark_stale(self, object_: Object) -> None:
        """Record that a change of an object's members was missed: its owner is queried instead."""
        self.memberships.mark_stale(object_)

    def replace_members(self, kinds: frozenset[str], members: Iterable[Members]) -> None:
        """Apply a snapshot of all objects of some kinds, each unless a newer version is known.

        Objects that are neither in it nor in a fact received since the request are removed.
        """
        self.memberships.settle(kinds, members)

    def take_members(self, other: "State") -> None:
        """Copy every membership that another state of the tenant has."""
        self.memberships = other.memberships
        self.members, self.stale = other.memberships.members, other.memberships.stale

    def take_newer(self, other: "State") -> None:
        """Copy each record of which another state has a newer version than this one.

        Records that only the other state has are not copied: the owner no longer has them.
        """
        _take_newer(self.people, other.people, self.put_person)
        _take_newer(self.departments, other.departments, self.put_department)
        _take_newer(self.groups, other.groups, self.put_group)
        _take_newer(self.roles, other.roles, self.put_role)
        bindings = other._bindings  # noqa: SLF001 - of its own kind
        _take_newer(self._bindings, bindings, self.put_binding)
        _take_newer(self.policies.by_id, other.policies.by_id, self.put_policy)
        _take_newer(self.modules, other.modules, self.put_module)

    # Derived relations.

    def is_stale(self, object_: Object) -> bool:
        """Return whether the members of an object may be incomplete."""
        return object_ in self.stale

    def groups_of(self, person_id: str) -> frozenset[str]:
        """Return ids of the groups that a person belongs to."""
        return frozenset(self._groups_of.get(person_id, _NOBODY))

    def above(self, departments: tuple[str, ...]) -> frozenset[str]:
        """Return ids of the open departments given and of all above them.

        An unknown department has no parent: bindings above it grant nothing.
        """
        found: set[str] = set()
        for id_ in departments:
            department = self.departments.get(id_)
            if department is None:
                found.add(id_)
            elif not department.closed:
                found.update(department.path)
        return frozenset(found)

    def bindings_of(self, person: Person) -> list[Binding]:
        """Return the bindings that reach a person: their own, their groups', their departments'.

        None reaches a guest, who holds the role `guest` alone (GW-5): groups and departments do not
        look at who joins them.
        """
        if person.guest:
            return []
        subjects = [Subject(PERSON, person.id)]
        subjects += [Subject(GROUP, id_) for id_ in self._groups_of.get(person.id, ())]
        subjects += [Subject(DEPARTMENT, id_) for id_ in self.above(person.departments)]
        return [
            binding for subject in subjects for binding in self._bound.get(subject, _NONE).values()
        ]

    def bindings(self) -> Iterable[Binding]:
        """Return every binding that was not removed."""
        return [each for each in self._bindings.values() if not each.removed]

    def belongs(self, person_id: str, object_: Object) -> bool:
        """Return whether a person is a member of an object, or of the project that a task is in."""
        members = self.members.get(object_)
        if members is None:
            return False
        if members.project:
            members = self.members.get(Object("project", members.project))
            if members is None:
                return False
        return person_id in members.people

    def is_on(self, name: str, person: Person) -> bool:
        """Return whether a module is on for a person; one that was never switched is on."""
        module = self.modules.get(name)
        if module is None:
            return True
        if not module.exceptions or module.exceptions.isdisjoint(self.above(person.departments)):
            return module.enabled
        return not module.enabled

    def _counted(self, news: bool) -> bool:  # noqa: FBT001 - a result
        self.epoch += news
        return news


def _newer(records: dict[Key, Record], key: Key, record: Record) -> bool:
    previous = records.get(key)
    if previous is not None and record.version <= previous.version:
        return False
    records[key] = record
    return True


def _take_newer(
    mine: Mapping[str, Record], theirs: Mapping[str, Record], put: Callable[[Record], bool]
) -> None:
    for key, record in list(mine.items()):
        other = theirs.get(key)
        if other is not None and other.version > record.version:
            put(other)
