"""Domain values as protobuf messages, and domain facts as the events of the topics.

The scope of a fact is its task or project and its number there is the version, so both are dense.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from google.protobuf.message import Message
from plexus.tasks.v1 import events_pb2, tasks_pb2
from plexus.topics import TASKS_PROJECT_V1, TASKS_TASK_V1
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import optional_timestamp, timestamp

from tasks.domain.dues import Due, DueAt
from tasks.domain.history import OVERDUE, Change, Changed
from tasks.domain.identity import PersonId
from tasks.domain.projects import Column, Project
from tasks.domain.states import Priority, State
from tasks.domain.task import Task

STATES: Final[Mapping[State, tasks_pb2.Task.State.ValueType]] = MappingProxyType(
    {
        State.TODO: tasks_pb2.Task.STATE_TODO,
        State.DOING: tasks_pb2.Task.STATE_DOING,
        State.BLOCKED: tasks_pb2.Task.STATE_BLOCKED,
        State.DONE: tasks_pb2.Task.STATE_DONE,
        State.CANCELLED: tasks_pb2.Task.STATE_CANCELLED,
    }
)
PRIORITIES: Final[Mapping[Priority, tasks_pb2.TaskPriority.ValueType]] = MappingProxyType(
    {
        Priority.LOW: tasks_pb2.TASK_PRIORITY_LOW,
        Priority.NORMAL: tasks_pb2.TASK_PRIORITY_NORMAL,
        Priority.HIGH: tasks_pb2.TASK_PRIORITY_HIGH,
        Priority.URGENT: tasks_pb2.TASK_PRIORITY_URGENT,
    }
)


def project_created(project: Project, *, now: datetime) -> Fact:
    """Return the fact that a project came into being."""
    event = envelope(
        fact=events_pb2.ProjectCreated(project=project_message(project)),
        tenant_id=project.tenant_id,
        scope=project.id,
        change_no=project.version,
        entity_id=project.id,
        entity_version=project.version,
        actor_id=project.owner_id,
        now=now,
    )
    return Fact(topic=TASKS_PROJECT_V1.name, key=project.id, event=event)


def project_changed(project: Project, *, actor_id: PersonId, now: datetime) -> Fact:
    """Return the fact that a project changed."""
    event = envelope(
        fact=events_pb2.ProjectChanged(project=project_message(project)),
        tenant_id=project.tenant_id,
        scope=project.id,
        change_no=project.version,
        entity_id=project.id,
        entity_version=project.version,
        actor_id=actor_id,
        now=now,
    )
    return Fact(topic=TASKS_PROJECT_V1.name, key=project.id, event=event)


def task_stepped(changed: Changed, *, actor_id: PersonId, now: datetime) -> Fact:
    """Return the one fact of a step that changed a task: created, overdue, or changed."""
    task = changed.task
    event = envelope(
        fact=_task_fact(changed),
        tenant_id=task.tenant_id,
        scope=task.id,
        change_no=task.version,
        entity_id=task.id,
        entity_version=task.version,
        actor_id=actor_id,
        now=now,
    )
    return Fact(topic=TASKS_TASK_V1.name, key=task.id, event=event)


def _task_fact(changed: Changed) -> Message:
    task = task_message(changed.task)
    if changed.previous is None:
        return events_pb2.TaskCreated(task=task)
    # An edit of the due value clears the mark; only the mark alone, set, is the announcement.
    if changed.task.overdue_for and [change.field for change in changed.changes] == [OVERDUE]:
        return events_pb2.TaskOverdue(task=task)
    return events_pb2.TaskChanged(
        task=task,
        changes=[change_message(change) for change in changed.changes],
        added_assignee_ids=changed.added_assignee_ids,
    )


def task_message(task: Task) -> tasks_pb2.Task:
    """Return a task as the contract shows it."""
    return tasks_pb2.Task(
        id=task.id,
        tenant_id=task.tenant_id,
        project_id=task.project_id,
        key=task.key,
        title=task.title,
        description=task.description,
        state=STATES[task.state],
        priority=PRIORITIES[task.priority],
        creator_id=task.creator_id,
        owner_id=task.owner_id,
        assignee_ids=task.assignee_ids,
        due=_due_message(task.due),
        column_id=task.column_id,
        rank=task.rank,
        created_at=timestamp(task.created_at),
        updated_at=timestamp(task.updated_at),
        completed_at=optional_timestamp(task.completed_at),
        version=task.version,
    )


def project_message(project: Project) -> tasks_pb2.Project:
    """Return a project as the contract shows it."""
    return tasks_pb2.Project(
        id=project.id,
        tenant_id=project.tenant_id,
        name=project.name,
        goal=project.goal,
        owner_id=project.owner_id,
        member_ids=project.member_ids,
        columns=[column_message(column) for column in project.columns],
        created_at=timestamp(project.created_at),
        version=project.version,
        closed=project.closed,
    )


def project_summary(project: Project) -> tasks_pb2.Project:
    """Return a project without goal, members and columns: many of them fit into one answer."""
    return project_message(replace(project, goal="", member_ids=(), columns=()))


def column_message(column: Column) -> tasks_pb2.BoardColumn:
    """Return a column as the contract shows it."""
    return tasks_pb2.BoardColumn(id=column.id, name=column.name, state=STATES[column.state])


def change_message(change: Change) -> tasks_pb2.TaskChange:
    """Return one change as the contract shows it."""
    return tasks_pb2.TaskChange(
        task_id=change.task_id,
        version=change.version,
        actor_id=change.actor_id,
        at=timestamp(change.at),
        field=change.field,
        from_value=change.from_value,
        to_value=change.to_value,
    )


def _due_message(due: Due | None) -> tasks_pb2.Due | None:
    if due is None:
        return None
    if isinstance(due, DueAt):
        return tasks_pb2.Due(at=timestamp(due.at))
    return tasks_pb2.Due(date=due.text)
