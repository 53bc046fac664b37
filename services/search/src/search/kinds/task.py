"""Tasks, readable through their project or, without one, by their participants."""

from typing import Final

from plexus.event.v1.envelope_pb2 import Envelope
from plexus.tasks.v1 import events_pb2 as facts
from plexus.tasks.v1.tasks_pb2 import Task
from plexus.topics import SEARCH_TASKS
from plexus_access.objects import TASK

from search.domain.definitions import Definition
from search.domain.documents import Document, container, without_marks
from search.domain.types import AT, AUTHOR, KEYS, DocumentType, Field
from search.events import by_name, check_entity, fact_of, instant, lower_name

_COLUMNS: Final = "plexus.tasks.v1.Task"
_FACTS: Final = by_name(facts.TaskCreated, facts.TaskChanged, facts.TaskOverdue)

TYPE: Final = DocumentType(
    name="task",
    number=2,
    plural="tasks",
    owner="tasks",
    permission="tasks.read",
    object_kind=TASK,
    columns={
        "title": (f"{_COLUMNS}.title",),
        "text": (f"{_COLUMNS}.description",),
        "names": (f"{_COLUMNS}.key",),
        KEYS: (f"{_COLUMNS}.id", f"{_COLUMNS}.key"),
        AUTHOR: (f"{_COLUMNS}.creator_id",),
        AT: (f"{_COLUMNS}.created_at", f"{_COLUMNS}.updated_at"),
    },
    fields={
        "key": Field.KEYWORD,
        "state": Field.KEYWORD,
        "owner_id": Field.KEYWORD,
        "assignees": Field.KEYWORD,
        "participants": Field.KEYWORD,
        "project_id": Field.KEYWORD,
    },
)


def _read(envelope: Envelope) -> Document | None:
    """Make the document of a task, readable through its project or, without one, its people."""
    fact = fact_of(envelope, _FACTS)
    if fact is None:
        return None
    task: Task = fact.task
    check_entity(envelope, task.id)
    participants = sorted({task.creator_id, task.owner_id, *task.assignee_ids} - {""})
    if task.project_id:
        containers = [container("project", task.project_id)]
    else:
        containers = [container("task-participant", each) for each in participants]
    return Document(
        type=TYPE,
        id=task.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=tuple(containers),
        author_id=task.creator_id,
        at=instant(task.updated_at if task.HasField("updated_at") else task.created_at),
        title=without_marks(task.title),
        text=without_marks(task.description),
        names=(task.key,) if task.key else (),
        keys=tuple(each for each in (task.id, task.key) if each),
        details={
            "key": task.key,
            "state": lower_name(Task.State.Name(task.state), "STATE_"),
            "owner_id": task.owner_id,
            "assignees": list(task.assignee_ids),
            "participants": participants,
            "project_id": task.project_id,
        },
    )


DEFINITION: Final = Definition(type=TYPE, group=SEARCH_TASKS, read=_read)
