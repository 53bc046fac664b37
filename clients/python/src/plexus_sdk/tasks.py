"""Tasks: create, assign, move, list."""

import re
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date, datetime
from typing import Final, Literal

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.tasks.v1 import tasks_pb2
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus.tasks.v1.tasks_service_pb2 import (
    AssignTaskRequest,
    CreateTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    MoveTaskRequest,
)

from plexus_sdk.connection import Plexus, new_request_id
from plexus_sdk.people import People

# Requests identify a task by its id; only `GetTask` finds one by its key.
_KEY: Final = re.compile(r"T-[1-9][0-9]*", re.IGNORECASE)

State = Literal["todo", "doing", "blocked", "done", "cancelled"]
Priority = Literal["low", "normal", "high", "urgent"]


class Tasks:
    """The tasks that the caller may see; a task is given by id or by key such as `T-128`."""

    def __init__(self, plexus: Plexus, *, people: People) -> None:
        self._plexus = plexus
        self._people = people

    async def create(
        self,
        title: str,
        *,
        description: str = "",
        assignees: Iterable[str] = (),
        owner: str = "",
        due: date | datetime | None = None,
        priority: Priority = "normal",
        project_id: str = "",
        request_id: str = "",
    ) -> Task:
        """Create a task.

        Args:
            title: 1 to 500 characters.
            description: at most 128 KB.
            assignees: handles or ids of people who work on it.
            owner: handle or id of the accountable person; default: the caller (TSK-2).
            due: an aware datetime, or a date, which ends in the assignee's time zone (TSK-3).
            priority: priority of the task.
            project_id: project whose board shows it; default: none.
            request_id: idempotency key for repeats; generated if empty.

        Raises:
            NameNotFound: no person has one of these names.
            ValueError: `due` is a datetime without a time zone.
            Refused: the refusal of tasks.
        """
        assigned = list(assignees)
        names = [*assigned, *([owner] if owner else [])]
        people = await self._people.find(names) if names else {}
        request = CreateTaskRequest(
            request_id=request_id or new_request_id(),
            project_id=project_id,
            title=title,
            description=description,
            priority=tasks_pb2.TaskPriority.Value(f"TASK_PRIORITY_{priority.upper()}"),
            owner_id=people[owner].id if owner else "",
            assignee_ids=[people[name].id for name in assigned],
            due=None if due is None else due_of(due),
        )
        return (await self._plexus.call(self._plexus.tasks.CreateTask, request)).task

    async def assign(
        self, task: str, assignees: Iterable[str], *, expected_version: int = 0
    ) -> Task:
        """Replace the people who work on a task.

        Args:
            task: id or key.
            assignees: handles or ids.
            expected_version: version that was read; 0 replaces any version.

        Raises:
            NameNotFound: no person has one of these names.
            Refused: `TASK_NOT_FOUND`, `VERSION_CONFLICT`.
        """
        people = await self._people.find(assignees)
        request = AssignTaskRequest(
            request_id=new_request_id(),
            task_id=await task_id_of(self._plexus, task),
            expected_version=expected_version,
            assignee_ids=[person.id for person in people.values()],
        )
        return (await self._plexus.call(self._plexus.tasks.AssignTask, request)).task

    async def move(self, task: str, state: State, *, expected_version: int = 0) -> Task:
        """Move a task to another state (TSK-1).

        Raises:
            Refused: `TASK_NOT_FOUND`, `TRANSITION_NOT_ALLOWED`, `VERSION_CONFLICT`.
        """
        request = MoveTaskRequest(
            request_id=new_request_id(),
            task_id=await task_id_of(self._plexus, task),
            expected_version=expected_version,
            state=Task.State.Value(f"STATE_{state.upper()}"),
        )
        return (await self._plexus.call(self._plexus.tasks.MoveTask, request)).task

    async def get(self, task: str) -> Task:
        """Return a task; raises Refused with `TASK_NOT_FOUND`."""
        return await get_task(self._plexus, task)

    async def all(
        self, *, assignee: str = "", states: Iterable[State] = (), project_id: str = ""
    ) -> AsyncIterator[Task]:
        """Yield tasks, most recently changed first.

        Args:
            assignee: handle or id; default: any.
            states: default: every state.
            project_id: default: every project.
        """
        assignee_id = (await self._people.get(assignee)).id if assignee else ""
        wanted = [Task.State.Value(f"STATE_{state.upper()}") for state in states]
        token = ""
        while True:
            request = ListTasksRequest(
                page_size=200,
                page_token=token,
                project_id=project_id,
                assignee_id=assignee_id,
                states=wanted,
            )
            response = await self._plexus.call(self._plexus.tasks.ListTasks, request)
            for task in response.tasks:
                yield task
            token = response.next_page_token
            if not token:
                return


async def get_task(plexus: Plexus, task: str) -> Task:
    """Return a task by its id or key; raises Refused with `TASK_NOT_FOUND`."""
    named = {"key": task.upper()} if _KEY.fullmatch(task) else {"task_id": task}
    return (await plexus.call(plexus.tasks.GetTask, GetTaskRequest(**named))).task


async def task_id_of(plexus: Plexus, task: str) -> str:
    """Return the id of a task given by its id or key; raises Refused with `TASK_NOT_FOUND`."""
    return (await get_task(plexus, task)).id if _KEY.fullmatch(task) else task


def due_of(due: date | datetime) -> Due:
    """Return a due date of the contract; raises ValueError for a datetime without a time zone."""
    if not isinstance(due, datetime):
        return Due(date=due.isoformat())
    if due.tzinfo is None:
        raise ValueError("a due time needs a time zone; a date alone ends in the assignee's zone")
    stamp = Timestamp()
    stamp.FromDatetime(due.astimezone(UTC))
    return Due(at=stamp)
