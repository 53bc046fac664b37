"""Projects: their members, and the columns of their board."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tasks.domain import inputs
from tasks.domain.identity import Actor, ColumnId, PersonId, ProjectId, TenantId
from tasks.domain.refusals import ColumnNotFound, PersonNotInProject
from tasks.domain.states import State

# Cancelled tasks leave the board, so that state has no column.
FIRST_COLUMNS: Final = (
    ("todo", "To do", State.TODO),
    ("doing", "Doing", State.DOING),
    ("blocked", "Blocked", State.BLOCKED),
    ("done", "Done", State.DONE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a board; it shows the tasks of one state."""

    id: ColumnId
    name: str
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Holds a board of tasks; its members see all of it. `version` is 1 and grows by 1."""

    id: ProjectId
    tenant_id: TenantId
    name: str
    goal: str
    owner_id: PersonId
    member_ids: tuple[PersonId, ...]
    columns: tuple[Column, ...]
    created_at: datetime
    version: int

    def column(self, column_id: str) -> Column:
        """Return a column of the board. Refusals: ColumnNotFound."""
        for column in self.columns:
            if column.id == column_id:
                return column
        raise ColumnNotFound(column_id=column_id, project_id=self.id)

    def first_column(self, state: State) -> Column | None:
        """Return the first column that shows a state, or nothing when none does."""
        return next((column for column in self.columns if column.state is state), None)

    def check_members(self, people: Sequence[str]) -> None:
        """Pass when all of them are members. Refusals: PersonNotInProject, naming the first."""
        for person_id in people:
            if person_id not in self.member_ids:
                raise PersonNotInProject(person_id=person_id, project_id=self.id)


def create_project(
    *,
    project_id: ProjectId,
    actor: Actor,
    name: str,
    goal: str,
    member_ids: Sequence[str],
    now: datetime,
) -> Project:
    """Make a project with the columns To do, Doing, Blocked, Done; the actor owns it.

    The name is one line of 1 to 200 characters, the goal has at most 64 KB; the members come with
    or without the actor and are at most 1,000 in all.

    Refusals: InvalidArgument, TooManyMembers.
    """
    return Project(
        id=project_id,
        tenant_id=actor.tenant_id,
        name=inputs.line(name, field="name", limit=inputs.NAME_CHARACTERS),
        goal=inputs.body(goal, field="goal"),
        owner_id=actor.person_id,
        member_ids=inputs.members(member_ids, owner_id=actor.person_id),
        columns=tuple(
            Column(id=ColumnId(column_id), name=column_name, state=state)
            for column_id, column_name, state in FIRST_COLUMNS
        ),
        created_at=now,
        version=1,
    )
