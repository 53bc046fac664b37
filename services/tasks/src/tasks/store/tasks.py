"""Tasks in MongoDB."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from plexuskit.mongo import (
    ASCENDING,
    DESCENDING,
    Database,
    Document,
    DuplicateKey,
    Index,
    ReplaceOne,
    Retry,
    Transaction,
    UpdateOne,
)

from tasks.domain.dues import DueOn, last_deadline
from tasks.domain.identity import Actor, ColumnId, ProjectId, TaskId, TenantId
from tasks.domain.projects import Project
from tasks.domain.states import State
from tasks.domain.task import Task
from tasks.store.documents import TASK_SCHEMA, TASKS, task_document
from tasks.store.people import PeopleStore

_KEY: Final = re.compile(r"T-([1-9][0-9]{0,17})")
_WITHOUT_DESCRIPTION: Final = {"description": 0}
_IS_OPEN: Final = {"$in": [state.value for state in State if state.is_open]}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Filter of a list of tasks; empty fields do not restrict it."""

    assignee_id: str = ""
    states: tuple[State, ...] = ()


class TaskStore:
    """Collection `tasks`. Days end in `zone` for people whose zone is not known (TSK-3)."""

    def __init__(self, db: Database, *, people: PeopleStore, zone: ZoneInfo) -> None:
        self._tasks = db.collection("tasks", schema_version=TASK_SCHEMA)
        self._people = people
        self._zone = zone

    async def ensure_indexes(self) -> None:
        """Create the indexes of these queries."""
        recent = [("updated_at", DESCENDING), ("_id", DESCENDING)]
        tenant = ("tenant_id", ASCENDING)
        await self._tasks.ensure_indexes(
            [
                Index(keys=[tenant, ("number", ASCENDING)], unique=True, name="number"),
                Index(keys=[tenant, ("project_id", ASCENDING), *recent], name="of_project"),
                Index(keys=[tenant, ("participants", ASCENDING), *recent], name="of_participant"),
                Index(keys=[tenant, ("assignee_ids", ASCENDING), *recent], name="of_assignee"),
                # Open tasks of a person, for any caller.
                Index(
                    keys=[
                        tenant,
                        ("owner_id", ASCENDING),
                        ("state", ASCENDING),
                        ("_id", ASCENDING),
                    ],
                    name="of_owner",
                ),
                Index(
                    keys=[
                        tenant,
                        ("assignee_ids", ASCENDING),
                        ("state", ASCENDING),
                        ("_id", ASCENDING),
                    ],
                    name="open_of_assignee",
                ),
                # Open tasks of members who leave a project.
                Index(
                    keys=[tenant, ("project_id", ASCENDING), ("owner_id", ASCENDING)],
                    partial={"state": _IS_OPEN},
                    name="open_of_project_owner",
                ),
                Index(
                    keys=[tenant, ("project_id", ASCENDING), ("assignee_ids", ASCENDING)],
                    partial={"state": _IS_OPEN},
                    name="open_of_project_assignee",
                ),
                # Two tasks never share a place: the second writer reads again and takes another.
                Index(
                    keys=[
                        ("project_id", ASCENDING),
                        ("column_id", ASCENDING),
                        ("rank", ASCENDING),
                    ],
                    unique=True,
                    partial={"column_id": {"$gt": ""}},
                    name="board",
                ),
                Index(
                    keys=[("overdue_at", ASCENDING)],
                    partial={"overdue_at": {"$exists": True}},
                    name="overdue",
                ),
            ]
        )

    async def add(self, tasks: Sequence[Task], *, tx: Transaction) -> None:
        """Store new tasks.

        Raises:
            Retry: a place on the board was taken at the same moment.
        """
        documents = await self._documents(tasks, tx=tx)
        try:
            await self._tasks.insert_many(documents, tx=tx)
        except DuplicateKey as taken:
            raise Retry from taken

    async def save(self, *tasks: Task, tx: Transaction) -> None:
        """Store the next version of tasks, in this order.

        Raises:
            Retry: one is no longer in the version before, or its place on the board was taken.
        """
        documents = await self._documents(tasks, tx=tx)
        writes = [
            ReplaceOne({"_id": task.id, "version": task.version - 1}, document)
            for task, document in zip(tasks, documents, strict=True)
        ]
        try:
            outcome = await self._tasks.bulk(writes, ordered=True, tx=tx)
        except DuplicateKey as taken:
            raise Retry from taken
        if outcome.matched != len(tasks):
            raise Retry

    async def get(
        self, task_id: str, *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> Task | None:
        """Return a task of the tenant by its id."""
        document = await self._tasks.find_one({"tenant_id": tenant_id, "_id": task_id}, tx=tx)
        return TASKS.from_document(document) if document else None

    async def id_of_key(self, key: str, *, tenant_id: TenantId) -> str:
        """Return the id of the task with a key (`T-128`); empty without one."""
        number = _KEY.fullmatch(key)
        document = await self._tasks.find_one(
            {"tenant_id": tenant_id, "number": int(number[1]) if number else 0},
            projection={"_id": True},
        )
        return str(document["_id"]) if document else ""

    async def get_many(
        self, task_ids: Sequence[str], *, tenant_id: TenantId, tx: Transaction | None = None
    ) -> dict[str, Task]:
        """Return those that exist of some tasks, by id, without descriptions."""
        documents = await self._tasks.find_all(
            {"tenant_id": tenant_id, "_id": {"$in": list(task_ids)}},
            projection=_WITHOUT_DESCRIPTION,
            tx=tx,
        )
        return {str(document["_id"]): TASKS.from_document(document) for document in documents}

    async def whole(self, task_ids: Sequence[str], *, tx: Transaction) -> dict[TaskId, Task]:
        """Return tasks by id, complete, to be changed in this transaction."""
        documents = await self._tasks.find_all({"_id": {"$in": list(task_ids)}}, tx=tx)
        return {TaskId(document["_id"]): TASKS.from_document(document) for document in documents}

    async def page_visible(
        self,
        actor: Actor,
        *,
        project_ids: Sequence[ProjectId],
        loose: bool,
        narrowed: TaskFilter,
        after: tuple[datetime, str] | None,
        limit: int,
    ) -> list[Task]:
        """Return tasks of these projects, last changed first, and more if `loose`.

        Those are the ones without a project whose creator, owner or assignee is the actor. `after`
        is `updated_at` and id of the task after which to continue.
        """
        seen: list[Document] = []
        if project_ids:
            seen.append({"project_id": {"$in": list(project_ids)}})
        if loose:
            seen.append({"participants": actor.person_id})
        if not seen:
            return []

        wanted: Document = {"tenant_id": actor.tenant_id}
        wanted |= {"$or": seen} if len(seen) > 1 else seen[0]
        if narrowed.assignee_id:
            wanted["assignee_ids"] = narrowed.assignee_id
        if narrowed.states:
            wanted["state"] = {"$in": [state.value for state in narrowed.states]}
        if after is not None:
            at, task_id = after
            wanted["updated_at"] = {"$lte": at}
            # As `$nor` it is evaluated after the index; as `$or` it would prevent merging by index.
            wanted["$nor"] = [{"updated_at": at, "_id": {"$gte": task_id}}]
        documents = await self._tasks.find_all(
            wanted,
            sort=[("updated_at", DESCENDING), ("_id", DESCENDING)],
            limit=limit,
        )
        return [TASKS.from_document(document) for document in documents]

    async def open_of(
        self,
        person_id: str,
        *,
        tenant_id: TenantId,
        after: str = "",
        whole: bool = False,
        limit: int,
        tx: Transaction | None = None,
    ) -> list[Task]:
        """Return open tasks of which a person is owner or assignee, oldest first.

        Args:
            person_id: whose.
            tenant_id: of the person.
            after: id of the task to go on after.
            whole: with descriptions, to be changed.
            limit: how many.
            tx: the transaction in which they are changed.
        """
        wanted: Document = {"tenant_id": tenant_id, "state": _IS_OPEN, "_id": {"$gt": after}}
        found: dict[str, Task] = {}
        for field, index in (("owner_id", "of_owner"), ("assignee_ids", "open_of_assignee")):
            documents = await self._tasks.find_all(
                {**wanted, field: person_id},
                projection=None if whole else _WITHOUT_DESCRIPTION,
                sort=[("_id", ASCENDING)],
                limit=limit,
                hint=index,
                tx=tx,
            )
            found |= {document["_id"]: TASKS.from_document(document) for document in documents}
        return [found[task_id] for task_id in sorted(found)[:limit]]

    async def busy_among(
        self, person_ids: Sequence[str], *, project: Project, tx: Transaction
    ) -> str:
        """Return one of these people who has an open task in a project; empty without any."""
        wanted: Document = {
            "tenant_id": project.tenant_id,
            "project_id": project.id,
            "state": _IS_OPEN,
        }
        for field, index in (
            ("owner_id", "open_of_project_owner"),
            ("assignee_ids", "open_of_project_assignee"),
        ):
            found = await self._tasks.find_one(
                {**wanted, field: {"$in": sorted(person_ids)}},
                projection=["owner_id", "assignee_ids"],
                hint=index,
                tx=tx,
            )
            if found is not None:
                people = {found["owner_id"], *found["assignee_ids"]}
                return str(min(people.intersection(person_ids)))
        return ""

    async def lane(
        self, project_id: ProjectId, column_id: ColumnId, *, after: str, limit: int
    ) -> list[Task]:
        """Return tasks of a column in rank order, after a rank, without their descriptions."""
        documents = await self._tasks.find_all(
            {"project_id": project_id, "column_id": column_id, "rank": {"$gt": after}},
            projection=_WITHOUT_DESCRIPTION,
            sort=[("rank", ASCENDING)],
            limit=limit,
        )
        return [TASKS.from_document(document) for document in documents]

    async def ranks(
        self,
        project_id: ProjectId,
        column_id: ColumnId,
        *,
        without: TaskId,
        after: str = "",
        last_first: bool = False,
        limit: int = 0,
        tx: Transaction,
    ) -> list[tuple[TaskId, str]]:
        """Return ids and ranks of a column's tasks in order, but for one task.

        Only those with a rank greater than `after`; from the bottom up if `last_first`.
        """
        documents = await self._tasks.find_all(
            {
                "project_id": project_id,
                "column_id": column_id,
                "rank": {"$gt": after},
                "_id": {"$ne": without},
            },
            projection={"rank": 1},
            sort=[("rank", DESCENDING if last_first else ASCENDING)],
            limit=limit,
            tx=tx,
        )
        return [(TaskId(document["_id"]), document["rank"]) for document in documents]

    async def overdue(self, *, now: datetime, limit: int) -> list[TaskId]:
        """Return tasks whose due value may have passed unannounced, the longest first (TSK-3)."""
        documents = await self._tasks.find_all(
            {"overdue_at": {"$lte": now}},
            projection={"_id": 1},
            sort=[("overdue_at", ASCENDING)],
            limit=limit,
        )
        return [TaskId(document["_id"]) for document in documents]

    async def look_again(self, tasks: Sequence[Task], *, tx: Transaction | None = None) -> None:
        """Correct `overdue_at` of tasks where it does not match these zones (any more)."""
        deadlines = await self.deadlines(tasks, tx=tx)
        writes = [
            UpdateOne(
                {"_id": task.id, "version": task.version},
                {"$set": {"overdue_at": deadlines[task.id]}}
                if task.id in deadlines
                else {"$unset": {"overdue_at": ""}},
            )
            for task in tasks
        ]
        await self._tasks.bulk(writes, tx=tx)

    async def deadlines(
        self, tasks: Sequence[Task], *, tx: Transaction | None = None
    ) -> dict[TaskId, datetime]:
        """Return when due values that are still to be announced have passed, by task (TSK-3).

        A day has passed when it has ended for all who are responsible.
        """
        waiting = [task for task in tasks if task.awaits_due]
        people = {
            person for task in waiting if isinstance(task.due, DueOn) for person in task.responsible
        }
        zones = await self._people.zones(people, tx=tx)
        return {
            task.id: last_deadline(
                task.due, zones=[zones.get(each, self._zone) for each in task.responsible]
            )
            for task in waiting
            if task.due is not None
        }

    async def _documents(self, tasks: Sequence[Task], *, tx: Transaction) -> list[Document]:
        deadlines = await self.deadlines(tasks, tx=tx)
        return [task_document(task, overdue_at=deadlines.get(task.id)) for task in tasks]

    async def count(self, *, tenant_id: TenantId) -> int:
        """Count the tasks of a tenant."""
        return await self._tasks.count({"tenant_id": tenant_id})

    async def everyone(self, *, tenant_id: str) -> AsyncIterator[Task]:
        """Yield every task without its description, of one tenant or with an empty id of all."""
        wanted = {"tenant_id": tenant_id} if tenant_id else {}
        async for document in self._tasks.find(wanted, projection=_WITHOUT_DESCRIPTION):
            yield TASKS.from_document(document)
