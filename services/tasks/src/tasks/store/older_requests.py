"""Request records of 0.2.0: another key, another hash, and the whole answer.

To be deleted in the release after the next: by then the last of them has expired.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from plexus.tasks.v1 import tasks_pb2
from plexus.tasks.v1 import tasks_service_pb2 as pb
from plexuskit.mongo import Document
from plexuskit.request_ids import Answer, Request, check_same
from plexuskit.timestamps import requested_instant

from tasks.domain.dues import DueAt, due_on
from tasks.events import PRIORITIES, STATES

_PRIORITIES: Final = {value: priority.value for priority, value in PRIORITIES.items()}
_STATES: Final = {value: state.value for state, value in STATES.items()}


class OlderRequests:
    """Finds those records, and reads the ids out of stored answers."""

    def key(self, request: Request) -> str:
        """Return the key of that release."""
        return f"{request.tenant_id}/{request.person_id}/{request.request_id}"

    def answer(self, request: Request, record: Document) -> Answer:
        """Read the id of what was answered.

        Refusals: RequestIdReused when the record is of other content.
        """
        check_same(request, bytes(record["digest"]), content_hash=_digest(request.message))
        answered: dict[str, Document] = record["answer"]
        (document,) = answered.values()
        return {"id": document["_id"]}


def _digest(message: Any) -> bytes:
    verb, content = _content(message)
    text = json.dumps([verb, content], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).digest()


def _content(message: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the verb and what a request says, as that release hashed them."""
    match message:
        case pb.CreateProjectRequest():
            return "create_project", {
                **_fields(message, "name", "goal"),
                "member_ids": list(message.member_ids),
            }
        case pb.CreateTaskRequest():
            return "create_task", {
                **_fields(message, "project_id", "title", "description", "owner_id"),
                "priority": _PRIORITIES.get(message.priority),
                "assignee_ids": list(message.assignee_ids),
                "due": _due(message),
            }
        case pb.UpdateTaskRequest():
            set_fields = {
                name: getattr(message, name) if message.HasField(name) else None
                for name in ("title", "description", "owner_id")
            }
            return "update_task", {
                **_fields(message, "task_id", "expected_version", "clear_due"),
                **set_fields,
                "priority": _PRIORITIES.get(message.priority),
                "due": _due(message),
            }
        case pb.AssignTaskRequest():
            return "assign_task", {
                **_fields(message, "task_id", "expected_version"),
                "assignee_ids": list(message.assignee_ids),
            }
        case pb.MoveTaskRequest():
            return "move_task", {
                **_fields(message, "task_id", "expected_version", "column_id", "after_task_id"),
                "state": _STATES.get(message.state),
            }
    # A type that is newer than that release: its hash is none of those.
    return message.DESCRIPTOR.full_name, {}


def _fields(message: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(message, name) for name in names}


def _due(message: pb.CreateTaskRequest | pb.UpdateTaskRequest) -> str | None:
    due: tasks_pb2.Due = message.due
    if due.WhichOneof("due") is None:
        return None
    if due.WhichOneof("due") == "at":
        return DueAt(requested_instant(due.at, field="due.at")).text
    return due_on(due.date).text
