"""Refusals of this service."""

from plexuskit.errors import Kind, Refusal


class TaskNotFound(Refusal):
    """The task does not exist or may not be seen by the caller; both look the same (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no task {task_id} that you may see; check the id or ask its owner."


class ProjectNotFound(Refusal):
    """The project does not exist or the caller is no member; both look the same (GW-2)."""

    kind = Kind.NOT_FOUND
    text = "There is no project {project_id} that you may see; check the id or ask its owner."


class TransitionNotAllowed(Refusal):
    """A state cannot follow the current one (TSK-1)."""

    kind = Kind.FAILED_PRECONDITION
    text = "A task that is {source} cannot become {target}; it may become: {allowed}."


class OwnerRequired(Refusal):
    """A task has exactly one accountable owner (TSK-2)."""

    kind = Kind.INVALID
    text = "A task always has one accountable owner; name another person instead of nobody."


class PersonNotInProject(Refusal):
    """Owners and assignees of a project's task are members: others could not see it (GW-2)."""

    kind = Kind.FAILED_PRECONDITION
    text = "{person_id} is not a member of project {project_id}; choose one of its members."


class NotProjectOwner(Refusal):
    """Name, goal, owner, closing and other members of a project are its owner's to change."""

    kind = Kind.PERMISSION_DENIED
    text = "Only the owner of project {project_id} may do this; ask them, or an administrator."


class MemberHasOpenTasks(Refusal):
    """A member who leaves a project leaves nothing undone in it."""

    kind = Kind.FAILED_PRECONDITION
    text = "{person_id} has open tasks in project {project_id}; give them to somebody else first."


class ProjectClosed(Refusal):
    """Nothing new begins in a closed project."""

    kind = Kind.FAILED_PRECONDITION
    text = "Project {project_id} is closed; open it again or choose another one."


class TooManyAssignees(Refusal):
    """More people than a task may be assigned to."""

    kind = Kind.INVALID
    text = "{count} assignees are too many, at most {limit} are possible; split the task."


class TooManyMembers(Refusal):
    """More people than a project may have."""

    kind = Kind.INVALID
    text = "{count} members are too many, at most {limit} are possible; make several projects."


class ColumnNotFound(Refusal):
    """The board of the project has no such column."""

    kind = Kind.NOT_FOUND
    text = "The board has no column {column_id}; load the board again and choose one of it."


class ColumnStateMismatch(Refusal):
    """The column shows another state than the requested one."""

    kind = Kind.INVALID
    text = "Column {column_id} shows {column_state}, not {state}; leave out one of the two."


class TaskNotOnBoard(Refusal):
    """A loose or cancelled task has no column and no rank."""

    kind = Kind.FAILED_PRECONDITION
    text = "The task would be on no board, so it has no place there; send only the state."


class NeighbourNotInColumn(Refusal):
    """The task to place this one after is not in the target column (any more)."""

    kind = Kind.FAILED_PRECONDITION
    text = "Task {after_task_id} is not in column {column_id}; load the board and place it again."
