"""Facts of the owners as a State takes them: for every process that projects relations."""

from collections.abc import Callable, Mapping
from typing import Final

from plexus.directory.v1 import events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2 as messaging_pb2
from plexus.tasks.v1 import events_pb2 as tasks_events_pb2
from plexus.tasks.v1 import tasks_pb2
from plexus.topics import Topic
from plexuskit.timestamps import optional_instant

from plexus_access.masks import Masks
from plexus_access.objects import CONVERSATION, PROJECT, TASK, Object, object_of, subject_of
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
from plexus_access.state import State

_KINDS: Final = {
    people_pb2.Person.KIND_HUMAN: "human",
    people_pb2.Person.KIND_SERVICE_ACCOUNT: "app",
    people_pb2.Person.KIND_BOOTSTRAP: "bootstrap",
    people_pb2.Person.KIND_GUEST: "guest",
}

Apply = Callable[[State, Envelope], bool]


def applies(envelope: Envelope) -> bool:
    """Return whether a fact is relevant to decisions."""
    return envelope.type in _APPLIED


def applied(*topics: Topic) -> list[str]:
    """Return the full names of the facts of topics that decisions are made from."""
    return sorted(fact for topic in topics for fact in topic.facts if fact in _APPLIED)


def apply(state: State, envelope: Envelope) -> bool:
    """Apply a fact; return whether it was new. An irrelevant fact is not new.

    Raises:
        DecodeError: the fact cannot be read.
        ValueError: the fact contains a subject or scope of an unknown form.
    """
    handle = _APPLIED.get(envelope.type)
    return handle is not None and handle(state, envelope)


def _person(state: State, envelope: Envelope) -> bool:
    # PersonAdded, PersonChanged and PersonDeactivated have the same shape.
    resource = events_pb2.PersonChanged.FromString(envelope.fact).person
    return state.put_person(
        Person(
            id=resource.id,
            version=resource.version,
            active=resource.state == people_pb2.Person.STATE_ACTIVE,
            kind=_KINDS.get(resource.kind, "unknown"),
            roles=frozenset(resource.roles),
            departments=tuple(resource.department_ids),
            title=resource.title,
            locale=resource.locale,
            time_zone=resource.time_zone,
            guest_until=optional_instant(resource, "guest_expires_at"),
            as_of=optional_instant(envelope, "occurred_at"),
        )
    )


def _department(state: State, envelope: Envelope) -> bool:
    resource = events_pb2.DepartmentChanged.FromString(envelope.fact).department
    return state.put_department(
        Department(
            id=resource.id,
            version=resource.version,
            path=tuple(resource.path),
            closed=resource.closed,
        )
    )


def _group(state: State, envelope: Envelope) -> bool:
    fact = events_pb2.GroupChanged.FromString(envelope.fact)
    resource = fact.group
    return state.put_group(
        Group(
            id=resource.id,
            version=resource.version,
            members=frozenset(fact.member_ids),
            department=resource.department_id,
            removed=resource.removed,
        )
    )


def _role(state: State, envelope: Envelope) -> bool:
    resource = events_pb2.RoleChanged.FromString(envelope.fact).role
    return state.put_role(
        Role(
            id=resource.id,
            version=resource.version,
            name=resource.name,
            permissions=frozenset(resource.permissions),
            masks=Masks({each.message: frozenset(each.fields) for each in resource.masks}),
            removed=resource.removed,
        )
    )


def _binding(state: State, envelope: Envelope) -> bool:
    resource = events_pb2.RoleBindingChanged.FromString(envelope.fact).binding
    return state.put_binding(
        Binding(
            id=resource.id,
            version=resource.version,
            role=resource.role_id,
            subject=subject_of(resource.subject),
            scope=object_of(resource.scope),
            expires_at=optional_instant(resource, "expires_at"),
            removed=resource.removed,
        )
    )


def _policy(state: State, envelope: Envelope) -> bool:
    resource = events_pb2.AccessPolicyChanged.FromString(envelope.fact).policy
    return state.put_policy(
        Policy(
            id=resource.id,
            version=resource.version,
            name=resource.name,
            cedar=resource.cedar,
            enabled=resource.enabled,
            removed=resource.removed,
        )
    )


def _module(state: State, envelope: Envelope) -> bool:
    resource = events_pb2.ModuleChanged.FromString(envelope.fact).module
    return state.put_module(
        Module(
            name=resource.name,
            version=resource.version,
            enabled=resource.enabled,
            exceptions=frozenset(resource.except_department_ids),
        )
    )


def _created(state: State, envelope: Envelope) -> bool:
    fact = messaging_pb2.ConversationCreated.FromString(envelope.fact)
    return state.change_members(
        Object(CONVERSATION, fact.conversation.id),
        version=max(fact.conversation.membership_version, 1),
        joined=[each.person_id for each in fact.members if each.active],
        left=(),
        begins=True,
    )


def _joined(state: State, envelope: Envelope) -> bool:
    fact = messaging_pb2.MembersAdded.FromString(envelope.fact)
    return state.change_members(
        Object(CONVERSATION, envelope.scope),
        version=fact.membership_version,
        joined=[each.person_id for each in fact.members if each.active],
        left=(),
    )


def _left(state: State, envelope: Envelope) -> bool:
    fact = messaging_pb2.MembersRemoved.FromString(envelope.fact)
    return state.change_members(
        Object(CONVERSATION, envelope.scope),
        version=fact.membership_version,
        joined=(),
        left=[each.person_id for each in fact.members],
    )


def _project(state: State, envelope: Envelope) -> bool:
    resource = tasks_events_pb2.ProjectChanged.FromString(envelope.fact).project
    return state.put_members(
        Members(
            object=Object(PROJECT, resource.id),
            version=resource.version,
            people=frozenset(resource.member_ids),
        )
    )


def _task(state: State, envelope: Envelope) -> bool:
    resource = tasks_events_pb2.TaskChanged.FromString(envelope.fact).task
    return state.put_members(task_members(resource))


def task_members(task: tasks_pb2.Task) -> Members:
    """Return the members of a task: its project, or without one creator, owner and assignees."""
    people = (
        frozenset() if task.project_id else {task.creator_id, task.owner_id, *task.assignee_ids}
    )
    return Members(
        object=Object(TASK, task.id),
        version=task.version,
        people=frozenset(people),
        project=task.project_id,
    )


_APPLIED: Final[Mapping[str, Apply]] = {
    "plexus.directory.v1.PersonAdded": _person,
    "plexus.directory.v1.PersonChanged": _person,
    "plexus.directory.v1.PersonDeactivated": _person,
    "plexus.directory.v1.DepartmentAdded": _department,
    "plexus.directory.v1.DepartmentChanged": _department,
    "plexus.directory.v1.GroupChanged": _group,
    "plexus.directory.v1.RoleChanged": _role,
    "plexus.directory.v1.RoleBindingChanged": _binding,
    "plexus.directory.v1.AccessPolicyChanged": _policy,
    "plexus.directory.v1.ModuleChanged": _module,
    "plexus.messaging.v1.ConversationCreated": _created,
    "plexus.messaging.v1.MembersAdded": _joined,
    "plexus.messaging.v1.MembersRemoved": _left,
    "plexus.tasks.v1.ProjectCreated": _project,
    "plexus.tasks.v1.ProjectChanged": _project,
    "plexus.tasks.v1.TaskCreated": _task,
    "plexus.tasks.v1.TaskChanged": _task,
    "plexus.tasks.v1.TaskOverdue": _task,
}
