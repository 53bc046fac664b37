"""Who may see a task: the members of its project, else creator, owner and assignees (GW-2)."""

from tasks.domain.projects import Project
from tasks.domain.task import Task


def may_see(task: Task, *, project: Project | None, person_id: str) -> bool:
    """Tell whether a person may see a task, given the project it is in, if it is in one.

    A task whose project is not there is seen by nobody.
    """
    if task.project_id:
        return project is not None and person_id in project.member_ids
    return person_id in task.participants
