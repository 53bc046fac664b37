"""The shapes of the documents, to and from the domain."""

from datetime import date, datetime
from typing import Any, Final

from tasks.domain.dues import Due, DueAt, DueOn
from tasks.domain.history import Change
from tasks.domain.identity import ColumnId, PersonId, ProjectId, TaskId, TenantId
from tasks.domain.projects import Column, Project
from tasks.domain.states import Priority, State
from tasks.domain.task import Task

Document = dict[str, Any]

TASK_SCHEMA: Final = 1
PROJECT_SCHEMA: Final = 1
HISTORY_SCHEMA: Final = 1
COUNTER_SCHEMA: Final = 1
COLUMN_LOCK_SCHEMA: Final = 1
PERSON_SCHEMA: Final = 1


def task_document(task: Task, *, overdue_at: datetime | None = None) -> Document:
    """Return the stored document of a task.

    `participants` are the people who see it by themselves: empty in a project. `overdue_at` is
    the instant at which the scheduler must look at it, for as long as its due value is to be
    announced (TSK-3).
    """
    document: Document = {
        "_id": task.id,
        "tenant_id": task.tenant_id,
        "project_id": task.project_id,
        "number": task.number,
        "title": task.title,
        "description": task.description,
        "state": task.state.value,
        "priority": task.priority.value,
        "creator_id": task.creator_id,
        "owner_id": task.owner_id,
        "assignee_ids": list(task.assignee_ids),
        "participants": [] if task.project_id else list(task.participants),
        "due": _due_document(task.due),
        "column_id": task.column_id,
        "rank": task.rank,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "stepped_at": task.stepped_at,
        "completed_at": task.completed_at,
        "version": task.version,
        "overdue_for": task.overdue_for,
    }
    if overdue_at is not None:
        document["overdue_at"] = overdue_at
    return document


def task_of(document: Document) -> Task:
    """Return the task of a document; a description that was not read is empty."""
    return Task(
        id=TaskId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        project_id=ProjectId(document["project_id"]),
        number=document["number"],
        title=document["title"],
        description=document.get("description", ""),
        state=State(document["state"]),
        priority=Priority(document["priority"]),
        creator_id=PersonId(document["creator_id"]),
        owner_id=PersonId(document["owner_id"]),
        assignee_ids=tuple(PersonId(person) for person in document["assignee_ids"]),
        due=_due_of(document["due"]),
        column_id=ColumnId(document["column_id"]),
        rank=document["rank"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        stepped_at=document["stepped_at"],
        completed_at=document["completed_at"],
        version=document["version"],
        overdue_for=document["overdue_for"],
    )


def project_document(project: Project) -> Document:
    """Return a project as it is stored."""
    return {
        "_id": project.id,
        "tenant_id": project.tenant_id,
        "name": project.name,
        "goal": project.goal,
        "owner_id": project.owner_id,
        "member_ids": list(project.member_ids),
        "columns": [
            {"id": column.id, "name": column.name, "state": column.state.value}
            for column in project.columns
        ],
        "created_at": project.created_at,
        "version": project.version,
        "closed": project.closed,
    }


def project_of(document: Document) -> Project:
    """Return the project of a document; goal, members and columns not read are empty."""
    return Project(
        id=ProjectId(document["_id"]),
        tenant_id=TenantId(document["tenant_id"]),
        name=document["name"],
        goal=document.get("goal", ""),
        owner_id=PersonId(document["owner_id"]),
        member_ids=tuple(PersonId(person) for person in document.get("member_ids", ())),
        columns=tuple(
            Column(id=ColumnId(column["id"]), name=column["name"], state=State(column["state"]))
            for column in document.get("columns", ())
        ),
        created_at=document["created_at"],
        version=document["version"],
        closed=document.get("closed", False),
    )


def change_document(change: Change, *, tenant_id: TenantId, ordinal: int) -> Document:
    """Return a change as it is stored; `ordinal` is its place in its version, from 0."""
    return {
        "_id": f"{change.task_id}:{change.version}:{ordinal}",
        "tenant_id": tenant_id,
        "task_id": change.task_id,
        "version": change.version,
        "ordinal": ordinal,
        "actor_id": change.actor_id,
        "at": change.at,
        "field": change.field,
        "from": change.from_value,
        "to": change.to_value,
    }


def change_of(document: Document) -> Change:
    """Return the change of a document."""
    return Change(
        task_id=TaskId(document["task_id"]),
        version=document["version"],
        actor_id=PersonId(document["actor_id"]),
        at=document["at"],
        field=document["field"],
        from_value=document["from"],
        to_value=document["to"],
    )


def _due_document(due: Due | None) -> dict[str, datetime | str] | None:
    match due:
        case None:
            return None
        case DueAt(at):
            return {"at": at}
        case DueOn():
            return {"on": due.text}


def _due_of(document: dict[str, Any] | None) -> Due | None:
    if document is None:
        return None
    if "at" in document:
        return DueAt(document["at"])
    return DueOn(date.fromisoformat(document["on"]))
