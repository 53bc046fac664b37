"""People: how one is made, changed and deactivated. Every change counts the version up by one."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from plexuskit.errors import InvalidArgument, VersionConflict

from directory.domain import handles, profiles
from directory.domain.access import ADMIN
from directory.domain.ids import DepartmentId, PersonId, TenantId
from directory.domain.tenants import Tenant
from directory.domain.working_hours import WorkingHours

In = TypeVar("In")
Out = TypeVar("Out")


class State(enum.Enum):
    """Whether a person may sign in."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class Kind(enum.Enum):
    """What acts under the name."""

    HUMAN = "human"
    SERVICE_ACCOUNT = "service_account"
    BOOTSTRAP = "bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone, or something, that acts in a tenant."""

    id: PersonId
    tenant_id: TenantId
    handle: str
    display_name: str
    email: str
    state: State
    kind: Kind
    department_ids: tuple[DepartmentId, ...]
    title: str
    time_zone: str
    working_hours: WorkingHours
    locale: str
    roles: tuple[str, ...]
    external_id: str
    created_at: datetime
    version: int

    @property
    def active(self) -> bool:
        """Whether the person may sign in."""
        return self.state is State.ACTIVE

    @property
    def administers(self) -> bool:
        """Whether the person is an administrator that can act."""
        return self.active and ADMIN in self.roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a new person is made from, as it was asked for."""

    handle: str
    display_name: str
    email: str = ""
    kind: Kind = Kind.HUMAN
    department_ids: Sequence[str] = ()
    title: str = ""
    time_zone: str = ""
    working_hours: WorkingHours | None = None
    locale: str = ""
    roles: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change of a person; None leaves a field as it is."""

    display_name: str | None = None
    email: str | None = None
    title: str | None = None
    time_zone: str | None = None
    working_hours: WorkingHours | None = None
    locale: str | None = None
    department_ids: Sequence[str] | None = None
    roles: Sequence[str] | None = None


def create(draft: Draft, *, person_id: PersonId, tenant: Tenant, now: datetime) -> Person:
    """Make a person at version 1.

    Where the draft is silent: the tenant's zone and working hours, and `zh-CN`.

    Raises:
        InvalidArgument: a field of the draft holds what it may not.
    """
    return Person(
        id=person_id,
        tenant_id=tenant.id,
        handle=handles.normalise(draft.handle),
        display_name=profiles.display_name(draft.display_name),
        email=profiles.email(draft.email),
        state=State.ACTIVE,
        kind=draft.kind,
        department_ids=profiles.departments(draft.department_ids),
        title=profiles.title(draft.title),
        time_zone=profiles.time_zone(draft.time_zone or tenant.time_zone),
        working_hours=draft.working_hours or tenant.working_hours,
        locale=profiles.locale(draft.locale),
        roles=profiles.roles(draft.roles),
        external_id="",
        created_at=now,
        version=1,
    )


def change(person: Person, changes: Changes, *, expected_version: int = 0) -> Person:
    """Apply the set changes. Out: the same object when nothing differs, else the next version.

    Raises:
        VersionConflict: `expected_version` is neither 0 nor the present one.
        InvalidArgument: a field holds what it may not.
    """
    if expected_version < 0:
        raise InvalidArgument(field="expected_version", problem="is negative")
    if expected_version not in {0, person.version}:
        raise VersionConflict(expected=expected_version, present=person.version)

    changed = replace(
        person,
        display_name=_or(changes.display_name, person.display_name, profiles.display_name),
        email=_or(changes.email, person.email, profiles.email),
        title=_or(changes.title, person.title, profiles.title),
        time_zone=_or(changes.time_zone, person.time_zone, profiles.time_zone),
        working_hours=changes.working_hours or person.working_hours,
        locale=_or(changes.locale, person.locale, profiles.locale),
        department_ids=_or(changes.department_ids, person.department_ids, profiles.departments),
        roles=_or(changes.roles, person.roles, profiles.roles),
    )
    return next_version(person, changed)


def deactivate(person: Person) -> Person:
    """Take away the right to sign in. Out: the same object for someone already deactivated."""
    return next_version(person, replace(person, state=State.DEACTIVATED))


def next_version(before: Person, after: Person) -> Person:
    """Count the version up when something differs; out: `before` itself when nothing does."""
    return before if after == before else replace(after, version=before.version + 1)


def loses_administrator(before: Person, after: Person) -> bool:
    """Whether the change takes an active administrator away."""
    return before.administers and not after.administers


def _or(given: In | None, present: Out, check: Callable[[In], Out]) -> Out:
    return present if given is None else check(given)
