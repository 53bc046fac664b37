"""People: creation, change and deactivation. Every change increases the version by one."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from plexuskit.errors import InvalidArgument, VersionConflict

from directory.people.domain import handles, posts, profiles
from directory.people.domain.absences import Absence
from directory.people.domain.posts import Post
from directory.people.domain.refusals import GuestExpired
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import WorkingHours
from directory.shared.domain.actors import ADMIN, GUEST, MEMBER, State
from directory.shared.domain.ids import DepartmentId, GroupId, PersonId, TenantId

In = TypeVar("In")
Out = TypeVar("Out")
MAX_STAY: Final = timedelta(days=366)
MAX_FORMER_HANDLES: Final = 20


class Kind(enum.Enum):
    """Kind of actor behind the name."""

    HUMAN = "human"
    SERVICE_ACCOUNT = "service_account"
    BOOTSTRAP = "bootstrap"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class FormerHandle:
    """A handle that a person had until an instant; it still leads to them alone."""

    handle: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Human or service account that acts in a tenant.

    `group_ids` are the groups that the person belongs to; they are not part of the person's facts,
    so a change of them alone makes no new version. `reactivated_at` is the last time of many.
    """

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
    posts: tuple[Post, ...] = ()
    skills: tuple[str, ...] = ()
    manager_id: str = ""
    guest_expires_at: datetime | None = None
    absence: Absence | None = None
    employee_number: str = ""
    cost_center: str = ""
    former_handles: tuple[FormerHandle, ...] = ()
    group_ids: tuple[GroupId, ...] = ()
    reactivated_at: datetime | None = None

    @property
    def active(self) -> bool:
        """True if the person may sign in, unless their access has expired."""
        return self.state is State.ACTIVE

    @property
    def active_since(self) -> datetime:
        """The instant since which the person is active, if at all: made then, or let back in."""
        return self.reactivated_at or self.created_at

    @property
    def administers(self) -> bool:
        """True if the person is an active administrator."""
        return self.active and ADMIN in self.roles

    @property
    def obvious_words(self) -> tuple[str, ...]:
        """Words that a stranger would try in the person's password."""
        return (self.handle, self.display_name, self.email.partition("@")[0])

    def expired(self, *, now: datetime) -> bool:
        """Return whether the person is a guest whose access has expired."""
        return self.guest_expires_at is not None and self.guest_expires_at <= now

    def welcome(self, *, now: datetime) -> bool:
        """Return whether the person may sign in at this instant (GW-5)."""
        return self.active and not self.expired(now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Requested fields of a new person."""

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
    posts: Sequence[Post] = ()
    skills: Sequence[str] = ()
    manager_id: str = ""
    guest_expires_at: datetime | None = None
    employee_number: str = ""
    cost_center: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of a person; None leaves a field unchanged."""

    handle: str | None = None
    display_name: str | None = None
    email: str | None = None
    title: str | None = None
    time_zone: str | None = None
    working_hours: WorkingHours | None = None
    locale: str | None = None
    department_ids: Sequence[str] | None = None
    roles: Sequence[str] | None = None
    posts: Sequence[Post] | None = None
    skills: Sequence[str] | None = None
    manager_id: str | None = None
    guest_expires_at: datetime | None = None
    employee_number: str | None = None
    cost_center: str | None = None


def create(draft: Draft, *, person_id: PersonId, tenant: Tenant, now: datetime) -> Person:
    """Create a person at version 1.

    Defaults: the tenant's zone and working hours, and `zh-CN`. The store checks that manager and
    departments exist.

    Raises:
        InvalidArgument: the value of a field is not allowed.
    """
    guest = draft.kind is Kind.GUEST
    return check(
        Person(
            id=person_id,
            tenant_id=tenant.id,
            handle=handles.choose(draft.handle),
            display_name=profiles.display_name(draft.display_name),
            email=profiles.email(draft.email),
            state=State.ACTIVE,
            kind=draft.kind,
            department_ids=profiles.departments(draft.department_ids),
            title=profiles.title(draft.title),
            time_zone=profiles.time_zone(draft.time_zone or tenant.time_zone),
            working_hours=draft.working_hours or tenant.working_hours,
            locale=profiles.locale(draft.locale),
            roles=profiles.roles(draft.roles, otherwise=GUEST if guest else MEMBER),
            external_id="",
            created_at=now,
            version=1,
            posts=posts.posts(draft.posts),
            skills=posts.skills(draft.skills),
            manager_id=draft.manager_id,
            guest_expires_at=_expiry(draft.guest_expires_at, guest=guest, now=now),
            employee_number=profiles.line(draft.employee_number, field="employee_number"),
            cost_center=profiles.line(draft.cost_center, field="cost_center"),
        )
    )


def change(person: Person, changes: Changes, *, expected_version: int = 0, now: datetime) -> Person:
    """Apply the set changes. Out: the same object when nothing differs, else the next version.

    Posts in departments that the person leaves end with it, unless the changes list the posts.

    Raises:
        VersionConflict: `expected_version` is neither 0 nor the current one.
        InvalidArgument: the value of a field is not allowed.
    """
    if expected_version < 0:
        raise InvalidArgument(field="expected_version", problem="is negative")
    if expected_version not in {0, person.version}:
        raise VersionConflict(expected_version=expected_version, current_version=person.version)

    departments = _or(changes.department_ids, person.department_ids, profiles.departments)
    handle = _or(changes.handle, person.handle, handles.choose)
    changed = replace(
        person,
        handle=handle,
        former_handles=_former(person, handle, now=now),
        display_name=_or(changes.display_name, person.display_name, profiles.display_name),
        email=_or(changes.email, person.email, profiles.email),
        title=_or(changes.title, person.title, profiles.title),
        time_zone=_or(changes.time_zone, person.time_zone, profiles.time_zone),
        working_hours=changes.working_hours or person.working_hours,
        locale=_or(changes.locale, person.locale, profiles.locale),
        department_ids=departments,
        roles=_or(changes.roles, person.roles, profiles.roles),
        posts=_or(changes.posts, posts.within(person.posts, departments), posts.posts),
        skills=_or(changes.skills, person.skills, posts.skills),
        manager_id=person.manager_id if changes.manager_id is None else changes.manager_id,
        guest_expires_at=_later(person, changes.guest_expires_at, now=now),
        employee_number=_line(changes.employee_number, person.employee_number, "employee_number"),
        cost_center=_line(changes.cost_center, person.cost_center, "cost_center"),
    )
    return next_version(person, check(changed))


def check(person: Person) -> Person:
    """Check the rules across fields of a person; out: the same object.

    Raises:
        InvalidArgument: a post is in no department of the person, a guest has a department or
            another role than `guest`, or a person who is no guest has that role (GW-5).
    """
    held = {post.department_id for post in person.posts}
    if strange := held.difference(person.department_ids):
        problem = f"names {min(strange)!r}, which is not among department_ids"
        raise InvalidArgument(field="posts", problem=problem)
    if person.kind is not Kind.GUEST:
        if GUEST in person.roles:
            raise InvalidArgument(field="roles", problem="holds guest, which only guests have")
        return person
    if person.roles != (GUEST,):
        raise InvalidArgument(field="roles", problem="of a guest is guest and nothing else")
    if person.department_ids:
        raise InvalidArgument(field="department_ids", problem="is for nobody from outside")
    return person


def deactivate(person: Person) -> Person:
    """Deactivate a person. Out: the same object if already deactivated."""
    return next_version(person, replace(person, state=State.DEACTIVATED))


def reactivate(person: Person, *, now: datetime) -> Person:
    """Reactivate a person. Out: the same object if already active.

    Raises:
        GuestExpired: the person is a guest whose access has expired.
    """
    if person.expired(now=now):
        raise GuestExpired
    if person.active:
        return person
    return next_version(person, replace(person, state=State.ACTIVE, reactivated_at=now))


def set_absence(person: Person, absence: Absence | None) -> Person:
    """Plan an absence, or end it with None. Out: the same object when nothing differs."""
    return next_version(person, replace(person, absence=absence))


def transfer(person: Person, *, previous: DepartmentId, after: DepartmentId) -> Person:
    """Move a person with their posts from one department to another, in the same list position.

    Out: the same object for a person outside the first one.
    """
    if previous not in person.department_ids:
        return person
    departments = (after if each == previous else each for each in person.department_ids)
    return next_version(
        person,
        replace(
            person,
            department_ids=tuple(dict.fromkeys(departments)),
            posts=posts.moved(person.posts, previous=previous, after=after),
        ),
    )


def next_version(previous: Person, after: Person) -> Person:
    """Count the version up when something differs; out: `previous` itself when nothing does."""
    return previous if after == previous else replace(after, version=previous.version + 1)


def loses_administrator(previous: Person, after: Person) -> bool:
    """Return whether the change removes an active administrator."""
    return previous.administers and not after.administers


def _former(person: Person, handle: str, *, now: datetime) -> tuple[FormerHandle, ...]:
    """Return the handles that a person had before this one, the newest last."""
    if handle == person.handle:
        return person.former_handles
    earlier = [each for each in person.former_handles if each.handle not in {handle, person.handle}]
    return (*earlier, FormerHandle(person.handle, now))[-MAX_FORMER_HANDLES:]


def _expiry(at: datetime | None, *, guest: bool, now: datetime) -> datetime | None:
    if guest:
        return guest_expiry(at, now=now)
    if at is not None:
        raise InvalidArgument(field="guest_expires_at", problem="is for guests only")
    return None


def _later(person: Person, at: datetime | None, *, now: datetime) -> datetime | None:
    if at is None:
        return person.guest_expires_at
    return _expiry(at, guest=person.kind is Kind.GUEST, now=now)


def _line(given: str | None, current: str, field: str) -> str:
    return current if given is None else profiles.line(given, field=field)


def _or(given: In | None, current: Out, check_given: Callable[[In], Out]) -> Out:
    return current if given is None else check_given(given)


def guest_expiry(
    at: datetime | None, *, now: datetime, field: str = "guest_expires_at"
) -> datetime:
    """Check until when a guest may come: later than now, at most a year ahead.

    Raises:
        InvalidArgument: there is no such instant, it is over, or later than that.
    """
    if at is None:
        raise InvalidArgument(field=field, problem="is needed for a guest")
    if at <= now:
        raise InvalidArgument(field=field, problem="is over; deactivate the guest instead")
    if at > now + MAX_STAY:
        raise InvalidArgument(field=field, problem="is more than a year ahead")
    return at
