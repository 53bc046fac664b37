"""The task itself."""

from dataclasses import dataclass
from datetime import datetime

from tasks.domain.dues import Due
from tasks.domain.identity import ColumnId, PersonId, ProjectId, TaskId, TenantId
from tasks.domain.states import Priority, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of work with exactly one accountable owner (TSK-2).

    `number` is dense per tenant, `version` starts at 1 and grows by 1 with every change.
    `column_id` and `rank` are its place on the board of its project, both empty if it is on none.
    `updated_at` is the time of a person's last change, `stepped_at` that of its current version.
    `overdue_for` is the due value that was announced as overdue, or empty (TSK-3).
    """

    id: TaskId
    tenant_id: TenantId
    project_id: ProjectId
    number: int
    title: str
    description: str
    state: State
    priority: Priority
    creator_id: PersonId
    owner_id: PersonId
    assignee_ids: tuple[PersonId, ...]
    due: Due | None
    column_id: ColumnId
    rank: str
    created_at: datetime
    updated_at: datetime
    stepped_at: datetime
    completed_at: datetime | None
    version: int
    overdue_for: str = ""

    @property
    def key(self) -> str:
        """Return the short name that people use: `T-128`."""
        return f"T-{self.number}"

    @property
    def participants(self) -> tuple[PersonId, ...]:
        """Return creator, owner and assignees once each: they see it if it has no project."""
        return tuple(dict.fromkeys((self.creator_id, self.owner_id, *self.assignee_ids)))

    @property
    def responsible(self) -> tuple[PersonId, ...]:
        """Return those in whose zones its day ends: the assignees, without any the owner."""
        return self.assignee_ids or (self.owner_id,)

    @property
    def awaits_due(self) -> bool:
        """Return whether its due value is still to be announced once it has passed (TSK-3)."""
        return self.due is not None and self.state.is_open and self.due.text != self.overdue_for
