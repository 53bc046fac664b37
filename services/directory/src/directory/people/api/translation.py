"""People of requests as domain values, and people as their reader may see them."""

from collections.abc import Iterable
from typing import Final

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1 import people_pb2
from plexuskit.errors import InvalidArgument
from plexuskit.timestamps import requested_field, requested_instant

from directory.people.domain.absences import Absence
from directory.people.domain.imports import Imported
from directory.people.domain.people import Changes, Draft, Kind, Person
from directory.people.domain.posts import Post
from directory.people.domain.working_hours import MAX_WINDOWS, Window, WorkingHours, check
from directory.people.events import person_to_proto, reduced_person_to_proto
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import DepartmentId, PersonId

# Repeated days are dropped, so a few more than a week are accepted.
MAX_WEEKDAYS: Final = 70
_KINDS: Final = {
    people_pb2.Person.KIND_UNSPECIFIED: Kind.HUMAN,
    people_pb2.Person.KIND_HUMAN: Kind.HUMAN,
    people_pb2.Person.KIND_SERVICE_ACCOUNT: Kind.SERVICE_ACCOUNT,
    people_pb2.Person.KIND_BOOTSTRAP: Kind.BOOTSTRAP,
    people_pb2.Person.KIND_GUEST: Kind.GUEST,
}


def shown_to(actor: Actor, person: Person) -> people_pb2.Person:
    """Return a person in full, or reduced if the actor is a guest and another person (GW-5)."""
    if actor.guest and person.id != actor.person_id:
        return reduced_person_to_proto(person)
    return person_to_proto(person)


def draft_of(request: pb.CreatePersonRequest) -> Draft:
    """Read the draft of a new person.

    Raises:
        InvalidArgument: working hours, kind or an instant cannot be.
    """
    return Draft(
        handle=request.handle,
        display_name=request.display_name,
        email=request.email,
        kind=kind_of(request.kind),
        department_ids=request.department_ids,
        title=request.title,
        time_zone=request.time_zone,
        working_hours=_hours(request),
        locale=request.locale,
        roles=request.roles,
        posts=_posts(request.posts),
        skills=request.skills,
        manager_id=request.manager_id,
        guest_expires_at=requested_field(request, "guest_expires_at"),
        employee_number=request.employee_number,
        cost_center=request.cost_center,
    )


def changes_of(request: pb.UpdatePersonRequest) -> Changes:
    """Read the fields that are set.

    Raises:
        InvalidArgument: working hours or an instant cannot be.
    """
    return Changes(
        handle=request.handle if request.HasField("handle") else None,
        display_name=request.display_name if request.HasField("display_name") else None,
        email=request.email if request.HasField("email") else None,
        title=request.title if request.HasField("title") else None,
        time_zone=request.time_zone if request.HasField("time_zone") else None,
        working_hours=_hours(request),
        locale=request.locale if request.HasField("locale") else None,
        department_ids=request.department_ids if request.set_departments else None,
        roles=request.roles if request.set_roles else None,
        posts=_posts(request.posts) if request.set_posts else None,
        skills=request.skills if request.set_skills else None,
        manager_id=request.manager_id if request.HasField("manager_id") else None,
        guest_expires_at=requested_field(request, "guest_expires_at"),
        employee_number=request.employee_number if request.HasField("employee_number") else None,
        cost_center=request.cost_center if request.HasField("cost_center") else None,
    )


def profile_changes_of(request: pb.UpdateProfileRequest) -> Changes:
    """Read people's changes of their own profile; no other field can come from it.

    Raises:
        InvalidArgument: working hours cannot be.
    """
    return Changes(
        skills=request.skills if request.set_skills else None,
        time_zone=request.time_zone if request.HasField("time_zone") else None,
        locale=request.locale if request.HasField("locale") else None,
        working_hours=_hours(request),
    )


def absence_of(absence: people_pb2.Absence) -> Absence:
    """Read a planned absence; the domain checks its times.

    Raises:
        InvalidArgument: an instant there is not.
    """
    return Absence(
        starts_at=requested_instant(absence.starts_at, field="absence.starts_at"),
        ends_at=requested_instant(absence.ends_at, field="absence.ends_at"),
        deputy_id=PersonId(absence.deputy_id),
        note=absence.note,
    )


def imported_of(person: pb.ImportedPerson, index: int) -> Imported:
    """Read a person of an import.

    Raises:
        InvalidArgument: working hours are invalid.
    """
    return Imported(
        external_id=person.external_id,
        handle=person.handle,
        display_name=person.display_name,
        email=person.email,
        title=person.title,
        time_zone=person.time_zone,
        locale=person.locale,
        deactivated=person.deactivated,
        service_account=person.service_account,
        department_ids=tuple(person.department_ids),
        password=person.password,
        working_hours=_hours(person, field=f"people[{index}].working_hours"),
        posts=_posts(person.posts),
        skills=tuple(person.skills),
        manager_external_id=person.manager_external_id,
        employee_number=person.employee_number,
        cost_center=person.cost_center,
    )


def _posts(given: Iterable[people_pb2.Post]) -> tuple[Post, ...]:
    return tuple(Post(DepartmentId(post.department_id), post.title) for post in given)


def _hours(
    request: (
        pb.CreatePersonRequest
        | pb.UpdatePersonRequest
        | pb.UpdateProfileRequest
        | pb.ImportedPerson
    ),
    *,
    field: str = "working_hours",
) -> WorkingHours | None:
    if not request.HasField("working_hours"):
        return None
    return hours_of(request.working_hours, field=field)


def hours_of(hours: people_pb2.WorkingHours, *, field: str = "working_hours") -> WorkingHours:
    """Read working hours that a request has set.

    Raises:
        InvalidArgument: days, minutes or windows that cannot be.
    """
    # Counted first: a list of a million is not made into windows.
    if len(hours.windows) > MAX_WINDOWS:
        raise InvalidArgument(field=f"{field}.windows", problem=f"takes 1 to {MAX_WINDOWS}")
    if len(hours.weekdays) > MAX_WEEKDAYS:
        raise InvalidArgument(field=f"{field}.weekdays", problem="takes 1 (Monday) to 7 (Sunday)")
    windows = [Window(each.start_minute, each.end_minute) for each in hours.windows]
    return check(hours.weekdays, windows, field=field)


def kind_of(kind: "people_pb2.Person.Kind.ValueType") -> Kind:
    """Translate the kind of an actor; unspecified is a human.

    Raises:
        InvalidArgument: a kind that this version does not know.
    """
    if kind not in _KINDS:
        raise InvalidArgument(field="kind", problem="is unknown")
    return _KINDS[kind]
