"""Steps of a task: each takes a state and returns the changes.

A step that changes nothing returns no changes and the same version, so repeating one is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from plexuskit.errors import InvalidArgument, VersionConflict

from tasks.domain import inputs
from tasks.domain.dues import Due
from tasks.domain.history import Changed, born, compare
from tasks.domain.identity import (
    NO_COLUMN,
    NO_PROJECT,
    SYSTEM,
    Actor,
    ColumnId,
    PersonId,
    TaskId,
)
from tasks.domain.projects import Project
from tasks.domain.refusals import OwnerRequired
from tasks.domain.states import Priority, State, check_transition
from tasks.domain.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """Requested fields of a new task; an empty owner is the creator."""

    title: str
    description: str = ""
    priority: Priority | None = None
    owner_id: str = ""
    assignee_ids: tuple[str, ...] = ()
    due: Due | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Changes of a task; `None` leaves a field unchanged."""

    title: str | None = None
    description: str | None = None
    priority: Priority | None = None
    owner_id: str | None = None
    due: Due | None = None
    clear_due: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Place of a task: its state and, on a board, column and rank."""

    state: State
    column_id: ColumnId = NO_COLUMN
    rank: str = ""


def check_version(task: Task, *, expected: int) -> None:
    """Check that the caller has seen the current version; 0 always passes (TSK-1).

    Refusals: VersionConflict, InvalidArgument for a negative number.
    """
    if expected < 0:
        problem = "is negative; send the version you saw, or 0 for whatever it is"
        raise InvalidArgument(field="expected_version", problem=problem)
    if expected not in {0, task.version}:
        raise VersionConflict(
            task_id=task.id, expected_version=expected, current_version=task.version
        )


def create(
    *,
    task_id: TaskId,
    number: int,
    actor: Actor,
    new: NewTask,
    project: Project | None,
    place: Place,
    now: datetime,
) -> Changed:
    """Make a task.

    Refusals: InvalidArgument, TooManyAssignees; in a project PersonNotInProject.
    """
    owner_id = inputs.identifier(new.owner_id or actor.person_id, field="owner_id")
    assignee_ids = inputs.assignees(new.assignee_ids)
    if project:
        project.check_members((owner_id, *assignee_ids))

    return born(
        Task(
            id=task_id,
            tenant_id=actor.tenant_id,
            project_id=project.id if project else NO_PROJECT,
            number=number,
            title=inputs.title(new.title),
            description=inputs.body(new.description, field="description"),
            state=place.state,
            priority=new.priority or Priority.NORMAL,
            creator_id=actor.person_id,
            owner_id=PersonId(owner_id),
            assignee_ids=assignee_ids,
            due=new.due,
            column_id=place.column_id,
            rank=place.rank,
            created_at=now,
            updated_at=now,
            stepped_at=now,
            completed_at=None,
            version=1,
        )
    )


def edit(
    task: Task, *, what: Edit, project: Project | None, actor_id: PersonId, now: datetime
) -> Changed:
    """Change title, description, priority, owner or due value; a new due value arms it again.

    Refusals: InvalidArgument, OwnerRequired (TSK-2); in a project PersonNotInProject.
    """
    if what.due and what.clear_due:
        raise InvalidArgument(field="due", problem="is set and cleared at once; send one of both")

    fields: dict[str, Any] = {}
    if what.title is not None:
        fields["title"] = inputs.title(what.title)
    if what.description is not None:
        fields["description"] = inputs.body(what.description, field="description")
    if what.priority is not None:
        fields["priority"] = what.priority
    if what.owner_id is not None:
        fields["owner_id"] = _new_owner(what.owner_id, project=project)

    due = None if what.clear_due else what.due or task.due
    if due != task.due:
        fields |= {"due": due, "overdue_for": ""}
    return _step(task, actor_id=actor_id, now=now, **fields)


def assign(
    task: Task,
    *,
    assignee_ids: Sequence[str],
    project: Project | None,
    actor_id: PersonId,
    now: datetime,
) -> Changed:
    """Set who works on it; replaces all.

    Refusals: InvalidArgument, TooManyAssignees; in a project PersonNotInProject.
    """
    people = inputs.assignees(assignee_ids)
    if project:
        project.check_members(people)
    return _step(task, actor_id=actor_id, now=now, assignee_ids=people)


def hand_over(
    task: Task, *, person_id: PersonId, to_id: PersonId, actor_id: PersonId, now: datetime
) -> Changed:
    """Put another person in the place of one, as owner and as assignee."""
    people = (to_id if each == person_id else each for each in task.assignee_ids)
    return _step(
        task,
        actor_id=actor_id,
        now=now,
        owner_id=to_id if task.owner_id == person_id else task.owner_id,
        assignee_ids=tuple(dict.fromkeys(people)),
    )


def move(task: Task, *, place: Place, actor_id: PersonId, now: datetime) -> Changed:
    """Move a task to a state and place. Refusals: TransitionNotAllowed (TSK-1)."""
    check_transition(source=task.state, target=place.state)

    fields: dict[str, Any] = {
        "state": place.state,
        "column_id": place.column_id,
        "rank": place.rank,
    }
    if place.state is not task.state:
        fields["completed_at"] = now if place.state is State.DONE else None
    return _step(task, actor_id=actor_id, now=now, **fields)


def rerank(task: Task, *, rank: str, now: datetime) -> Changed:
    """Return a task with a new key at the same place, because the keys around it are long (TSK-6).

    It is no work on the task, so `updated_at` stays.
    """
    return _quiet_step(task, now=now, rank=rank)


def mark_overdue(task: Task, *, deadline: datetime | None, now: datetime) -> Changed:
    """Record that the due value has passed with the task open, once per due value (TSK-3).

    Changes nothing when it is not due, is closed, or was noted before.
    """
    passed = task.due is not None and task.awaits_due and deadline is not None and now >= deadline
    if not passed or task.due is None:
        return Changed(previous=task, task=task, changes=())
    return _quiet_step(task, now=now, overdue_for=task.due.text)


def _new_owner(owner_id: str, *, project: Project | None) -> PersonId:
    if not owner_id:
        raise OwnerRequired
    person_id = PersonId(inputs.identifier(owner_id, field="owner_id"))
    if project:
        project.check_members((person_id,))
    return person_id


def _step(task: Task, *, actor_id: PersonId, now: datetime, **fields: Any) -> Changed:
    """Apply a change by a person."""
    return _next(task, actor_id=actor_id, now=now, updated_at=max(now, task.stepped_at), **fields)


def _quiet_step(task: Task, *, now: datetime, **fields: Any) -> Changed:
    """Apply a change by the service itself; it does not count as work on the task."""
    return _next(task, actor_id=SYSTEM, now=now, updated_at=task.updated_at, **fields)


def _next(
    task: Task, *, actor_id: PersonId, now: datetime, updated_at: datetime, **fields: Any
) -> Changed:
    """Return the next version of a task; nothing changed is no step."""
    if replace(task, **fields) == task:
        return Changed(previous=task, task=task, changes=())
    # Two machines' clocks differ: the order of versions is never contradicted by the times.
    at = max(now, task.stepped_at)
    after = replace(task, **fields, version=task.version + 1, updated_at=updated_at, stepped_at=at)
    return compare(previous=task, after=after, actor_id=actor_id, now=at)
