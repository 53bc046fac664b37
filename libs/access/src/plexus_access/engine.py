"""Access decision for a person, a permission and an object, with its grounds (GW-1, GW-3).

A permission is held through roles: built-in ones for the tenant, others by bindings for a scope and
everything in it. An object with members also requires membership. Switched-off modules and
attribute policies can still refuse. Everything is read from one State; unknown facts grant nothing,
and `known` states whether the owner should be asked.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plexus_access import masks
from plexus_access.columns import read_with
from plexus_access.masks import Masks
from plexus_access.modules import module_of
from plexus_access.objects import (
    CONVERSATION,
    DEPARTMENT,
    GROUP,
    PERSON,
    PROJECT,
    TASK,
    TENANT,
    Object,
)
from plexus_access.policies import Circumstances, Principal, Resource
from plexus_access.records import Person
from plexus_access.roles import BUILT_IN, TENANT_WIDE
from plexus_access.state import State

WITH_MEMBERS: Final = frozenset({CONVERSATION, PROJECT, TASK})
"""Kinds of objects that require membership."""

_NOTHING: Final[frozenset[str]] = frozenset()

# Roles of a person: role, scope, expiry.
_Roles = tuple[tuple[str, Object, datetime | None], ...]


class Reason(enum.Enum):
    """Ground of a decision."""

    GRANTED = "granted"
    PERSON = "person"
    SCOPES = "scopes"
    MODULE = "module"
    ROLE = "role"
    REACH = "reach"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision with its ground.

    Attributes:
        allowed: the result.
        reason: the ground. REACH: the permission is held, but not for this object, or there is no
            such object: both get the same answer (GW-2).
        rule: identifier of the ground: `role:admin@department:d1`, `policy:night`, `module:tasks`.
        known: False when the state may be stale: the owner of the object decides.
    """

    allowed: bool
    reason: Reason
    rule: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """Role with a permission for a scope; `expires_at` None: no expiry."""

    role: str
    scope: Object
    expires_at: datetime | None = None
    masks: Masks = masks.NONE

    def __str__(self) -> str:
        return f"role:{self.role}@{self.scope}"

    def holds(self, now: datetime) -> bool:
        """Return whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A question.

    Attributes:
        person_id: the person.
        permission: the permission.
        object: the object; None: the tenant as a whole, or an object that the owner will find.
        scopes: permissions that an API token is limited to; empty for people.
        app: true for an API token.
        second_factor: true if the session used one.
        belongs: true if the owner checks membership of the object elsewhere; only roles, modules
            and policies are checked.
        unasked: true if calls ask no policy about the object but about the tenant.
    """

    person_id: str
    permission: str
    object: Object | None = None
    scopes: frozenset[str] = _NOTHING
    app: bool = False
    second_factor: bool = False
    belongs: bool = False
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Grants and masks of a person's roles, for as long as nothing of them changes.

    Attributes:
        person: the person.
        epoch: of the state.
        grants: by permission.
        masked: messages that any of the roles shows in part; empty for most people.
    """

    person: Person
    epoch: int
    grants: Mapping[str, Sequence[Grant]]
    masked: tuple[str, ...] = ()


class Engine:
    """Answers questions about one tenant."""

    def __init__(self, state: State) -> None:
        """Set the state to decide on; it may change between decisions."""
        self.state = state
        self._held: dict[str, Held] = {}
        # Most people hold the same roles: their grants are kept once, for one epoch.
        self._grants: dict[_Roles, tuple[Mapping[str, Sequence[Grant]], tuple[str, ...]]] = {}
        self._grants_epoch = state.epoch
        self._principals: dict[str, tuple[Held, Principal]] = {}

    def decide(self, ask: Ask, *, now: datetime) -> Decision:
        """Decide; at most a few dozen lookups, and a policy only where one concerns the permission.

        Args:
            ask: the question.
            now: aware.
        """
        decided = self.granted(ask, now=now)
        if decided.allowed and self.state.policies.concern(ask.permission):
            return self._policy(ask, self.state.people[ask.person_id], decided, now=now)
        return decided

    def granted(self, ask: Ask, *, now: datetime) -> Decision:
        """Decide without the attribute policies, which refuse more. Arguments as for `decide`."""
        person = self.state.people.get(ask.person_id)
        if person is None or not person.may_act(now):
            return Decision(False, Reason.PERSON, "person", known=person is not None)
        permission = ask.permission
        if ask.scopes and permission not in ask.scopes:
            return Decision(False, Reason.SCOPES, "scopes")
        module = module_of(permission)
        if module and not self.state.is_on(module, person):
            return Decision(False, Reason.MODULE, f"module:{module}")
        grants = self.held(person).grants.get(permission, ())
        held = [each for each in grants if each.holds(now)] if grants else ()
        if ask.object is None and permission in TENANT_WIDE:
            held = [each for each in held if each.scope.kind == TENANT]
        if not held:
            return Decision(False, Reason.ROLE, f"permission:{permission}")
        return self._reach(person, ask.object, held, belongs=ask.belongs)

    def plainly(self, person_id: str, permission: str) -> bool:
        """Return whether a permission is held for the whole tenant, for good, without policies.

        The result stays valid as long as the person's record and the state's epoch stay the same.
        """
        person = self.state.people.get(person_id)
        if person is None or person.guest_until or self.state.policies.concern(permission):
            return False
        return any(
            grant.scope.kind == TENANT and grant.expires_at is None
            for grant in self.held(person).grants.get(permission, ())
        )

    def held(self, person: Person) -> Held:
        """Return the grants of a person's roles, cached until they change."""
        held = self._held.get(person.id)
        if held is None or held.epoch != self.state.epoch or held.person is not person:
            held = self._held[person.id] = self._gathered(person)
        return held

    def masks(self, ask: Ask, *, now: datetime, roles: frozenset[str] = _NOTHING) -> Masks:
        """Return the visible columns in the response of an allowed call; none: all of them.

        Of each message, the columns shown by any role that grants the permission to read it
        (`Columns.read_with`), or that of the call if it declares none. A role held for a part of
        the tenant counts only if the call is about an object in that part.

        Args:
            ask: the question.
            now: aware.
            roles: built-in ones of a person who is not known here yet.
        """
        if not self.state.masked:
            return masks.NONE
        person = self.state.people.get(ask.person_id)
        held = self.held(person) if person is not None else self._of_roles(ask.person_id, roles)
        if not held.masked:
            return masks.NONE
        shown: dict[str, frozenset[str]] = {}
        for name in held.masked:
            every = [each.masks.shown(name) for each in self._showing(held, ask, name, now=now)]
            if None not in every:
                shown[name] = frozenset().union(*(each for each in every if each is not None))
        return Masks(shown) if shown else masks.NONE

    def masked_until(self, person_id: str, *, now: datetime) -> datetime | None:
        """Return the next instant at which a person's columns change without an event."""
        person = self.state.people.get(person_id)
        if person is None:
            return None
        expiries = [
            grant.expires_at
            for grants in self.held(person).grants.values()
            for grant in grants
            if grant.expires_at is not None and grant.holds(now)
        ]
        return min(expiries, default=None)

    def _showing(self, held: Held, ask: Ask, message: str, *, now: datetime) -> list[Grant]:
        """Return the roles that decide on the columns of a message, at least one."""
        for permission in (read_with(message), ask.permission):
            given = [each for each in held.grants.get(permission, ()) if each.holds(now)]
            if ask.object is not None:
                given = [each for each in given if self.covers(each.scope, ask.object)]
            else:
                given = [each for each in given if each.scope.kind == TENANT] or given
            if given:
                return given
        # Without such a role the person sees the columns that all of them together show.
        return [each for grants in held.grants.values() for each in grants if each.masks]

    def _of_roles(self, person_id: str, roles: frozenset[str]) -> Held:
        tenant = Object(TENANT, self.state.tenant_id)
        given = self._given(tuple((role, tenant, None) for role in sorted(roles)))
        unknown = Person(id=person_id, version=0, active=True, kind="", roles=roles, departments=())
        return Held(unknown, self.state.epoch, given, _masked(given))

    def covers(self, scope: Object, object_: Object) -> bool:
        """Return whether a scope contains an object now; departments contain those below (GW-3).

        A person is in a department's scope when all of their departments are: a person with another
        department too is outside it.
        """
        if scope == object_:
            return True
        if scope.kind == TENANT:
            return scope.id == self.state.tenant_id
        if scope.kind == DEPARTMENT:
            within = self.departments_of(object_)
            return bool(within) and all(self._below(each, scope.id) for each in within)
        if scope.kind == PROJECT and object_.kind == TASK:
            members = self.state.members.get(object_)
            return members is not None and members.project == scope.id
        return False

    def departments_of(self, object_: Object) -> tuple[str, ...]:
        """Return the departments that an object belongs to, without those above."""
        if object_.kind == DEPARTMENT:
            return (object_.id,)
        if object_.kind == PERSON:
            person = self.state.people.get(object_.id)
            return person.departments if person is not None else ()
        if object_.kind == GROUP:
            group = self.state.groups.get(object_.id)
            return (group.department,) if group is not None and group.department else ()
        return ()

    def _below(self, department_id: str, above_id: str) -> bool:
        department = self.state.departments.get(department_id)
        return department is not None and above_id in department.path

    def exists(self, object_: Object) -> bool:
        """Return whether an object of directory is known."""
        state = self.state
        if object_.kind == PERSON:
            return object_.id in state.people
        if object_.kind == DEPARTMENT:
            return object_.id in state.departments
        if object_.kind == GROUP:
            group = state.groups.get(object_.id)
            return group is not None and not group.removed
        return object_.kind == TENANT and object_.id == state.tenant_id

    def _reach(
        self, person: Person, object_: Object | None, held: Sequence[Grant], *, belongs: bool
    ) -> Decision:
        if object_ is None:
            # The object is in the request: the owner reads it and decides on the scope.
            return Decision(True, Reason.GRANTED, str(held[0]))
        if object_.kind in WITH_MEMBERS:
            if not belongs and (
                self.state.is_stale(object_) or not self.state.belongs(person.id, object_)
            ):
                return Decision(False, Reason.REACH, f"relation:{object_.kind}", known=False)
        elif not self.exists(object_):
            return Decision(False, Reason.REACH, f"object:{object_.kind}", known=False)
        # Only the owner knows the project of a task.
        loose = belongs and object_.kind == TASK
        for grant in held:
            scope = grant.scope
            if (
                scope.kind == TENANT
                or (loose and scope.kind == PROJECT)
                or self.covers(scope, object_)
            ):
                return Decision(True, Reason.GRANTED, str(grant))
        return Decision(False, Reason.REACH, f"scope:{object_.kind}", known=False)

    def _policy(self, ask: Ask, person: Person, granted: Decision, *, now: datetime) -> Decision:
        local = now.astimezone(_zone(person.time_zone))
        about = None if ask.unasked else ask.object
        object_ = about or Object(TENANT, self.state.tenant_id)
        refusing = self.state.policies.refusing(
            ask.permission,
            principal=self._current(person),
            resource=Resource(
                kind=object_.kind,
                id=object_.id,
                departments=self.state.above(self.departments_of(object_)),
            ),
            circumstances=Circumstances(
                app=ask.app,
                second_factor=ask.second_factor,
                weekday=local.isoweekday(),
                minute=local.hour * 60 + local.minute,
            ),
        )
        return Decision(False, Reason.POLICY, f"policy:{refusing}") if refusing else granted

    def _current(self, person: Person) -> Principal:
        """Return a person's attributes, the same object until something of them changes."""
        held = self.held(person)
        kept = self._principals.get(person.id)
        if kept is None or kept[0] is not held:
            kept = self._principals[person.id] = (held, self.principal(person))
        return kept[1]

    def principal(self, person: Person) -> Principal:
        """Return a person's attributes as policies see them."""
        return Principal(
            id=person.id,
            kind=person.kind,
            departments=self.state.above(person.departments),
            groups=self.state.groups_of(person.id),
            roles=person.roles,
            title=person.title,
            locale=person.locale,
            guest=person.guest,
        )

    def _gathered(self, person: Person) -> Held:
        """Gather a person's grants by permission, those for the tenant first."""
        state = self.state
        tenant = Object(TENANT, state.tenant_id)
        held: _Roles = tuple((role, tenant, None) for role in sorted(person.roles))
        held += tuple(
            (each.role, each.scope, each.expires_at) for each in state.bindings_of(person)
        )
        if self._grants_epoch != state.epoch:
            self._grants.clear()
            self._grants_epoch = state.epoch
        known = self._grants.get(held)
        if known is None:
            grants = self._given(held)
            known = self._grants[held] = (grants, _masked(grants))
        return Held(person, state.epoch, *known)

    def _given(self, held: "_Roles") -> Mapping[str, Sequence[Grant]]:
        grants: dict[str, list[Grant]] = {}
        for role_id, scope, expires_at in held:
            given, shown = self._role(role_id)
            grant = Grant(role_id, scope, expires_at, shown)
            for permission in given:
                grants.setdefault(permission, []).append(grant)
        for given_by in grants.values():
            given_by.sort(key=lambda each: (each.scope.kind != TENANT, str(each)))
        return grants

    def _role(self, role_id: str) -> tuple[frozenset[str], Masks]:
        """Return the grants and masks of a role; an unknown or removed one grants nothing."""
        role = self.state.roles.get(role_id)
        if role_id in BUILT_IN:
            return BUILT_IN[role_id], masks.NONE if role is None else role.masks
        if role is None or role.removed:
            return _NOTHING, masks.NONE
        return role.permissions, role.masks


def _masked(grants: Mapping[str, Sequence[Grant]]) -> tuple[str, ...]:
    """Return the messages that any role of some grants shows in part."""
    names = {
        name for given in grants.values() for grant in given for name, _ in grant.masks.items()
    }
    return tuple(sorted(names))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
