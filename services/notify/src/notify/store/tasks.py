"""Tasks from their facts, and the reminders of their due values."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import (
    ASCENDING,
    Database,
    DeleteOne,
    Documents,
    Index,
    Transaction,
    UpdateOne,
    Write,
)

from notify.domain.tasks import Reminder, Task

SCHEMA_VERSION: Final = 1

TASKS: Final = Documents(Task, names={"id": "_id"})


class TaskStore:
    """The collections `tasks` and `reminders`; a reminder's `_id` is `<task>:<person>`."""

    def __init__(self, db: Database) -> None:
        self._tasks = db.collection("tasks", schema_version=SCHEMA_VERSION)
        self._reminders = db.collection("reminders", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create collections and indexes."""
        await self._tasks.ensure_indexes([])
        await self._reminders.ensure_indexes(
            [
                Index(keys=[("at", ASCENDING)], name="due"),
                Index(keys=[("task_id", ASCENDING)], name="task"),
            ]
        )

    async def get(self, task_id: str, *, tx: Transaction | None = None) -> Task | None:
        """Return a task, None when it is not known."""
        document = await self._tasks.find_one({"_id": task_id}, tx=tx)
        return TASKS.from_document(document) if document else None

    async def find(self, task_ids: Iterable[str]) -> dict[str, Task]:
        """Return tasks by id, those that are not known left out."""
        found = await self._tasks.find_all({"_id": {"$in": sorted(set(task_ids))}})
        return {document["_id"]: TASKS.from_document(document) for document in found}

    async def put(self, task: Task, *, tx: Transaction) -> None:
        """Store a task, replacing any previous state."""
        await self._tasks.replace({"_id": task.id}, TASKS.to_document(task), upsert=True, tx=tx)

    async def arm(self, task: Task, reminders: Sequence[Reminder], *, tx: Transaction) -> None:
        """Make these the only reminders of a task."""
        kept = [_reminder_id(each.task_id, each.person_id) for each in reminders]
        await self._reminders.delete_many({"task_id": task.id, "_id": {"$nin": kept}}, tx=tx)
        writes = [
            UpdateOne(
                {"_id": _reminder_id(each.task_id, each.person_id)},
                {
                    "$set": {
                        "task_id": each.task_id,
                        "person_id": each.person_id,
                        "tenant_id": each.tenant_id,
                        "due_mark": each.due_mark,
                        "at": each.at,
                    }
                },
                upsert=True,
            )
            for each in reminders
        ]
        await self._reminders.bulk(writes, tx=tx)

    async def due(self, *, now: datetime, limit: int) -> list[Reminder]:
        """Return reminders whose time has come, the longest first."""
        found = await self._reminders.find_all(
            {"at": {"$lte": now}}, sort=[("at", ASCENDING)], limit=limit
        )
        return [
            Reminder(
                task_id=document["task_id"],
                person_id=document["person_id"],
                tenant_id=document["tenant_id"],
                due_mark=document["due_mark"],
                at=document["at"],
            )
            for document in found
        ]

    async def settle(
        self, done: Iterable[Reminder], *, moved: Iterable[tuple[Reminder, datetime]]
    ) -> None:
        """Remove reminders and reschedule others, if they are unchanged since they were read."""
        writes: list[Write] = [DeleteOne(_seen(reminder)) for reminder in done]
        writes += [UpdateOne(_seen(each), {"$set": {"at": at}}) for each, at in moved]
        await self._reminders.bulk(writes)


def _reminder_id(task_id: str, person_id: str) -> str:
    return f"{task_id}:{person_id}"


def _seen(reminder: Reminder) -> dict[str, Any]:
    return {
        "_id": _reminder_id(reminder.task_id, reminder.person_id),
        "due_mark": reminder.due_mark,
        "at": reminder.at,
    }
