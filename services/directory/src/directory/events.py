"""Domain states and facts as protobuf: what the contract shows and the topics carry."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from google.protobuf.message import Message
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.topics import (
    DIRECTORY_ACCESS_V1,
    DIRECTORY_ACCOUNT_V1,
    DIRECTORY_DEPARTMENT_V1,
    DIRECTORY_GROUP_V1,
    DIRECTORY_PERSON_V1,
)
from plexuskit.ids import new_id
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import timestamp as timestamp  # noqa: PLC0414 - `api.scim` imports it

from directory.domain.absences import Absence
from directory.domain.api_tokens import ApiToken
from directory.domain.bindings import Binding
from directory.domain.departments import Department
from directory.domain.groups import Group, Rule
from directory.domain.modules import Module
from directory.domain.people import Kind, Person, State
from directory.domain.policies import AccessPolicy
from directory.domain.roles import Role
from directory.domain.scim.guard import Stop
from directory.domain.second_factors import Factor
from directory.domain.sessions import Session
from directory.domain.sign_in_attempts import FailedSignIns
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
    Kind.GUEST: people_pb2.Person.KIND_GUEST,
}


def tenant_to_proto(tenant: Tenant) -> people_pb2.Tenant:
    """Show a tenant."""
    return people_pb2.Tenant(
        id=tenant.id, name=tenant.name, created_at=timestamp(tenant.created_at)
    )


def person_to_proto(person: Person) -> people_pb2.Person:
    """Show a person; nothing of their sign-in is part of it."""
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
    )


def reduced_person_to_proto(person: Person) -> people_pb2.Person:
    """Show what a guest may know of somebody whose id they have: who it is, and no more (GW-5)."""
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
    """Show a department."""
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
    """Show a group, without who belongs to it."""
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
    """State that a person came into being."""
    fact = events_pb2.PersonAdded(person=person_to_proto(person))
    return _of_person(fact, person, actor_id=actor_id, now=now)


def person_changed(previous: Person, after: Person, *, actor_id: str, now: datetime) -> Fact:
    """State that a person changed: PersonDeactivated when that is part of it, else PersonChanged.

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
    """State how a person is now, as the latest fact about them would."""
    shown = person_to_proto(person)
    fact = (
        events_pb2.PersonChanged(person=shown)
        if person.active
        else events_pb2.PersonDeactivated(person=shown)
    )
    return _of_person(fact, person, actor_id=SERVICE, now=now)


def current_department(department: Department, *, now: datetime) -> Fact:
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


def department_changed(department: Department, *, actor_id: str, now: datetime) -> Fact:
    """State that a department changed; one fact per version, with the full state."""
    fact = events_pb2.DepartmentChanged(department=department_to_proto(department))
    return _of_department(fact, department, actor_id=actor_id, now=now)


def group_changed(group: Group, *, member_ids: Iterable[str], actor_id: str, now: datetime) -> Fact:
    """State how a group is and who belongs to it: the same for a new, a changed, a removed one."""
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


def role_to_proto(role: Role) -> access_pb2.Role:
    """Show a role."""
    return access_pb2.Role(
        id=role.id,
        tenant_id=role.tenant_id,
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        masks=[
            access_pb2.FieldMask(message=mask.message, fields=mask.fields) for mask in role.masks
        ],
        built_in=role.built_in,
        version=role.version,
        removed=role.removed,
    )


def binding_to_proto(binding: Binding) -> access_pb2.RoleBinding:
    """Show a role binding."""
    return access_pb2.RoleBinding(
        id=binding.id,
        tenant_id=binding.tenant_id,
        role_id=binding.role_id,
        subject=str(binding.subject),
        scope=str(binding.scope),
        expires_at=timestamp(binding.expires_at) if binding.expires_at else None,
        created_at=timestamp(binding.created_at),
        created_by=binding.created_by,
        version=binding.version,
        removed=binding.removed,
    )


def policy_to_proto(policy: AccessPolicy) -> access_pb2.AccessPolicy:
    """Show an attribute policy."""
    return access_pb2.AccessPolicy(
        id=policy.id,
        tenant_id=policy.tenant_id,
        name=policy.name,
        cedar=policy.cedar,
        enabled=policy.enabled,
        version=policy.version,
        removed=policy.removed,
    )


def module_to_proto(module: Module) -> access_pb2.Module:
    """Show how a module is switched."""
    return access_pb2.Module(
        name=module.name,
        tenant_id=module.tenant_id,
        enabled=module.enabled,
        except_department_ids=module.except_department_ids,
        version=module.version,
    )


def role_changed(role: Role, *, actor_id: str, now: datetime) -> Fact:
    """State how a role is now, also that it is removed."""
    fact = events_pb2.RoleChanged(role=role_to_proto(role))
    return _of_access(fact, role.key, role, actor_id=actor_id, now=now)


def binding_changed(binding: Binding, *, actor_id: str, now: datetime) -> Fact:
    """State who holds a role for what, or that it is over."""
    fact = events_pb2.RoleBindingChanged(binding=binding_to_proto(binding))
    return _of_access(fact, binding.id, binding, actor_id=actor_id, now=now)


def policy_changed(policy: AccessPolicy, *, actor_id: str, now: datetime) -> Fact:
    """State how an attribute policy is now, also that it is removed."""
    fact = events_pb2.AccessPolicyChanged(policy=policy_to_proto(policy))
    return _of_access(fact, policy.id, policy, actor_id=actor_id, now=now)


def module_changed(module: Module, *, actor_id: str, now: datetime) -> Fact:
    """State how a module is switched now."""
    fact = events_pb2.ModuleChanged(module=module_to_proto(module))
    return _of_access(fact, module.key, module, actor_id=actor_id, now=now)


def feed_stopped(stop: Stop, *, actor_id: str) -> Fact:
    """State that the HR feed stopped; no snapshot tells of it again, for it is no state."""
    fact = events_pb2.FeedStopped(
        administrator_ids=stop.administrator_ids,
        allowed=stop.allowed,
        deactivated=stop.deactivated,
        stopped_at=timestamp(stop.at),
    )
    return _of_access(fact, stop.key, stop, actor_id=actor_id, now=stop.at)


def _of_access(
    fact: Message,
    scope: str,
    entity: Role | Binding | AccessPolicy | Module | Stop,
    *,
    actor_id: str,
    now: datetime,
) -> Fact:
    return Fact(
        topic=DIRECTORY_ACCESS_V1.name,
        key=entity.tenant_id,
        event=envelope(
            fact=fact,
            tenant_id=entity.tenant_id,
            scope=scope,
            change_no=entity.version,
            entity_id=scope,
            entity_version=entity.version,
            actor_id=actor_id,
            now=now,
        ),
    )


def session_started(session: Session, *, network: str, now: datetime) -> Fact:
    """State that a person signed in, how and where from."""
    fact = events_pb2.SessionStarted(
        session_id=session.id,
        person_id=session.person_id,
        methods=session.methods,
        single_sign_on=session.single_sign_on,
        network=network,
    )
    return _of_sign_in(fact, session, actor_id=session.person_id, now=now)


def sign_in_failed(failed: FailedSignIns, *, now: datetime) -> Fact:
    """State how many attempts of one minute failed; about the tenant for handles nobody has."""
    fact = events_pb2.SignInFailed(
        person_id=failed.person_id,
        network=failed.network,
        attempts=failed.attempts,
        minute=timestamp(failed.minute),
        second_factor=failed.second_factor,
    )
    whose = failed.person_id or failed.tenant_id
    return _of_occasion(fact, whose, tenant_id=failed.tenant_id, id_=whose, actor_id="", now=now)


def password_set(person: Person, *, actor_id: str, now: datetime, reason: str = "") -> Fact:
    """State that a person's password was set, by the person or for them with a reason."""
    fact = events_pb2.PasswordSet(person_id=person.id, reason=reason)
    return _of_occasion(
        fact, person.id, tenant_id=person.tenant_id, id_=person.id, actor_id=actor_id, now=now
    )


def api_token_created(token: ApiToken, *, actor_id: str, now: datetime) -> Fact:
    """State that a token was made, for whom and with which scopes."""
    fact = events_pb2.ApiTokenCreated(
        api_token_id=token.id,
        person_id=token.person_id,
        name=token.name,
        scopes=token.scopes,
        expires_at=timestamp(token.expires_at),
    )
    return _of_sign_in(fact, token, actor_id=actor_id, now=now)


def second_factor_added(factor: Factor, *, actor_id: str, now: datetime) -> Fact:
    """State that a second factor was set up."""
    fact = events_pb2.SecondFactorAdded(
        factor_id=factor.id, person_id=factor.person_id, kind=factor.kind.value
    )
    return _of_sign_in(fact, factor, actor_id=actor_id, now=now)


def second_factor_removed(factor: Factor, *, actor_id: str, now: datetime) -> Fact:
    """State that a second factor was taken away."""
    fact = events_pb2.SecondFactorRemoved(
        factor_id=factor.id, person_id=factor.person_id, kind=factor.kind.value
    )
    return _of_sign_in(fact, factor, actor_id=actor_id, now=now)


def _of_sign_in(
    fact: Message, entity: Session | ApiToken | Factor, *, actor_id: str, now: datetime
) -> Fact:
    return _of_occasion(
        fact,
        entity.person_id,
        tenant_id=entity.tenant_id,
        id_=entity.id,
        actor_id=actor_id,
        now=now,
    )


def _of_occasion(
    fact: Message, key: str, *, tenant_id: str, id_: str, actor_id: str, now: datetime
) -> Fact:
    """State what happened once: it has no versions, and its scope is the event itself."""
    return Fact(
        topic=DIRECTORY_ACCOUNT_V1.name,
        key=key,
        event=envelope(
            fact=fact,
            tenant_id=tenant_id,
            scope=new_id("sgn", now=now),
            change_no=1,
            entity_id=id_,
            entity_version=1,
            actor_id=actor_id,
            now=now,
        ),
    )
