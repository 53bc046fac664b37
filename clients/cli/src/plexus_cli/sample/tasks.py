"""Requests of the sample's projects and tasks, each made by its owner."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexuskit.errors import Kind, Refusal
from plexuskit.timestamps import timestamp

from plexus_cli.sample.company import Person, Sample, Task
from plexus_cli.sample.requests import person_id
from plexus_cli.slack.conversations import Resolve

_PRIORITIES = {
    "low": tasks_pb2.TASK_PRIORITY_LOW,
    "normal": tasks_pb2.TASK_PRIORITY_NORMAL,
    "high": tasks_pb2.TASK_PRIORITY_HIGH,
    "urgent": tasks_pb2.TASK_PRIORITY_URGENT,
}
_STEPS = {
    "todo": (),
    "doing": (tasks_pb2.Task.STATE_DOING,),
    "blocked": (tasks_pb2.Task.STATE_DOING, tasks_pb2.Task.STATE_BLOCKED),
    "done": (tasks_pb2.Task.STATE_DOING, tasks_pb2.Task.STATE_DONE),
}


class ProjectNotMapped(Refusal):
    """Project {key} has no id yet; make the projects first."""

    kind = Kind.FAILED_PRECONDITION


@dataclass(frozen=True, kw_only=True)
class ProjectAct:
    """Creation of a project by its `actor`, because the caller becomes the owner."""

    actor: str
    """Handle."""
    key: str
    request: tasks_service_pb2.CreateProjectRequest


@dataclass(frozen=True, kw_only=True)
class TaskAct:
    """Creation of a task and its moves to its state, by the owner of its project."""

    actor: str
    """Handle."""
    key: str
    request: tasks_service_pb2.CreateTaskRequest
    states: tuple[tasks_pb2.Task.State.ValueType, ...]
    """States to move through after creation, in order."""

    def moves(self, task_id: str) -> Iterator[tasks_service_pb2.MoveTaskRequest]:
        """Yield the moves of the task with its id."""
        for number, state in enumerate(self.states, 1):
            yield tasks_service_pb2.MoveTaskRequest(
                request_id=f"sample:move:{self.key}:{number}", task_id=task_id, state=state
            )


def project_requests(sample: Sample, *, person: Resolve) -> Iterator[ProjectAct]:
    """Yield the projects. Refused: PERSON_NOT_MAPPED."""
    for project in sample.projects:
        others = [handle for handle in project.members if handle != project.owner]
        request = tasks_service_pb2.CreateProjectRequest(
            request_id=f"sample:project:{project.key}",
            name=project.name,
            goal=project.goal,
            member_ids=[person_id(handle, person) for handle in others],
        )
        yield ProjectAct(actor=project.owner, key=project.key, request=request)


def task_requests(
    sample: Sample, *, person: Resolve, project: Resolve, now: datetime
) -> Iterator[TaskAct]:
    """Yield the tasks; `project` returns ids by project key, due dates are relative to `now`.

    Refused: PERSON_NOT_MAPPED, PROJECT_NOT_MAPPED.
    """
    owners = {item.key: item.owner for item in sample.projects}
    for task in sample.tasks:
        project_id = project(task.project)
        if not project_id:
            raise ProjectNotMapped(key=task.project)
        request = tasks_service_pb2.CreateTaskRequest(
            request_id=f"sample:task:{task.key}",
            project_id=project_id,
            title=task.title,
            description=task.description,
            priority=_PRIORITIES[task.priority],
            owner_id=person_id(task.owner, person),
            assignee_ids=[person_id(handle, person) for handle in task.assignees],
            due=_due(task, owner=sample.by_handle[task.owner], now=now),
        )
        yield TaskAct(
            actor=owners[task.project], key=task.key, request=request, states=_STEPS[task.state]
        )


def _due(task: Task, *, owner: Person, now: datetime) -> tasks_pb2.Due | None:
    if task.due_in_days is None:
        return None
    day = now.astimezone(owner.zone).date() + timedelta(days=task.due_in_days)
    if not task.due_at:
        return tasks_pb2.Due(date=day.isoformat())
    at = datetime.combine(day, time.fromisoformat(task.due_at), owner.zone)
    return tasks_pb2.Due(at=timestamp(at))
