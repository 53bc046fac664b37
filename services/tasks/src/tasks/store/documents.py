"""The shapes of the documents, to and from the domain."""

from datetime import date, datetime
from typing import Any, Final

from plexuskit.mongo import Codec, Computed, Document, Documents

from tasks.domain.dues import Due, DueAt, DueOn
from tasks.domain.history import Change
from tasks.domain.identity import PersonId, TaskId, TenantId
from tasks.domain.projects import Project
from tasks.domain.task import Task

TASK_SCHEMA: Final = 1
PROJECT_SCHEMA: Final = 1
HISTORY_SCHEMA: Final = 1
COUNTER_SCHEMA: Final = 1
COLUMN_LOCK_SCHEMA: Final = 1
PERSON_SCHEMA: Final = 1


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


TASKS: Final = Documents(
    Task,
    names={"id": "_id"},
    # The people who see it by themselves: none in a project.
    computed={
        "participants": Computed(
            lambda task: [] if task.project_id else list(task.participants), after="assignee_ids"
        )
    },
    # Not read for lists.
    missing={"description": ""},
    codecs={Due | None: Codec(_due_document, _due_of)},
)
PROJECTS: Final = Documents(
    Project,
    names={"id": "_id"},
    # Not read for summaries.
    missing={"goal": "", "member_ids": (), "columns": ()},
)


def task_document(task: Task, *, overdue_at: datetime | None = None) -> Document:
    """Return the stored document of a task.

    `overdue_at` is the instant at which the scheduler must look at it, for as long as its due value
    is to be announced (TSK-3).
    """
    document = TASKS.to_document(task)
    if overdue_at is not None:
        document["overdue_at"] = overdue_at
    return document


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
