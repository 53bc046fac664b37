"""Visibility of a task: the members of its project, else creator, owner and assignees (GW-2)."""

from tasks.domain.projects import Project
from tasks.domain.task import Task


def may_see(task: Task, *, project: Project | None, person_id: str) -> bool:
    """Return whether a person may see a task, given its project, if it has one.

    A task whose project is missing is not visible to anyone.
    """
    if task.project_id:
        return project is not None and person_id in project.member_ids
    return person_id in task.participants
