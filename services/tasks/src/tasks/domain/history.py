"""History: every change of a task with actor, values and time (TSK-1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from tasks.domain.identity import PersonId, TaskId
from tasks.domain.task import Task

CREATED: Final = "created"
OVERDUE: Final = "overdue"

# The fields that history follows, in the order in which one change lists them.
TRACKED: Final[Mapping[str, Callable[[Task], str]]] = MappingProxyType(
    {
        "title": lambda task: task.title,
        "description": lambda task: task.description,
        "state": lambda task: task.state.value,
        "priority": lambda task: task.priority.value,
        "owner_id": lambda task: task.owner_id,
        "assignee_ids": lambda task: ",".join(task.assignee_ids),
        "due": lambda task: task.due.text if task.due else "",
        "column_id": lambda task: task.column_id,
        "rank": lambda task: task.rank,
        OVERDUE: lambda task: task.overdue_for,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Change of one field of one task in one version: actor, old and new value, time."""

    task_id: TaskId
    version: int
    actor_id: PersonId
    at: datetime
    field: str
    from_value: str
    to_value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Result of one step: the new state of the task and the changes, empty if it had no effect."""

    previous: Task | None
    task: Task
    changes: tuple[Change, ...]

    @property
    def added_assignee_ids(self) -> tuple[PersonId, ...]:
        """Return those who were not assignees before."""
        earlier = self.previous.assignee_ids if self.previous else ()
        return tuple(person for person in self.task.assignee_ids if person not in earlier)


def born(task: Task) -> Changed:
    """Record that a task came into being: one change, `created`, from nothing to its key."""
    created = Change(
        task_id=task.id,
        version=task.version,
        actor_id=task.creator_id,
        at=task.created_at,
        field=CREATED,
        from_value="",
        to_value=task.key,
    )
    return Changed(previous=None, task=task, changes=(created,))


def compare(*, previous: Task, after: Task, actor_id: PersonId, now: datetime) -> Changed:
    """Record the differences between two states of a task; the later one is one version on."""
    changes = tuple(
        Change(
            task_id=after.id,
            version=after.version,
            actor_id=actor_id,
            at=now,
            field=field,
            from_value=value_of(previous),
            to_value=value_of(after),
        )
        for field, value_of in TRACKED.items()
        if value_of(previous) != value_of(after)
    )
    return Changed(previous=previous, task=after, changes=changes)
