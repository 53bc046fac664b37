"""People from another system: keyed by external id, so that a second import changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument

from directory.accounts.domain import passwords
from directory.people.domain import handles, people, posts, profiles
from directory.people.domain.people import Kind, Person, next_version
from directory.people.domain.posts import Post
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import WorkingHours
from directory.shared.domain.actors import MEMBER, State
from directory.shared.domain.ids import PersonId

MAX_PEOPLE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """Person as described by another system; empty fields are unknown."""

    external_id: str
    handle: str
    display_name: str
    email: str = ""
    title: str = ""
    time_zone: str = ""
    locale: str = ""
    deactivated: bool = False
    service_account: bool = False
    department_ids: Sequence[str] = ()
    password: str = field(default="", repr=False)
    working_hours: WorkingHours | None = None
    posts: Sequence[Post] = ()
    skills: Sequence[str] = ()
    manager_external_id: str = ""
    employee_number: str = ""
    cost_center: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Effect of an import: new people, and changes as (before, after), all in request order."""

    created: tuple[Person, ...]
    changed: tuple[tuple[Person, Person], ...]
    people: tuple[Person, ...]


def checked(people: Sequence[Imported]) -> Iterator[Imported]:
    """Check a whole import before anything is written; yield the same people with clean fields.

    One after the other: a thousand passwords take longer than a turn of the event loop may.

    Raises:
        InvalidArgument: more than 1,000 people, an external id twice, or a field with a value that
            is not allowed, named as `people[3].email`.
    """
    if len(people) > MAX_PEOPLE:
        raise InvalidArgument(field="people", problem=f"holds more than {MAX_PEOPLE}")
    seen: set[str] = set()
    for index, person in enumerate(people):
        clean = _checked(person, f"people[{index}]")
        if clean.external_id in seen:
            problem = f"names {clean.external_id!r} more than once"
            raise InvalidArgument(field="people", problem=problem)
        seen.add(clean.external_id)
        yield clean


def wanted_handle(person: Imported) -> str:
    """Return a normal handle for a person's name in the other system; never refuses."""
    return handles.derive(person.handle, otherwise=person.external_id.partition(":")[2])


def plan(
    imported: Sequence[Imported],
    *,
    existing: Mapping[str, Person],
    taken: frozenset[str],
    new_ids: Mapping[str, PersonId],
    managers: Mapping[str, PersonId],
    tenant: Tenant,
    now: datetime,
) -> Plan:
    """Decide which people are created and which are changed.

    In: checked people; existing people by external id; every taken handle that a new person may ask
        for, numbered ones included; an id for each external id; the existing managers by external
        id. Out: the plan, its `people` in the order of `imported`.

    Raises:
        InvalidArgument: a manager does not exist, a new person would be invalid, or an existing
            person would become a service account.
    """
    _check_kinds(imported, existing=existing)
    known = {
        person.external_id: existing[person.external_id].id
        if person.external_id in existing
        else new_ids[person.external_id]
        for person in imported
    }
    reports_to = _managers(imported, known={**managers, **known})
    newcomers = [person for person in imported if person.external_id not in existing]
    given = handles.allocate([wanted_handle(person) for person in newcomers], taken=taken)
    created = {
        person.external_id: _create(
            person,
            handle=handle,
            person_id=new_ids[person.external_id],
            manager_id=reports_to[person.external_id],
            tenant=tenant,
            now=now,
        )
        for person, handle in zip(newcomers, given, strict=True)
    }

    merged = {
        person.external_id: merge(
            existing[person.external_id], person, manager_id=reports_to[person.external_id]
        )
        for person in imported
        if person.external_id in existing
    }
    changed = tuple(
        (existing[external_id], after)
        for external_id, after in merged.items()
        if after is not existing[external_id]
    )
    everybody = created | merged
    return Plan(
        created=tuple(created.values()),
        changed=changed,
        people=tuple(everybody[person.external_id] for person in imported),
    )


def merge(person: Person, imported: Imported, *, manager_id: str) -> Person:
    """Update a person from the other system. Out: the same object when nothing differs.

    An import never erases (an empty field keeps the current value), never sets another handle, kind
    or password, and never reactivates a person who was deactivated here.
    """
    departments = profiles.departments(imported.department_ids) or person.department_ids
    after = replace(
        person,
        display_name=imported.display_name or person.display_name,
        email=imported.email or person.email,
        title=imported.title or person.title,
        time_zone=imported.time_zone or person.time_zone,
        working_hours=imported.working_hours or person.working_hours,
        locale=imported.locale or person.locale,
        state=State.DEACTIVATED if imported.deactivated else person.state,
        department_ids=departments,
        posts=tuple(imported.posts) or posts.within(person.posts, departments),
        skills=tuple(imported.skills) or person.skills,
        manager_id=manager_id or person.manager_id,
        employee_number=imported.employee_number or person.employee_number,
        cost_center=imported.cost_center or person.cost_center,
    )
    return next_version(person, people.check(after))


def _managers(imported: Sequence[Imported], *, known: Mapping[str, PersonId]) -> dict[str, str]:
    """Find the manager of each person of the import; "" for those without one."""
    found: dict[str, str] = {}
    for index, person in enumerate(imported):
        wanted = person.manager_external_id
        if wanted and wanted not in known:
            raise InvalidArgument(
                field=f"people[{index}].manager_external_id", problem=f"{wanted!r} is nobody's"
            )
        found[person.external_id] = known[wanted] if wanted else ""
    return found


def _check_kinds(imported: Sequence[Imported], *, existing: Mapping[str, Person]) -> None:
    """Check that no person becomes a service account: others make tokens for those (GW-11)."""
    for index, person in enumerate(imported):
        here = existing.get(person.external_id)
        if person.service_account and here and here.kind is not Kind.SERVICE_ACCOUNT:
            raise InvalidArgument(
                field=f"people[{index}].service_account",
                problem=f"cannot be: {person.external_id!r} is here as another kind of account",
            )


def _checked(person: Imported, where: str) -> Imported:
    external_id = profiles.external_id(person.external_id, field=f"{where}.external_id")
    return replace(
        person,
        external_id=external_id,
        # A name without a visible character counts as none: the handle is used instead.
        display_name=profiles.title(person.display_name, field=f"{where}.display_name"),
        email=profiles.email(person.email, field=f"{where}.email"),
        title=profiles.title(person.title, field=f"{where}.title"),
        time_zone=person.time_zone
        and profiles.time_zone(person.time_zone, field=f"{where}.time_zone"),
        locale=person.locale and profiles.locale(person.locale, field=f"{where}.locale"),
        department_ids=profiles.departments(person.department_ids, field=f"{where}.department_ids"),
        password=person.password
        and passwords.normalise(
            person.password,
            field=f"{where}.password",
            about=(person.handle, person.display_name, person.email.partition("@")[0]),
        ),
        posts=posts.posts(person.posts, field=f"{where}.posts"),
        skills=posts.skills(person.skills, field=f"{where}.skills"),
        employee_number=profiles.line(person.employee_number, field=f"{where}.employee_number"),
        cost_center=profiles.line(person.cost_center, field=f"{where}.cost_center"),
    )


def _create(
    imported: Imported,
    *,
    handle: str,
    person_id: PersonId,
    manager_id: str,
    tenant: Tenant,
    now: datetime,
) -> Person:
    made = Person(
        id=person_id,
        tenant_id=tenant.id,
        handle=handle,
        # A placeholder for a person long gone often has no name of its own.
        display_name=imported.display_name or handle,
        email=imported.email,
        state=State.DEACTIVATED if imported.deactivated else State.ACTIVE,
        kind=Kind.SERVICE_ACCOUNT if imported.service_account else Kind.HUMAN,
        department_ids=profiles.departments(imported.department_ids),
        title=imported.title,
        time_zone=imported.time_zone or tenant.time_zone,
        working_hours=imported.working_hours or tenant.working_hours,
        locale=profiles.locale(imported.locale),
        roles=(MEMBER,),
        external_id=imported.external_id,
        created_at=now,
        version=1,
        posts=tuple(imported.posts),
        skills=tuple(imported.skills),
        manager_id=manager_id,
        employee_number=imported.employee_number,
        cost_center=imported.cost_center,
    )
    return people.check(made)
