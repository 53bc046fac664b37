"""Tenants, people, departments and groups as protobuf, and the facts about them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from plexus.directory.v1 import events_pb2, people_pb2
from plexus.topics import (
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
)
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import timestamp

from directory.accounts.events import of_occasion
from directory.people.domain.absences import Absence
from directory.people.domain.departments import Department
from directory.people.domain.groups import Group, Rule
from directory.people.domain.people import Kind, Person
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import WorkingHours
from directory.shared.domain.actors import SERVICE, State

_STATES: Final = {
    State.ACTIVE: people_pb2.Person.STATE_ACTIVE,
    State.DEACTIVATED: people_pb2.Person.STATE_DEACTIVATED,
}
_KINDS: Final = {
    Kind.HUMAN: people_pb2.Person.KIND_HUMAN,
    Kind.SERVICE_ACCOUNT: people_pb2.Person.KIND_SERVICE_ACCOUNT,
    Kind.BOOTSTRAP: people_pb2.Person.KIND_BOOTSTRAP,
    Kind.GUEST: people_pb2.Person.KIND_GUEST,
}


def tenant_to_proto(tenant: Tenant) -> people_pb2.Tenant:
    """Return the contract's form of a tenant."""
    return people_pb2.Tenant(
        id=tenant.id, name=tenant.name, created_at=timestamp(tenant.created_at)
    )


def password_set(person: Person, *, actor_id: str, now: datetime, reason: str = "") -> Fact:
    """State that a person's password was set, by the person or for them with a reason."""
    fact = events_pb2.PasswordSet(person_id=person.id, reason=reason)
    return of_occasion(
        fact, person.id, tenant_id=person.tenant_id, id_=person.id, actor_id=actor_id, now=now
    )


def sign_in_email_set(person: Person, *, reason: str, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a person got an address by which a provider may sign them in."""
    fact = events_pb2.SignInEmailSet(person_id=person.id, reason=reason)
    return of_occasion(
        fact, person.id, tenant_id=person.tenant_id, id_=person.id, actor_id=actor_id, now=now
    )


def person_to_proto(person: Person) -> people_pb2.Person:
    """Return the contract's form of a person; nothing of their sign-in is part of it."""
    expires = person.guest_expires_at
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
        posts=[
            people_pb2.Post(department_id=post.department_id, title=post.title)
            for post in person.posts
        ],
        skills=person.skills,
        manager_id=person.manager_id,
        guest_expires_at=None if expires is None else timestamp(expires),
        absence=None if person.absence is None else _absence_to_proto(person.absence),
        employee_number=person.employee_number,
        cost_center=person.cost_center,
        former_handles=[
            people_pb2.FormerHandle(handle=each.handle, until=timestamp(each.until))
            for each in person.former_handles
        ],
    )


def reduced_person_to_proto(person: Person) -> people_pb2.Person:
    """Return the fields of a person that a guest with their id may see: the identity (GW-5)."""
    return people_pb2.Person(
        id=person.id,
        handle=person.handle,
        display_name=person.display_name,
        kind=_KINDS[person.kind],
        state=_STATES[person.state],
    )


def _absence_to_proto(absence: Absence) -> people_pb2.Absence:
    return people_pb2.Absence(
        starts_at=timestamp(absence.starts_at),
        ends_at=timestamp(absence.ends_at),
        deputy_id=absence.deputy_id,
        note=absence.note,
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
    """Return the contract's form of a department."""
    return people_pb2.Department(
        id=department.id,
        tenant_id=department.tenant_id,
        name=department.name,
        parent_id=department.parent_id,
        path=department.path,
        external_id=department.external_id,
        version=department.version,
        leader_id=department.leader_id,
        closed=department.closed,
        merged_into_id=department.merged_into_id,
    )


def group_to_proto(group: Group) -> people_pb2.Group:
    """Return the contract's form of a group, without its members."""
    return people_pb2.Group(
        id=group.id,
        tenant_id=group.tenant_id,
        name=group.name,
        description=group.description,
        department_id=group.department_id,
        rule=None if group.rule is None else _rule_to_proto(group.rule),
        external_id=group.external_id,
        version=group.version,
        removed=group.removed,
        size=group.size,
    )


def _rule_to_proto(rule: Rule) -> people_pb2.GroupRule:
    return people_pb2.GroupRule(
        department_ids=rule.department_ids,
        titles=rule.titles,
        skills=rule.skills,
        locales=rule.locales,
        kinds=[_KINDS[kind] for kind in rule.kinds],
    )


def person_added(person: Person, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a person was created."""
    fact = events_pb2.PersonAdded(person=person_to_proto(person))
    return _of_person(fact, person, actor_id=actor_id, now=now)


def person_changed(previous: Person, after: Person, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact of a change: PersonDeactivated if that is part of it, else PersonChanged.

    One fact per version, so that `change_no` stays dense; both carry the full state.
    """
    shown = person_to_proto(after)
    fact = (
        events_pb2.PersonDeactivated(person=shown)
        if previous.active and not after.active
        else events_pb2.PersonChanged(person=shown)
    )
    return _of_person(fact, after, actor_id=actor_id, now=now)


def current_person(person: Person, *, now: datetime) -> Fact:
    """Return the fact of a person's current state, as the latest one would be."""
    shown = person_to_proto(person)
    fact = (
        events_pb2.PersonChanged(person=shown)
        if person.active
        else events_pb2.PersonDeactivated(person=shown)
    )
    return _of_person(fact, person, actor_id=SERVICE, now=now)


def current_department(department: Department, *, now: datetime) -> Fact:
    """Return the fact of a department's current state, as the latest one would be."""
    fact = events_pb2.DepartmentChanged(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=SERVICE, now=now)


def department_added(department: Department, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a department was created."""
    fact = events_pb2.DepartmentAdded(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=actor_id, now=now)


def department_changed(department: Department, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a department changed; one per version, with the full state."""
    fact = events_pb2.DepartmentChanged(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=actor_id, now=now)


def group_changed(group: Group, *, member_ids: Iterable[str], actor_id: str, now: datetime) -> Fact:
    """Return the fact of a group and its members: the same for a new, a changed, a removed one."""
    fact = events_pb2.GroupChanged(group=group_to_proto(group), member_ids=sorted(member_ids))
    return Fact(
        topic=DIRECTORY_GROUP_V1.name,
        key=group.id,
        event=envelope(
            fact=fact,
            tenant_id=group.tenant_id,
            scope=group.id,
            change_no=group.version,
            entity_id=group.id,
            entity_version=group.version,
            actor_id=actor_id,
            now=now,
        ),
    )


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
