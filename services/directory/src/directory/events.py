"""Domain states and facts as protobuf: what the contract shows and the topics carry."""

from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.directory.v1 import events_pb2, people_pb2
from plexus.topics import DIRECTORY_DEPARTMENT_V1, DIRECTORY_PERSON_V1
from plexuskit.outbox import Fact, envelope

from directory.domain.api_tokens import ApiToken
from directory.domain.departments import Department
from directory.domain.people import Kind, Person, State
from directory.domain.sessions import Session
from directory.domain.tenants import Tenant
from directory.domain.working_hours import WorkingHours

SERVICE: Final = "directory"
_STATES: Final = {
    State.ACTIVE: people_pb2.Person.STATE_ACTIVE,
    State.DEACTIVATED: people_pb2.Person.STATE_DEACTIVATED,
}
_KINDS: Final = {
    Kind.HUMAN: people_pb2.Person.KIND_HUMAN,
    Kind.SERVICE_ACCOUNT: people_pb2.Person.KIND_SERVICE_ACCOUNT,
    Kind.BOOTSTRAP: people_pb2.Person.KIND_BOOTSTRAP,
}


def timestamp(at: datetime) -> Timestamp:
    """Translate an aware instant."""
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def tenant_to_proto(tenant: Tenant) -> people_pb2.Tenant:
    """Show a tenant."""
    return people_pb2.Tenant(
        id=tenant.id, name=tenant.name, created_at=timestamp(tenant.created_at)
    )


def person_to_proto(person: Person) -> people_pb2.Person:
    """Show a person; nothing of their sign-in is part of it."""
    return people_pb2.Person(
        id=person.id,
        tenant_id=person.tenant_id,
        handle=person.handle,
        display_name=person.display_name,
        email=person.email,
        state=_STATES[person.state],
        kind=_KINDS[person.kind],
        department_ids=person.department_ids,
        title=person.title,
        time_zone=person.time_zone,
        working_hours=_hours_to_proto(person.working_hours),
        locale=person.locale,
        roles=person.roles,
        external_id=person.external_id,
        created_at=timestamp(person.created_at),
        version=person.version,
    )


def _hours_to_proto(hours: WorkingHours) -> people_pb2.WorkingHours:
    return people_pb2.WorkingHours(
        weekdays=hours.weekdays,
        windows=[
            people_pb2.WorkingHours.Window(start_minute=window.start, end_minute=window.end)
            for window in hours.windows
        ],
    )


def department_to_proto(department: Department) -> people_pb2.Department:
    """Show a department."""
    return people_pb2.Department(
        id=department.id,
        tenant_id=department.tenant_id,
        name=department.name,
        parent_id=department.parent_id,
        path=department.path,
        external_id=department.external_id,
        version=department.version,
    )


def person_added(person: Person, *, actor_id: str, now: datetime) -> Fact:
    """State that a person came into being."""
    fact = events_pb2.PersonAdded(person=person_to_proto(person))
    return _of_person(fact, person, actor_id=actor_id, now=now)


def person_changed(before: Person, after: Person, *, actor_id: str, now: datetime) -> Fact:
    """State that a person changed: PersonDeactivated when that is part of it, else PersonChanged.

    One fact per version, so that `change_no` stays dense; both carry the full state.
    """
    shown = person_to_proto(after)
    fact = (
        events_pb2.PersonDeactivated(person=shown)
        if before.active and not after.active
        else events_pb2.PersonChanged(person=shown)
    )
    return _of_person(fact, after, actor_id=actor_id, now=now)


def present_person(person: Person, *, now: datetime) -> Fact:
    """State how a person is now, as the latest fact about them would."""
    shown = person_to_proto(person)
    fact = (
        events_pb2.PersonChanged(person=shown)
        if person.active
        else events_pb2.PersonDeactivated(person=shown)
    )
    return _of_person(fact, person, actor_id=SERVICE, now=now)


def present_department(department: Department, *, now: datetime) -> Fact:
    """State how a department is now, as the latest fact about it would."""
    fact = events_pb2.DepartmentChanged(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=SERVICE, now=now)


def session_revoked(session: Session | ApiToken, *, actor_id: str, now: datetime) -> Fact:
    """State that a session ended early: the only fact of its scope, in order with its person's."""
    fact = events_pb2.SessionRevoked(session_id=session.id, person_id=session.person_id)
    return Fact(
        topic=DIRECTORY_PERSON_V1.name,
        key=session.person_id,
        event=envelope(
            fact=fact,
            tenant_id=session.tenant_id,
            scope=session.id,
            change_no=1,
            entity_id=session.id,
            entity_version=1,
            actor_id=actor_id,
            now=now,
        ),
    )


def department_added(department: Department, *, actor_id: str, now: datetime) -> Fact:
    """State that a department came into being."""
    fact = events_pb2.DepartmentAdded(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=actor_id, now=now)


def _of_department(fact: Message, department: Department, *, actor_id: str, now: datetime) -> Fact:
    return Fact(
        topic=DIRECTORY_DEPARTMENT_V1.name,
        key=department.id,
        event=envelope(
            fact=fact,
            tenant_id=department.tenant_id,
            scope=department.id,
            change_no=department.version,
            entity_id=department.id,
            entity_version=department.version,
            actor_id=actor_id,
            now=now,
        ),
    )


def _of_person(fact: Message, person: Person, *, actor_id: str, now: datetime) -> Fact:
    return Fact(
        topic=DIRECTORY_PERSON_V1.name,
        key=person.id,
        event=envelope(
            fact=fact,
            tenant_id=person.tenant_id,
            scope=person.id,
            change_no=person.version,
            entity_id=person.id,
            entity_version=person.version,
            actor_id=actor_id,
            now=now,
        ),
    )
