"""Projects: their members, and the columns of their board."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from plexuskit.errors import InvalidArgument, VersionConflict

from tasks.domain import inputs
from tasks.domain.identity import Actor, ColumnId, PersonId, ProjectId, TenantId
from tasks.domain.refusals import (
    ColumnNotFound,
    NotProjectOwner,
    PersonNotInProject,
    ProjectClosed,
)
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
    closed: bool = False

    def check_open(self) -> None:
        """Pass while new tasks can begin in it. Refusals: ProjectClosed."""
        if self.closed:
            raise ProjectClosed(project_id=self.id)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEdit:
    """Changes of a project; `None` leaves it as it is."""

    name: str | None = None
    goal: str | None = None
    owner_id: str | None = None
    closed: bool | None = None
    add_member_ids: tuple[str, ...] = ()
    remove_member_ids: tuple[str, ...] = ()


def edit_project(
    project: Project, *, what: ProjectEdit, actor_id: PersonId, expected_version: int
) -> Project:
    """Return the next version of a project, or the same one when nothing differs.

    The owner changes everything; every member may add members and leave.

    Refusals: VersionConflict, InvalidArgument, NotProjectOwner, PersonNotInProject (the new
        owner), TooManyMembers.
    """
    if expected_version not in {0, project.version}:
        raise VersionConflict(
            project_id=project.id,
            expected_version=expected_version,
            current_version=project.version,
        )
    own = (what.name, what.goal, what.owner_id, what.closed) == (None, None, None, None)
    leaves = set(what.remove_member_ids) <= {actor_id}
    if actor_id != project.owner_id and not (own and leaves):
        raise NotProjectOwner(project_id=project.id)
    gone = set(what.remove_member_ids)
    owner_id = project.owner_id
    if what.owner_id is not None:
        owner_id = PersonId(inputs.identifier(what.owner_id, field="owner_id"))
    if owner_id in gone:
        problem = "names the owner; make another member owner first"
        raise InvalidArgument(field="remove_member_ids", problem=problem)
    kept = [person for person in (*project.member_ids, *what.add_member_ids) if person not in gone]
    if owner_id not in kept:
        raise PersonNotInProject(person_id=owner_id, project_id=project.id)
    name, goal = what.name, what.goal
    after = replace(
        project,
        name=project.name
        if name is None
        else inputs.line(name, field="name", limit=inputs.NAME_CHARACTERS),
        goal=project.goal if goal is None else inputs.body(goal, field="goal"),
        owner_id=owner_id,
        member_ids=inputs.members(kept, owner_id=owner_id),
        closed=project.closed if what.closed is None else what.closed,
    )
    return _next(project, after)


def take_over(project: Project, *, person_id: PersonId, to_id: PersonId) -> Project:
    """Return a project with another member, who owns it if the first one did.

    Refusals: TooManyMembers.
    """
    owner_id = to_id if project.owner_id == person_id else project.owner_id
    members = inputs.members((*project.member_ids, to_id), owner_id=owner_id)
    return _next(project, replace(project, owner_id=owner_id, member_ids=members))


def _next(previous: Project, after: Project) -> Project:
    is_same = replace(after, member_ids=previous.member_ids) == previous and set(
        after.member_ids
    ) == set(previous.member_ids)
    return previous if is_same else replace(after, version=previous.version + 1)
